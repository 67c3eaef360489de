# SPDX-License-Identifier: Apache-2.0
"""What a client asks for when it connects: headers, or query parameters for browsers; refused before the upgrade."""

import re
from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import parse_qs

import msgspec

from netsonde.api.asgi import Scope, headers_of
from netsonde.api.websocket.namespaces import right_of_namespace
from netsonde.errors import UserError

Policy = Literal["full", "partial"]
Protocol = Literal["json", "protobuf"]
_LONGEST = 4096
_RESUME = re.compile(r"([0-9a-f]{32}):([0-9]{1,15})", re.ASCII)


class Handshake(msgspec.Struct, frozen=True):
    """Parameters of one connection."""

    host_id: str
    client_type: str
    namespaces: frozenset[str]
    """Empty = none was named."""
    gremlin_filter: str
    policy: Policy
    numbered: bool = False
    """Whether messages carry sequence numbers, with which the client may come back."""
    resume: tuple[str, int] | None = None
    """The session that it comes back to, and the number of the last message that it got."""
    protocol: Protocol = "json"
    deletes_on_disconnect: bool = False
    """Whether what it publishes goes when it leaves."""
    user: str = ""
    allowed: frozenset[str] | None = None
    """Namespaces that the user may see; None = all."""

    def may_see(self, namespace: str) -> bool:
        return self.allowed is None or namespace in self.allowed

    def wants(self, namespace: str) -> bool:
        """Tell whether messages of a namespace go to this client."""
        right_of_namespace(namespace)
        if not self.may_see(namespace):
            return False
        return not self.namespaces or "*" in self.namespaces or namespace in self.namespaces


def read_handshake(scope: Scope) -> Handshake:
    """Return the parameters; raises UserError for a missing or a wrong one."""
    given = _Parameters(scope)
    client_type = given.one("X-Client-Type")
    if not client_type:
        raise UserError(
            "the client does not say what it is: header X-Client-Type is missing",
            hint="browsers add ?x-client-type=NAME to the address",
        )
    protocol = (given.one("X-Client-Protocol") or "json").lower()
    if protocol not in ("json", "protobuf"):
        raise UserError(f"X-Client-Protocol {protocol[:40]!r} is not spoken here", hint="use json or protobuf")
    policy = (given.one("X-Update-Policy") or "full").lower()
    if policy not in ("full", "partial"):
        raise UserError(f"X-Update-Policy {policy[:40]!r} is not known", hint="use full or partial")
    resume = _resume(given.one("X-Resume") or given.one("resume"))
    is_numbered = resume is not None or _numbered(given.one("X-Sequence"))
    if is_numbered and protocol == "protobuf":
        raise UserError("protobuf messages have no room for sequence numbers", hint="use X-Client-Protocol: json")
    client = scope.get("client") or ("unknown", 0)
    return Handshake(
        host_id=given.one("X-Host-ID") or f"{client[0]}:{client[1]}",
        client_type=client_type,
        namespaces=frozenset(given.many("X-Websocket-Namespace")),
        gremlin_filter=given.one("X-Gremlin-Filter"),
        policy=cast(Policy, policy),
        numbered=is_numbered,
        resume=resume,
        protocol=cast(Protocol, protocol),
        deletes_on_disconnect=_deletes(given.one("X-Persistence-Policy")),
    )


def _numbered(value: str) -> bool:
    if value.lower() not in ("", "0", "1", "false", "true"):
        raise UserError(f"X-Sequence {value[:40]!r} is not understood", hint="use 1 or 0")
    return value.lower() in ("1", "true")


def _deletes(value: str) -> bool:
    if value.lower() not in ("", "persistent", "deleteondisconnect"):
        raise UserError(
            f"X-Persistence-Policy {value[:40]!r} is not known", hint="use Persistent or DeleteOnDisconnect"
        )
    return value.lower() == "deleteondisconnect"


def _resume(value: str) -> tuple[str, int] | None:
    if not value:
        return None
    found = _RESUME.fullmatch(value)
    if found is None:
        raise UserError(
            f"X-Resume {value[:60]!r} is not understood",
            hint="send SESSION:SEQ, the Session of the last SyncReply and the Seq of the last message",
        )
    return found[1], int(found[2])


class _Parameters:
    """Headers first, then the query parameter of the same name in lower case."""

    def __init__(self, scope: Scope) -> None:
        self._headers = headers_of(scope)
        self._query = self._parse(scope["query_string"])

    def one(self, name: str) -> str:
        value = self._headers.get(name.lower()) or self._query.get(name.lower(), [""])[-1]
        if len(value) > _LONGEST:
            raise UserError(f"{name} has {len(value)} characters", hint=f"at most {_LONGEST} are accepted")
        return value.strip()

    def many(self, name: str) -> list[str]:
        values = [self._headers.get(name.lower(), ""), *self._query.get(name.lower(), [])]
        return [part.strip() for value in values for part in value.split(",") if part.strip()]

    @staticmethod
    def _parse(query: bytes) -> Mapping[str, list[str]]:
        try:
            return parse_qs(query.decode(), errors="strict", max_num_fields=100)
        except ValueError as bad:
            raise UserError(f"the query parameters are not understood: {bad}") from bad
