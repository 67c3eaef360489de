# SPDX-License-Identifier: Apache-2.0
"""What an expression gave: whether that means that the condition holds, and what of it is kept and told."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

import msgspec

from netsonde.alerts.machine import Seen
from netsonde.graph import GraphReader
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import Kind, Result

_MOST_MEMBERS: Final = 100
_MOST_BYTES: Final = 60_000
"""A notice with it must fit a message of the bus, and the body that receivers take."""
_MOST_COMPARED: Final = 1000
"""Elements of which all metadata is compared; of those beyond only which there are."""
_NOUNS: Final = {Kind.NODES: "node", Kind.EDGES: "edge", Kind.FLOWS: "flow", Kind.PATHS: "path"}
_IDENTIFIED: Final = (Kind.FLOWS, Kind.METRICS)
"""Kinds whose numbers change all the time: only what they belong to is compared."""
_COUNTED: Final = frozenset({"SFlow"})
"""Keys of nodes that are counters: others would be told of each reading."""
_ELEMENTS: Final = (Kind.NODES, Kind.EDGES)
"""Kinds whose order says in which order agents came: after a restart it is another one."""


def of_result(result: Result, look: Callable[[], None]) -> Seen:
    """Return what a query gave; may run in a thread, beside the loop."""
    if result.graph is not None:
        return _of_graph(result.graph)
    value = result.value
    members = value if isinstance(value, list) else [value]
    if not holds_by(value):
        return Seen(holds=False)
    look()
    compared = _compared(result.kind, members)
    shown = members[:_MOST_MEMBERS] if isinstance(value, list) else value
    summary = spoken(shown, _NOUNS.get(result.kind, "result"), len(members))
    return Seen(holds=True, value=cut(shown), fingerprint=fingerprint(compared), summary=summary)


def of_elements(elements: Sequence[Node | Edge]) -> Seen:
    """Return the elements that a query matches; none = it does not hold."""
    if not elements:
        return Seen(holds=False)
    shown = [*elements[:_MOST_MEMBERS]]
    summary = spoken(shown, "node", len(elements))
    return Seen(holds=True, value=cut(shown), fingerprint=fingerprint(elements), summary=summary)


def of_value(value: Json) -> Seen:
    """Return what a script gave."""
    if not holds_by(value):
        return Seen(holds=False)
    number = len(value) if isinstance(value, list) else 1
    return Seen(holds=True, value=cut(value), fingerprint=fingerprint([value]), summary=spoken(value, "result", number))


def holds_by(value: object) -> bool:
    """Tell whether a value means that the condition holds: it is true, and not empty.

    Zero is not, unlike with the reference, where an expression that ends in `Count()` holds always.
    """
    return bool(value)


def fingerprint(members: Sequence[object]) -> str:
    """Return a digest of what was found; of elements the metadata, since revisions are counted anew at a restart."""
    digest = hashlib.blake2b(digest_size=16)
    for number, part in enumerate(_parts(members)):
        element = part if isinstance(part, Node | Edge) else None
        if element is None:
            digest.update(msgspec.json.encode(part))
            continue
        digest.update(element.id.encode())
        if number < _MOST_COMPARED:
            compared = {key: value for key, value in element.metadata.items() if key not in _COUNTED}
            digest.update(msgspec.json.encode(compared, order="deterministic"))
    return digest.hexdigest()


def cut(value: object) -> Json:
    """Return a value as JSON of bounded size: the first members of a list; text where nothing else helps."""
    encoded = msgspec.json.encode(value)
    plain: Json = msgspec.json.decode(encoded)
    while isinstance(plain, list) and len(plain) > 1 and len(encoded) > _MOST_BYTES:
        plain = plain[: len(plain) // 2]
        encoded = msgspec.json.encode(plain)
    return plain if len(encoded) <= _MOST_BYTES else encoded[:_MOST_BYTES].decode(errors="ignore")


def spoken(value: object, noun: str, number: int) -> str:
    """Return in a few words what was found."""
    if not isinstance(value, list):
        return f"the value is {msgspec.json.encode(value)[:200].decode(errors='ignore')}"
    names = [name for name in map(_name, value[:3]) if name]
    count = f"{number} {noun}{'' if number == 1 else 's'}"
    more = ", …" if number > len(names) else ""
    return f"{count}: {', '.join(names)}{more}" if names else count


def _of_graph(graph: GraphReader) -> Seen:
    nodes, edges = sorted(graph.nodes(), key=_id), sorted(graph.edges(), key=_id)
    if not nodes and not edges:
        return Seen(holds=False)
    shown = [{"Nodes": nodes[:_MOST_MEMBERS], "Edges": edges[:_MOST_MEMBERS]}]
    summary = f"a graph of {len(nodes)} nodes and {len(edges)} edges"
    return Seen(holds=True, value=cut(shown), fingerprint=fingerprint([*nodes, *edges]), summary=summary)


def _parts(members: Sequence[object]) -> Iterator[object]:
    for member in members:
        if isinstance(member, list | tuple):
            yield from _parts(member)
        else:
            yield member


def _compared(kind: Kind, members: Sequence[object]) -> Sequence[object]:
    """Return what tells one result from another: of flows and elements not their order."""
    if kind in _IDENTIFIED:
        # Flows come the latest first, which is another one at each look.
        return sorted(map(_identity, members), key=str)
    if kind in _ELEMENTS:
        return sorted(cast("Sequence[Node | Edge]", members), key=_id)
    return members


def _identity(member: object) -> object:
    """Return what a flow is known by, or the keys of a set of metrics."""
    if not isinstance(member, Mapping):
        return member
    return member.get("UUID") or sorted(map(str, member))


def _name(member: object) -> str:
    metadata = member.metadata if isinstance(member, Node | Edge) else None
    return str(cast("Mapping[str, Json]", metadata).get("Name", ""))[:80] if metadata else ""


def _id(element: Node | Edge) -> str:
    return element.id
