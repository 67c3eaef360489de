# SPDX-License-Identifier: Apache-2.0
"""Every right that a route can ask for, in the words of the reference where it has them.

A right is an object and an action. Which role has which is in `policy.csv`, not here.
"""

from typing import Final, NamedTuple


class Right(NamedTuple):
    """One thing that a user may or may not do."""

    object: str
    action: str

    def __str__(self) -> str:
        return f"{self.object} {self.action}"


PUBLIC: Final = Right("", "")
"""Whoever reaches the server: what says nothing about the network, and what one needs to log in."""

STATUS_READ: Final = Right("status", "read")
CONFIG_READ: Final = Right("config", "read")
TOPOLOGY_READ: Final = Right("topology", "read")
"""The graph, live and past, and flows; not packets."""

CAPTURE_READ: Final = Right("capture", "read")
CAPTURE_WRITE: Final = Right("capture", "write")
RAW_PACKETS: Final = Right("capture", "rawpackets")
"""What was in the packets, wherever it comes from: a capture, a query that ends in RawPackets()."""
PCAP_WRITE: Final = Right("pcap", "write")

NODE_READ: Final = Right("node", "read")
NODE_WRITE: Final = Right("node", "write")
EDGE_READ: Final = Right("edge", "read")
EDGE_WRITE: Final = Right("edge", "write")
NODE_RULE_READ: Final = Right("noderule", "read")
NODE_RULE_WRITE: Final = Right("noderule", "write")
EDGE_RULE_READ: Final = Right("edgerule", "read")
EDGE_RULE_WRITE: Final = Right("edgerule", "write")
TOPOLOGY_WRITE: Final = Right("topology", "write")
"""Whole topologies brought in and taken back."""

INJECT_READ: Final = Right("injectpacket", "read")
INJECT_WRITE: Final = Right("injectpacket", "write")
CHECK_READ: Final = Right("check", "read")
CHECK_WRITE: Final = Right("check", "write")
ALERT_READ: Final = Right("alert", "read")
ALERT_WRITE: Final = Right("alert", "write")
WORKFLOW_READ: Final = Right("workflow", "read")
WORKFLOW_WRITE: Final = Right("workflow", "write")
WORKFLOW_CALL: Final = Right("workflow.call", "write")

ACCESS_READ: Final = Right("access", "read")
"""Who is logged in, which tokens there are."""
ACCESS_WRITE: Final = Right("access", "write")
AGENT_ENROL: Final = Right("agent", "enrol")

WS_SUBSCRIBER: Final = Right("websocket", "/ws/subscriber")
WS_FLOW: Final = Right("websocket", "/ws/subscriber/flow")
WS_PUBLISHER: Final = Right("websocket", "/ws/publisher")
WS_PUBSUB: Final = Right("websocket", "/ws/pubsub")

RIGHTS: Final = tuple(sorted({value for value in globals().values() if isinstance(value, Right)} - {PUBLIC}))
"""All of them; a policy that names another is refused."""
