# SPDX-License-Identifier: Apache-2.0
"""What the API answers, typed, beside the elements, captures and flows of `netsonde.model`.

Every member has a default: a newer server may say more and an older one less. Times are Unix milliseconds.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from netsonde.model.elements import Edge, Node


class Topology(msgspec.Struct, frozen=True):
    """A graph: all of it, or the part that a query gives."""

    nodes: list[Node] = msgspec.field(name="Nodes", default_factory=list)
    edges: list[Edge] = msgspec.field(name="Edges", default_factory=list)


class WireTopology(msgspec.Struct, frozen=True):
    """The same as it is sent: an empty list may be null."""

    nodes: list[Node] | None = msgspec.field(name="Nodes", default=None)
    edges: list[Edge] | None = msgspec.field(name="Edges", default=None)

    def whole(self) -> Topology:
        return Topology(self.nodes or [], self.edges or [])


class Checked(msgspec.Struct, frozen=True, rename="pascal"):
    """What is wrong with a query, or what it gives; `span` counts characters."""

    valid: bool = False
    kind: str = ""
    local: bool = False
    """Whether agents can judge it alone, as a standing query."""
    reason: str = ""
    error: str = ""
    hint: str = ""
    span: tuple[int, int] | None = None


class ExplainedStep(msgspec.Struct, frozen=True, rename="pascal"):
    """One step as it runs; rows and time are there when the query was profiled."""

    step: str = ""
    takes: str = ""
    gives: str = ""
    index: str | None = None
    """The key whose index is used; None = everything is looked at."""
    rows: int | None = None
    milliseconds: float | None = None


class Explanation(msgspec.Struct, frozen=True, rename="pascal"):
    """How a query runs, what it cost, and why it finds nothing when it does."""

    reason: str = ""
    hint: str = ""
    span: tuple[int, int] | None = None
    gives: str = ""
    reads: dict[str, list[str]] = {}
    steps: list[ExplainedStep] = []
    rows: int | None = None
    milliseconds: float | None = None


class Completion(msgspec.Struct, frozen=True, rename="pascal"):
    """One text that may stand at the cursor."""

    text: str
    kind: str = ""
    """step, predicate, key, value or keyword."""
    info: str = ""


class Completions(msgspec.Struct, frozen=True):
    """What may replace the characters `start` to `end` of the text."""

    start: int = msgspec.field(name="From", default=0)
    end: int = msgspec.field(name="To", default=0)
    items: list[Completion] = msgspec.field(name="Items", default_factory=list)


class StepDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """A step or a predicate of the language."""

    name: str
    aliases: list[str] = []
    takes: dict[str, str] = {}
    """What it gives for each kind that it takes."""
    doc: str = ""
    example: str = ""


class KeyDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """A key of metadata, or a field of flows or metrics."""

    key: str
    type: str = ""
    unit: str = ""
    producer: str = ""
    on: str = ""
    """node or edge."""
    types: list[str] = []
    """Types of nodes that have it; empty = any."""
    description: str = ""
    example: Any = None


class Schema(msgspec.Struct, frozen=True, rename="pascal"):
    """The language and every known key."""

    version: str = ""
    steps: list[StepDoc] = []
    modulators: list[StepDoc] = []
    predicates: list[StepDoc] = []
    keys: list[KeyDoc] = []
    flow_fields: list[KeyDoc] = []
    metric_fields: list[KeyDoc] = []


class Component(msgspec.Struct, frozen=True, rename="pascal"):
    """A part of a process."""

    state: str = ""
    reason: str = ""
    since: int = 0
    counters: dict[str, int] = {}


class Ability(msgspec.Struct, frozen=True, rename="pascal"):
    """One thing that an agent can or cannot do on its host."""

    name: str = ""
    able: bool = False
    reason: str = ""
    """Why not, "" when it can."""
    purpose: str = ""
    """What it is needed for."""


class Process(msgspec.Struct, frozen=True, rename="pascal"):
    """One agent or analyzer."""

    service: str = ""
    host: str = ""
    version: str = ""
    pid: int = 0
    started: int = 0
    address: str = ""
    probes: dict[str, Component] = {}
    kernel: str = ""
    clock_ahead: int | None = None
    """Milliseconds that its clock is ahead of the analyzer's, negative = behind; None = not known."""
    abilities: list[Ability] = []


class Status(msgspec.Struct, frozen=True, rename="pascal"):
    """The state of the whole installation."""

    host: str = ""
    version: str = ""
    ready: bool = False
    missing: list[str] = []
    """What the server waits for before it is ready."""
    processes: list[Process] = []
    probes: dict[str, Component] = {}
    capture_states: dict[str, int] = {}


class Identity(msgspec.Struct, frozen=True, rename="pascal"):
    """Who answers."""

    host: str = ""
    version: str = ""
    service: str = ""


class Allowed(msgspec.Struct, frozen=True, rename="pascal"):
    """One right, and whether the user has it."""

    object: str = ""
    action: str = ""
    allowed: bool = False


class WhoAmI(msgspec.Struct, frozen=True, rename="pascal"):
    """Who makes a request; `user` is "" for nobody, and where nobody has to log in."""

    login_required: bool = False
    user: str = ""
    backend: str = ""
    roles: list[str] = []
    permissions: list[Allowed] = []

    def may(self, thing: str, action: str) -> bool:
        """Tell whether the user has a right, such as `capture write`."""
        return any(one.allowed for one in self.permissions if (one.object, one.action) == (thing, action))


class PacketImport(msgspec.Struct, frozen=True, rename="pascal"):
    """What came of a packet file: its flows are in history under `capture_id`."""

    capture_id: str = msgspec.field(name="CaptureID", default="")
    packets: int = 0
    flows: int = 0
    start: int = 0
    last: int = 0
    damage: str = ""
    """What is wrong with the file; what was before it is in."""


class PreviewNode(msgspec.Struct, frozen=True):
    """One node that a capture would match."""

    id: str = msgspec.field(name="ID", default="")
    name: str = msgspec.field(name="Name", default="")
    type: str = msgspec.field(name="Type", default="")
    host: str = msgspec.field(name="Host", default="")


class Preview(msgspec.Struct, frozen=True, rename="pascal"):
    """What a capture would find if it were created now."""

    matching: int = 0
    capturable: int = 0
    sample: list[PreviewNode] = []
    reason: str = ""


class Packet(msgspec.Struct, frozen=True, rename="pascal"):
    """A kept packet, decoded."""

    number: int = 0
    """Position among the packets of this capture on this interface."""
    time: int = 0
    """Unix nanoseconds."""
    source: str = ""
    destination: str = ""
    protocol: str = ""
    info: str = ""
    length: int = 0
    """Octets on the wire; `data` may be shorter."""
    node_tid: str = msgspec.field(name="NodeTID", default="")
    if_name: str = ""
    host: str = ""
    capture_id: str = msgspec.field(name="CaptureID", default="")
    flow_uuid: str = msgspec.field(name="FlowUUID", default="")
    lookback: bool = False
    """Seen before the capture's definition matched."""
    data: bytes = b""


class MetricPoints(msgspec.Struct, frozen=True, rename="pascal"):
    """Counters of an interface, one point an interval, oldest first; counters are deltas."""

    points: list[Mapping[str, int]] = []
