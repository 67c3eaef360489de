# SPDX-License-Identifier: Apache-2.0
"""What handlers share: the services they are given, and answers as JSON."""

import json
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from netsonde.api.asgi import Scope
from netsonde.api.services import Services

JSON = "application/json"
JSON_UTF8 = "application/json; charset=UTF-8"

ServicesDep: TypeAlias = NamedDependency[SkipValidation[Services]]
AnyRequest: TypeAlias = Request[Any, Any, State]

_NOTES_BYTES: Final = 4096
"""Proxies refuse headers of more than 8 KiB."""

_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    """Return JSON with a line end, as old command lines print it unchanged."""
    return _encoder.encode(value) + b"\n"


def completeness(missing_hosts: Sequence[str], *, truncated: bool, notes: Sequence[str] = ()) -> dict[str, str]:
    """Return headers that say what is known to be missing from an answer; none when nothing is."""
    headers = {"X-Missing-Hosts": ",".join(missing_hosts)} if missing_hosts else {}
    if notes:
        headers["X-Notes"] = _as_header(notes)
    return headers | ({"X-Truncated": "true"} if truncated else {})


def _as_header(notes: Sequence[str]) -> str:
    """Return texts as a JSON list in ASCII: names of bridges are anybody's, and headers take no line ends."""
    kept: list[str] = []
    room = _NOTES_BYTES
    for note in notes:
        room -= len(json.dumps(note)) + 2
        if room < 0:
            break
        kept.append(note)
    return json.dumps(kept)


def json_response(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Answer with any value that msgspec can encode."""
    return Response(content=encode(value), status_code=status, media_type=JSON_UTF8, headers=headers)


def scope_of(request: AnyRequest) -> Scope:
    """Return what is below the request; Litestar's is a TypedDict, the same at run time."""
    scope: Any = request.scope
    return scope  # type: ignore[no-any-return]
