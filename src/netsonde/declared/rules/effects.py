# SPDX-License-Identifier: Apache-2.0
"""What a rule does to the graph, kept up to date by the graph's events, and taken back as a whole.

Events are followed at once, and what they mean is written later, by who owns the rule: a rule that changes what
another one asks for, or itself, must not hold the loop in which probes are applied.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from netsonde.aio.clock import Clock
from netsonde.declared.applying import DECLARED, RULE
from netsonde.declared.rules.definitions import compiled, join_of
from netsonde.declared.rules.pairs import Pair, Pairs
from netsonde.declared.rules.readers import Reads, keys_of, reads_of
from netsonde.errors import UserError
from netsonde.graph import Event, GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.equality import same_json
from netsonde.graph.ids import edge_id, join_id
from netsonde.model.elements import Edge, Element, Metadata, Node
from netsonde.model.rules import EdgeRule, LinkedPair, NamedNode, NodeRule, RulePreview
from netsonde.query import Matcher

T = TypeVar("T")

MOST_EDGES: Final = 10_000
"""Edges of one rule: two queries for everything would link everything with everything."""
_SAMPLE: Final = 20
_PORTION: Final = 500
"""Nodes or edges written in one turn of the loop, which others wait for."""
_LOOKED_AT: Final = 2000
"""Nodes that are looked at for partners in one turn of the loop; 5 to 10 µs each."""
_MOST_FLIPS: Final = 8
"""Times that a node may enter or leave in one second because of what rules wrote."""


class Ground(Protocol):
    """Where rules are applied; `DeclaredElements` is one."""

    def state(self, elements: Mapping[str, Element | None]) -> None:
        """Declare elements by a key of their own, None = not any more."""

    def note(self, owner: str, notes: Mapping[str, Metadata | None]) -> None:
        """Lay metadata upon nodes by id, None = not any more."""


class Effect(Protocol):
    """One rule at work."""

    @property
    def reads(self) -> Reads | None:
        """Return what of the graph it has to be told of, None when of nothing."""

    @property
    def count(self) -> int: ...

    @property
    def reason(self) -> str:
        """Return why it does less than the rule says, "" when it does not."""

    def follow(self, events: Sequence[Event], gone: Collection[str]) -> bool:
        """Take in what happened, `gone` being the ids in it that were deleted; tell whether there is work."""

    def look(self) -> bool:
        """Look at a portion of the graph that is there; tell whether there is more."""

    def write(self) -> bool:
        """Make the graph as the rule says, a portion of it; tell whether there is more. Looks where nobody has yet."""

    def withdraw(self) -> bool:
        """Take back a portion of what the rule did; tell whether there is more. It is not written any more then."""

    def preview(self) -> RulePreview:
        """Say what it would do; everything was looked at, and nothing written yet."""


def effect_of(rule: NodeRule | EdgeRule, graph: GraphReader, ground: Ground, clock: Clock) -> Effect:
    """Return a rule at work, nothing looked at or written yet. Raises UserError for a wrong query."""
    if isinstance(rule, EdgeRule):
        return Linking(rule, graph, ground, clock)
    return Creating(rule, graph, ground) if rule.action == "create" else Updating(rule, graph, ground, clock)


class Creating:
    """A node of the rule's own, under the id that the reference gives it."""

    def __init__(self, rule: NodeRule, graph: GraphReader, ground: Ground) -> None:
        self.reads = None
        self.reason = ""
        self.count = 0
        self._graph = graph
        self._ground = ground
        self._key = rule.uuid
        node_id = join_id(str(rule.metadata["Type"]), str(rule.metadata["Name"]))
        probe: Metadata = {"Probe": "fabric"} if rule.metadata["Type"] == "fabric" else {}
        metadata: Metadata = {**probe, **rule.metadata, "TID": node_id}
        made = rule.created_at
        self.node = Node(node_id, metadata, "", f"rule.{rule.uuid}", made, made)

    def follow(self, events: Sequence[Event], gone: Collection[str]) -> bool:
        return False

    def write(self) -> bool:
        self._ground.state({self._key: self.node})
        self.count = 1
        return False

    def withdraw(self) -> bool:
        self._ground.state({self._key: None})
        self.count = 0
        return False

    def look(self) -> bool:
        return False

    def preview(self) -> RulePreview:
        shown = self._graph.node(self.node.id)
        conflicts = [] if shown is None else [f"{shown.origin} shows this node already: both say what they know of it"]
        return RulePreview(1, nodes=[named(self.node)], conflicts=conflicts)


class Updating:
    """Metadata upon all nodes of a query, above what probes say and below what users say of one node."""

    def __init__(self, rule: NodeRule, graph: GraphReader, ground: Ground, clock: Clock) -> None:
        self.reason = ""
        self._rule = rule
        self._graph = graph
        self._ground = ground
        self._owner = f"{RULE}{rule.created_at:015}.{rule.uuid}"
        standing = compiled(rule.query, "Query")
        self.reads = reads_of(standing)
        self._matcher = Matcher(standing, graph, filled=False)
        self._unread: Iterator[set[str]] | None = self._matcher.fill(_LOOKED_AT)
        self._pending: set[str] = set()
        self._done: set[str] = set()
        self._turns = _Turns(clock)

    @property
    def count(self) -> int:
        return len(self._done)

    def follow(self, events: Sequence[Event], gone: Collection[str]) -> bool:
        if gone:
            # The graph forgot what was said of them; a node that comes back is a new one.
            self._done.difference_update(gone)
        try:
            gained, lost = self._matcher.update(events)
        except UserError as too_much:
            return self._give_up(str(too_much))
        if self.reason or not (gained or lost):
            return False
        if self._turns.is_endless(events, gained | lost):
            return self._give_up(_ENDLESS)
        self._pending |= gained | lost
        return True

    def look(self) -> bool:
        found = None if self._unread is None else next(self._unread, None)
        if found is None:
            self._unread = None
        else:
            self._pending |= found
        return self._unread is not None

    def write(self) -> bool:
        is_more = not self.reason and self.look()
        wanted: set[str] = set() if self.reason else self._matcher.matching
        if self.reason:
            self._pending = self._done.copy()
        changed = portion(self._pending)
        notes: dict[str, Metadata | None] = {}
        for node_id in changed:
            if node_id in wanted and node_id not in self._done:
                notes[node_id] = self._rule.metadata
                self._done.add(node_id)
            elif node_id not in wanted and node_id in self._done:
                notes[node_id] = None
                self._done.discard(node_id)
        if notes:
            self._ground.note(self._owner, notes)
        return is_more or bool(self._pending)

    def withdraw(self) -> bool:
        self._ground.note(self._owner, dict.fromkeys(portion(self._done)))
        return bool(self._done)

    def preview(self) -> RulePreview:
        matching = [node for node in map(self._graph.node, sorted(self._matcher.matching)) if node is not None]
        return RulePreview(
            len(matching), nodes=[named(node) for node in matching[:_SAMPLE]], conflicts=self._hidden(matching)
        )

    def _hidden(self, nodes: Iterable[Node]) -> list[str]:
        found: list[str] = []
        for node in nodes:
            for key, value in self._rule.metadata.items():
                if key in node.metadata and not same_json(node.metadata[key], value):
                    found.append(f"{key} of {_name(node)} is {node.metadata[key]!r:.80} now")
            if len(found) >= _SAMPLE:
                break
        return found[:_SAMPLE]

    def _give_up(self, reason: str) -> bool:
        self.reason = reason
        return bool(self._done)


class Linking:
    """Edges from the nodes of one query to those of another."""

    def __init__(self, rule: EdgeRule, graph: GraphReader, ground: Ground, clock: Clock) -> None:
        self._rule = rule
        self._graph = graph
        self._ground = ground
        src, dst, join = compiled(rule.src, "Src"), compiled(rule.dst, "Dst"), join_of(rule)
        self.reads = reads_of(src) | reads_of(dst) | Reads(keys_of(join or ()))
        parents, children = (Matcher(standing, graph, filled=False) for standing in (src, dst))
        self._pairs = Pairs(graph, parents, children, join, MOST_EDGES)
        self._pending: set[Pair] = set()
        self._done: set[Pair] = set()
        self._turns = _Turns(clock)
        self._given_up = ""

    @property
    def count(self) -> int:
        return len(self._done)

    @property
    def reason(self) -> str:
        full = f"only {MOST_EDGES} edges were made, there are more pairs: write narrower queries, or a Join"
        return self._given_up or (full if self._pairs.is_full else "")

    def follow(self, events: Sequence[Event], gone: Collection[str]) -> bool:
        try:
            changed = self._pairs.update(events)
        except UserError as too_much:
            self._given_up = str(too_much)
            return bool(self._done)
        if self._given_up or not changed:
            return False
        if self._turns.is_endless(events, {node_id for pair in changed for node_id in pair}):
            self._given_up = _ENDLESS
            return bool(self._done)
        self._pending |= changed
        return True

    def write(self) -> bool:
        if not self._given_up:
            self._pending |= self._pairs.fill(_LOOKED_AT)
        wanted: set[Pair] = set() if self._given_up else self._pairs.pairs
        if self._given_up:
            self._pending = self._done.copy()
        changed = portion(self._pending)
        elements: dict[str, Element | None] = {}
        for pair in changed:
            if pair in wanted and pair not in self._done:
                elements[self._key(pair)] = self._edge(pair)
                self._done.add(pair)
            elif pair not in wanted and pair in self._done:
                elements[self._key(pair)] = None
                self._done.discard(pair)
        if elements:
            self._ground.state(elements)
        return bool(self._pending) or not (self._given_up or self._pairs.is_filled)

    def withdraw(self) -> bool:
        self._ground.state(dict.fromkeys(map(self._key, portion(self._done))))
        return bool(self._done)

    def look(self) -> bool:
        self._pairs.fill(_LOOKED_AT)
        return not self._pairs.is_filled

    def preview(self) -> RulePreview:
        pairs = [(self._graph.node(parent), self._graph.node(child)) for parent, child in sorted(self._pairs.pairs)]
        shown = [LinkedPair(named(one), named(other)) for one, other in pairs[:_SAMPLE] if one and other]
        return RulePreview(len(pairs), edges=shown, conflicts=self._owned(child for _, child in pairs if child))

    def _owned(self, children: Iterable[Node]) -> list[str]:
        if relation_type(self._rule.metadata) != OWNERSHIP:
            return [self.reason] if self.reason else []
        found = [f"{_name(node)} has an owner, so its edge would wait" for node in children if self._owner(node.id)]
        return found[:_SAMPLE]

    def _owner(self, child: str) -> Edge | None:
        edges = self._graph.in_edges(child)
        return next((edge for edge in edges if relation_type(edge.metadata) == OWNERSHIP), None)

    def _key(self, pair: Pair) -> str:
        return f"{self._rule.uuid}.{pair[0]}.{pair[1]}"

    def _edge(self, pair: Pair) -> Edge:
        metadata, made = self._rule.metadata, self._rule.created_at
        name = edge_id(*pair, relation_type(metadata))
        return Edge(name, metadata, "", f"rule.{self._rule.uuid}", made, made, parent=pair[0], child=pair[1])


_ENDLESS: Final = "what the rules write changes what they match, without end: this one was taken back"


class _Turns:
    """Finds rules that undo themselves or each other, by how often nodes come and go because of rules."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = 0.0
        self._flips: dict[str, int] = {}

    def is_endless(self, events: Sequence[Event], changed: Iterable[str]) -> bool:
        if not all(event.probe.startswith((RULE, DECLARED)) for event in events):
            return False
        now = self._clock.monotonic()
        if now - self._since > 1:
            self._since, self._flips = now, {}
        for node_id in changed:
            self._flips[node_id] = self._flips.get(node_id, 0) + 1
            if self._flips[node_id] > _MOST_FLIPS:
                return True
        return False


def portion(pending: set[T]) -> list[T]:
    """Take out of a set what is written in one turn of the loop."""
    return [pending.pop() for _ in range(min(_PORTION, len(pending)))]


def named(node: Node) -> NamedNode:
    name, kind = (str(node.metadata.get(key, "")) for key in ("Name", "Type"))
    return NamedNode(node.id, name, kind, node.host)


def _name(node: Node) -> str:
    return str(node.metadata.get("Name", node.id))[:80]
