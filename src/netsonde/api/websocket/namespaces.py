# SPDX-License-Identifier: Apache-2.0
"""The right that each namespace of WebSocket messages asks for: a row here for each new one.

A subscriber that names a namespace without having the right is refused; one that names none gets what it may see.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from netsonde.access.gate import Forbidden, Gate, Principal
from netsonde.access.rights import (
    ALERT_READ,
    CAPTURE_READ,
    CHECK_READ,
    INJECT_READ,
    TOPOLOGY_READ,
    WORKFLOW_READ,
    Right,
)

if TYPE_CHECKING:
    from netsonde.api.websocket.handshake import Handshake

NAMESPACES: Final[Mapping[str, Right]] = {
    "Graph": TOPOLOGY_READ,
    "Capture": CAPTURE_READ,
    "OnDemandCaptureNotification": CAPTURE_READ,
    "OnDemandPacketInjectionNotification": INJECT_READ,
    "Check": CHECK_READ,
    "Alert": ALERT_READ,
    "AlertStatus": ALERT_READ,
    "Workflow": WORKFLOW_READ,
}
"""Those of /ws/subscriber. The namespaces of /ws/subscriber/flow all need that endpoint's own right."""


def right_of_namespace(namespace: str) -> Right:
    """Return the right; raises LookupError that says where to declare one."""
    right = NAMESPACES.get(namespace)
    if right is None:
        raise LookupError(
            f"the namespace {namespace!r} declares no right: add it to NAMESPACES in "
            "netsonde/api/websocket/namespaces.py"
        )
    return right


def within_rights(handshake: "Handshake", gate: Gate, principal: Principal) -> "Handshake":
    """Return a handshake with who it is for and what that user may see. Raises Forbidden."""
    for namespace in sorted(handshake.namespaces & NAMESPACES.keys()):
        gate.check(principal, NAMESPACES[namespace])
    allowed = frozenset(name for name, right in NAMESPACES.items() if gate.allows(principal, right))
    return msgspec.structs.replace(handshake, user=principal.name, allowed=allowed)


def check_namespace(handshake: "Handshake", namespace: str) -> None:
    """Raise Forbidden unless the user of a connection may see a namespace, for what is asked for on it."""
    if not handshake.may_see(namespace):
        raise Forbidden(
            f"{handshake.user or 'a guest'} may not ask for this: it needs the right {right_of_namespace(namespace)}",
            hint="`netsonde access whoami` shows what you may do; an administrator gives roles",
        )
