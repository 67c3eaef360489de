# SPDX-License-Identifier: Apache-2.0
"""What a client asks for when it connects: headers, or query parameters for browsers; refused before the upgrade."""

from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import parse_qs

import msgspec

from netsonde.api.asgi import Scope, headers_of
from netsonde.errors import UserError

Policy = Literal["full", "partial"]
_LONGEST = 4096


class Handshake(msgspec.Struct, frozen=True):
    """Parameters of one connection."""

    host_id: str
    client_type: str
    namespaces: frozenset[str]
    """Empty = none was named."""
    gremlin_filter: str
    policy: Policy

    def wants(self, namespace: str) -> bool:
        """Tell whether messages of a namespace go to this client."""
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
    protocol = given.one("X-Client-Protocol") or "json"
    if protocol.lower() != "json":
        raise UserError(f"X-Client-Protocol {protocol[:40]!r} is not spoken here", hint="use json")
    policy = (given.one("X-Update-Policy") or "full").lower()
    if policy not in ("full", "partial"):
        raise UserError(f"X-Update-Policy {policy[:40]!r} is not known", hint="use full or partial")
    client = scope.get("client") or ("unknown", 0)
    return Handshake(
        host_id=given.one("X-Host-ID") or f"{client[0]}:{client[1]}",
        client_type=client_type,
        namespaces=frozenset(given.many("X-Websocket-Namespace")),
        gremlin_filter=given.one("X-Gremlin-Filter"),
        policy=cast(Policy, policy),
    )


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
