# SPDX-License-Identifier: Apache-2.0
"""TIDs: identities that flows and captures refer to, the same after a restart of the agent.

Source: the reference's rules, UUIDv5 over the OID namespace; `Type=host` of its name, `netns` of host TID, Path and
Type, OVS bridges and ports of host TID, row UUID and Type, everything else of the owner's TID, Name and Type. Nodes
that several hosts share have their id as TID.
A TID is given when owner, Name and Type are known and stays over a rename; another owner means another TID, and so does
another file of a namespace: the process that makes one may be seen before the file is. Name and Type are taken from the
probe that puts the node, not from annotations, whose time of arrival is chance.
Writes: the key `TID`, on the graphs of agents.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.ids import name_id
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Metadata

_BY_ROW = ("ovsbridge", "ovsport")
SHARED = ("fabric", "lldp", "ovsdb")
"""Values of `Probe` of nodes that belong to no host: their id is the same everywhere, and their TID too."""
Basis = tuple[str, str, str]
"""Id and TID of the owner from which a TID was made, and the file of a namespace that has one; "" of hosts."""
_NO_BASIS: Final[Basis] = ("", "", "")
_PROCESSES: Final = "/proc/"
"""What the path of a namespace begins with that has no file."""


class TidLayer:
    """Computed layer of a graph; see `Graph.add_computed`."""

    owner = "computed:tid"

    def __init__(self) -> None:
        self._known: dict[str, tuple[Basis, str]] = {}

    def update(
        self, graph: GraphReader, base: Callable[[str], Metadata], touched: Iterable[str]
    ) -> dict[str, Metadata]:
        changed: dict[str, Metadata] = {}
        work = deque(touched)
        while work:
            node_id = work.popleft()
            known = self._known.get(node_id)
            found = self._identify(graph, base, node_id, known)
            if found == known:
                continue
            if found is None:
                del self._known[node_id]
            else:
                self._known[node_id] = found
            if graph.node(node_id) is not None:
                changed[node_id] = {} if found is None else {"TID": found[1]}
            work.extend(edge.child for edge in graph.out_edges(node_id) if _owns(edge))
        return changed

    def _identify(
        self,
        graph: GraphReader,
        base: Callable[[str], Metadata],
        node_id: str,
        known: tuple[Basis, str] | None,
    ) -> tuple[Basis, str] | None:
        if graph.node(node_id) is None:
            return None
        metadata = base(node_id)
        name, kind = _text(metadata, "Name"), _text(metadata, "Type")
        if metadata.get("Probe") in SHARED:
            return _NO_BASIS, node_id
        basis = _NO_BASIS if kind == "host" else self._basis(graph, node_id, _file(metadata) if kind == "netns" else "")
        if basis is None or not kind:
            return None
        if known is not None and known[0] == basis:
            return known
        text = self._text_to_hash(graph, node_id, metadata, basis)
        return (basis, name_id(text)) if name and text else None

    def _basis(self, graph: GraphReader, node_id: str, file: str) -> Basis | None:
        owner = _owner(graph, node_id)
        known = None if owner is None else self._known.get(owner)
        return None if owner is None or known is None else (owner, known[1], file)

    def _text_to_hash(self, graph: GraphReader, node_id: str, metadata: Metadata, basis: Basis) -> str:
        kind = _text(metadata, "Type")
        if kind == "host":
            return _text(metadata, "Name")
        if kind == "netns":
            host = self._host_tid(graph, node_id)
            return host and f"{host}{_text(metadata, 'Path')}netns"
        if kind in _BY_ROW:
            host, row = self._host_tid(graph, node_id), _text(metadata, "UUID")
            return host and row and f"{host}{row}{kind}"
        return f"{basis[1]}{_text(metadata, 'Name')}{kind}"

    def _host_tid(self, graph: GraphReader, node_id: str) -> str:
        above, seen = _owner(graph, node_id), {node_id}
        while above is not None and above not in seen:
            node = graph.node(above)
            if node is not None and node.metadata.get("Type") == "host":
                return self._known[above][1] if above in self._known else ""
            seen.add(above)
            above = _owner(graph, above)
        return ""


def _file(metadata: Metadata) -> str:
    path = _text(metadata, "Path")
    return "" if path.startswith(_PROCESSES) else path


def _owner(graph: GraphReader, node_id: str) -> str | None:
    return next((edge.parent for edge in graph.in_edges(node_id) if _owns(edge)), None)


def _owns(edge: Edge) -> bool:
    return relation_type(edge.metadata) == OWNERSHIP


def _text(metadata: Metadata, key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
