# SPDX-License-Identifier: Apache-2.0
"""A call of the API as data: what is sent, and how its answer is read. No I/O; two transports carry it.

That is the whole protocol, so the blocking and the asyncio client cannot differ in more than who waits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from netsonde.client.errors import Missing

T = TypeVar("T")
U = TypeVar("U")

JSON = "application/json"
OR_PROBLEM = ", application/problem+json;q=0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A success; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def missing_hosts(self) -> tuple[str, ...]:
        """Hosts that did not answer in time, whose part is therefore not in the answer."""
        hosts = self.headers.get("x-missing-hosts", "")
        return tuple(host for host in hosts.split(",") if host)

    @property
    def truncated(self) -> bool:
        """Whether there was more than was looked at."""
        return "x-truncated" in self.headers

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why something is missing, where the server knows, such as a bridge that could not be asked."""
        try:
            return tuple(msgspec.json.decode(self.headers.get("x-notes", "[]"), type=list[str]))
        except msgspec.DecodeError:
            return ()

    def notes(self) -> list[str]:
        """Return what is known to be missing, in words."""
        hosts = ", ".join(self.missing_hosts)
        found = [f"incomplete: no answer in time from {hosts}"] if hosts else []
        found += [f"incomplete: {reason}" for reason in self.reasons]
        return found + (["incomplete: there is more than was looked at"] if self.truncated else [])


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reading of its answer."""

    method: str
    path: str
    """With its query string."""
    decode: Callable[[Answer], T]
    body: bytes | BinaryIO | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accept: str = JSON + OR_PROBLEM

    def read_by(self, decode: "Callable[[Answer], U]", accept: str = "") -> "Call[U]":
        """Return the same request with another reading of the answer."""
        return Call(self.method, self.path, decode, self.body, self.headers, accept or self.accept)

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does no harm, so that it may be sent again when a kept connection had died."""
        return self.method == "GET" or self.path in _ONLY_ASKING


_ONLY_ASKING = frozenset({"/api/topology", "/api/query/check", "/api/query/explain", "/api/query/complete"})


def ask(path: str, into: type[T], parameters: Mapping[str, object] | None = None) -> Call[T]:
    """Return a GET whose answer is JSON of a type."""
    return Call("GET", path + query_string(parameters or {}), as_json(into))


def tell(path: str, body: object, into: type[T], headers: Mapping[str, str] | None = None) -> Call[T]:
    """Return a POST of JSON whose answer is JSON of a type."""
    return Call("POST", path, as_json(into), msgspec.json.encode(body), {"Content-Type": JSON, **(headers or {})})


def as_json(into: type[T]) -> Callable[[Answer], T]:
    """Return a reading of JSON; what is not of the type raises Missing."""

    def decode(answer: Answer) -> T:
        try:
            return msgspec.json.decode(answer.body, type=into)
        except (msgspec.DecodeError, UnicodeDecodeError) as bad:
            raise Missing(
                f"the server does not answer like Netsonde: {bad}", hint="is it another program's port?"
            ) from bad

    return decode


def nothing(_: Answer) -> None:
    """Read an answer that says nothing."""


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def query_string(parameters: Mapping[str, object]) -> str:
    """Return parameters as a query string; those that are None or empty are left out, lists are repeated."""
    given = {name: _words(value) for name, value in parameters.items() if value not in (None, "", [], ())}
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _words(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
