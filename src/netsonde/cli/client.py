# SPDX-License-Identifier: Apache-2.0
"""Calls to the API of a server, for the command line.

Made of the standard library's HTTP client, which starts five times as fast as any other; a command makes one or two
calls. Errors of the server arrive as problem+json and are raised as the UserError that they were.
"""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from netsonde.errors import Span, UserError
from netsonde.model.captures import CaptureView

T = TypeVar("T")
JSON = "application/json, application/problem+json;q=0.9"
_PROBLEM = "application/problem+json"
_TIMEOUT = 60.0
_CHUNK = 64 * 1024


class NoServer(UserError):
    """Nothing answers at the address (exit status 3)."""


class Problem(msgspec.Struct, frozen=True):
    """What the server says is wrong."""

    status: int = 500
    detail: str = ""
    hint: str = ""
    text: str = ""
    start: int | None = None
    end: int | None = None


class Explanation(msgspec.Struct, frozen=True, rename="pascal"):
    """Why a query finds nothing."""

    reason: str = ""
    hint: str = ""
    span: tuple[int, int] | None = None


class Client:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            self._address = (parts.hostname or "", parts.port)
        except ValueError as wrong:
            raise UserError(f"{url!r} is no address of a server: {wrong}", hint=_URL_HINT) from wrong
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"{url!r} is no address of a server", hint=_URL_HINT)
        self._scheme = parts.scheme
        self.missing: list[str] = []
        """What the server said is missing from its last answer."""
        self._path = parts.path.rstrip("/")

    def get(self, path: str, into: type[T], query: Mapping[str, object] | None = None) -> T:
        return self._decode(self.send("GET", path + _parameters(query)), into)

    def post(self, path: str, body: object, into: type[T], headers: Mapping[str, str] | None = None) -> T:
        return self._decode(self.send("POST", path, body, headers=headers), into)

    def query(self, gremlin: str, accept: str = JSON) -> bytes:
        """Run a query; returns the body, b"" for an empty query."""
        return self.send("POST", "/api/topology", {"GremlinQuery": gremlin}, accept=accept)

    def why_empty(self, gremlin: str) -> UserError | None:
        """Return why a query finds nothing, None when the server cannot tell."""
        found = self.post("/api/query/explain", {"GremlinQuery": gremlin}, Explanation)
        if not found.reason:
            return None
        span = Span(*found.span) if found.span else None
        return UserError(found.reason, hint=found.hint, span=span, text=gremlin)

    def captures(self) -> list[CaptureView]:
        return list(self.get("/api/capture", dict[str, CaptureView]).values())

    def find_capture(self, name: str) -> CaptureView:
        """Return the capture with this UUID, this name, or this beginning of a UUID; raises UserError."""
        captures = self.captures()
        for found in (
            [one for one in captures if one.uuid == name],
            [one for one in captures if one.name == name],
            [one for one in captures if name and one.uuid.startswith(name)],
        ):
            if len(found) == 1:
                return found[0]
            if found:
                uuids = ", ".join(one.uuid for one in found)
                raise UserError(f"{len(found)} captures are called {name!r}: {uuids}", hint="give the whole UUID")
        raise UserError(f"no capture is called {name!r}", hint="`netsonde capture list` shows them")

    def patch_capture(self, uuid: str, changes: Mapping[str, object], headers: Mapping[str, str]) -> CaptureView:
        headers = {"Content-Type": "application/merge-patch+json", **headers}
        body = self.send("PATCH", f"/api/capture/{quote(uuid, safe='')}", changes, headers=headers)
        return self._decode(body, CaptureView)

    def delete_capture(self, uuid: str) -> None:
        self.send("DELETE", f"/api/capture/{quote(uuid, safe='')}")

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Make one call; returns the body of a 2xx answer, raises UserError for any other."""
        return b"".join(self.stream(method, path, body, accept=accept, headers=headers, timeout=_TIMEOUT))

    def header(self, path: str, name: str) -> str:
        """Return a header of the answer to GET, "" when it is absent."""
        connection = self._connect(_TIMEOUT)
        try:
            return self._ask(connection, "GET", path, None, {}).getheader(name, "")
        except (http.client.HTTPException, OSError) as lost:
            raise NoServer(f"the server at {self.url} went away: {lost or type(lost).__name__}") from lost
        finally:
            connection.close()

    def stream(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[bytes]:
        """Yield the body of the answer as it arrives; without a timeout, for as long as the server sends."""
        connection = self._connect(timeout)
        try:
            answer = self._ask(connection, method, path, body, {"Accept": accept, **(headers or {})})
            if not 200 <= answer.status < 300:
                raise _error(answer, self.url)
            self.missing = _missing(answer)
            while chunk := answer.read1(_CHUNK):
                yield chunk
        except (http.client.HTTPException, OSError) as lost:
            raise NoServer(f"the server at {self.url} went away: {lost or type(lost).__name__}") from lost
        finally:
            connection.close()

    def _connect(self, timeout: float | None) -> http.client.HTTPConnection:
        host, port = self._address
        connection: http.client.HTTPConnection
        if self._scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=context)
        else:
            connection = http.client.HTTPConnection(host, port or 80, timeout=_TIMEOUT)
        try:
            connection.connect()
        except OSError as failed:
            reason = failed.strerror or str(failed)
            raise NoServer(f"no server answers at {self.url}: {reason}", hint=_START_HINT) from failed
        connection.sock.settimeout(timeout)
        return connection

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        sent: Any = body
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "read"):
            sent = msgspec.json.encode(body)
            headers = {"Content-Type": "application/json", **headers}
        connection.request(method, self._path + path, sent, dict(headers))
        return connection.getresponse()

    def _decode(self, body: bytes, into: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=into)
        except msgspec.DecodeError as bad:
            raise UserError(
                f"{self.url} does not answer like Netsonde: {bad}", hint="is it another program's port?"
            ) from bad


_URL_HINT = "write http://HOST:PORT, as --url or in NETSONDE_URL"
_START_HINT = "start one with `netsonde allinone`, or name another with --url or NETSONDE_URL"


def _error(answer: http.client.HTTPResponse, url: str) -> UserError:
    body = answer.read(1024 * 1024)
    if answer.getheader("Content-Type", "").startswith(_PROBLEM):
        problem = msgspec.json.decode(body, type=Problem)
        span = Span(problem.start, problem.end) if problem.start is not None and problem.end is not None else None
        return UserError(problem.detail, hint=problem.hint, span=span, text=problem.text)
    text, _, hint = body.decode(errors="replace").strip().partition("\nhint: ")
    return UserError(text or f"{url} answered {answer.status} {answer.reason}", hint=hint)


def _missing(answer: http.client.HTTPResponse) -> list[str]:
    hosts = answer.getheader("X-Missing-Hosts", "")
    notes = [f"incomplete: no answer in time from {hosts}"] if hosts else []
    return notes + (["incomplete: there is more than was looked at"] if answer.getheader("X-Truncated") else [])


def _parameters(query: Mapping[str, object] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value not in (None, [], "")}
    return f"?{urlencode(given, doseq=True)}" if given else ""
