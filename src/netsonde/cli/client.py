# SPDX-License-Identifier: Apache-2.0
"""The server as the verbs see it: `netsonde.client`, with answers left as plain data where they are only printed."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from netsonde.client import calls
from netsonde.client.answers import Completions, Explanation
from netsonde.client.blocking import Client as Api
from netsonde.client.call import JSON, Call, as_json, ask, segment, tell
from netsonde.client.errors import NoServer
from netsonde.errors import Span, UserError
from netsonde.model.captures import CaptureView

if TYPE_CHECKING:
    import ssl

__all__ = ["Client", "NoServer"]

T = TypeVar("T")
_PATIENCE = 60.0
"""Seconds without a byte after which an answer is given up."""


class Client:
    """One server."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        username: str = "",
        password: str = "",
        timeout: float = _PATIENCE,
        context: "ssl.SSLContext | None" = None,
    ) -> None:
        self.api = Api(url, headers=headers, username=username, password=password, timeout=timeout, context=context)
        self.url = self.api.server.url
        self.missing: list[str] = []
        """What the server said is missing from its last answer."""

    def get(self, path: str, into: type[T], query: Mapping[str, object] | None = None) -> T:
        return self.send(ask(path, into, query))

    def post(self, path: str, body: object, into: type[T], headers: Mapping[str, str] | None = None) -> T:
        return self.send(tell(path, body, into, headers))

    def upload(self, path: str, file: BinaryIO, size: int) -> Any:
        """Send a file; returns the answer as plain data."""
        return self.send(Call("POST", path, as_json(object), file, {"Content-Length": str(size)}))

    def query(self, gremlin: str, accept: str = JSON) -> bytes:
        """Run a query; returns the body, b"" for an empty query."""
        return self.send(calls.raw_query(gremlin, accept))

    def kind_of(self, gremlin: str) -> str:
        """Return what a query gives, "" when it is wrong: running it says why."""
        return self.send(calls.check(gremlin)).kind

    def explain(self, gremlin: str, *, profile: bool) -> Explanation:
        return self.send(calls.explain(gremlin, None, profile=profile))

    def complete(self, text: str, cursor: int) -> Completions:
        return self.send(calls.complete(text, cursor))

    def why_empty(self, gremlin: str) -> UserError | None:
        """Return why a query finds nothing, None when the server cannot tell."""
        found = self.explain(gremlin, profile=False)
        if not found.reason:
            return None
        span = Span(*found.span) if found.span else None
        return UserError(found.reason, hint=found.hint, span=span, text=gremlin)

    def captures(self) -> list[CaptureView]:
        return self.send(calls.captures())

    def find_capture(self, name: str) -> CaptureView:
        """Return the capture with this UUID, this name, or this beginning of a UUID; raises UserError."""
        return calls.named_capture(name, self.captures())

    def patch_capture(self, uuid: str, changes: Mapping[str, object], ttl: str = "") -> CaptureView:
        return self.send(calls.patch_capture(uuid, changes, ttl))

    def delete_capture(self, uuid: str) -> None:
        self.send(calls.delete_capture(uuid))

    def packets(self, uuid: str, parameters: Mapping[str, object]) -> Iterator[bytes]:
        """Yield a pcapng file as it arrives."""
        return self.api.stream(calls.pcapng(uuid, parameters))

    def packet_list(self, uuid: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        return self.get(f"/api/capture/{segment(uuid)}/packets", list[dict[str, Any]], parameters)

    def topology(self) -> Iterator[bytes]:
        """Yield the whole graph as it arrives."""
        return self.api.stream(calls.topology_bytes(), _PATIENCE)

    def header(self, path: str, name: str) -> str:
        """Return a header of the answer to GET, "" when it is absent."""
        return self.send(Call("GET", path, lambda answer: answer.headers.get(name.lower(), "")))

    def send(self, call: Call[T]) -> T:
        """Make one call; raises UserError for an answer that is no success."""
        found, answer = self.api.send(call.read_by(lambda answer: (call.decode(answer), answer)))
        self.missing = answer.notes()
        return found
