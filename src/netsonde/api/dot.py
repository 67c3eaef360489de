# SPDX-License-Identifier: Apache-2.0
"""A graph in Graphviz' language, labelled as the reference does, and quoted so that no name breaks the file."""

from collections.abc import Iterator

from netsonde.api.services import GraphView
from netsonde.model.elements import Edge, Json, Node

_SHOWN = ("Type", "IfIndex", "State", "TID", "IPV4", "IPV6")


def to_dot(graph: GraphView) -> bytes:
    """Return the graph as a digraph; layer 2 edges have no direction."""
    return ("\n".join(_lines(graph)) + "\n").encode()


def _lines(graph: GraphView) -> Iterator[str]:
    names: dict[str, str] = {}
    yield "digraph g {"
    for node in graph.nodes():
        names[node.id] = name = f"{node.metadata.get('Name', '')}-{node.id[:8]}"
        label = "\n".join([name, *_facts(node)])
        yield f"  {_quoted(name)} [label={_quoted(label)}]"
    for edge in graph.edges():
        if edge.parent in names and edge.child in names:
            yield f"  {_quoted(names[edge.parent])} -> {_quoted(names[edge.child])}{_attributes(edge)}"
    yield "}"


def _facts(node: Node) -> Iterator[str]:
    for key in _SHOWN:
        value = node.metadata.get(key)
        if value not in (None, "", []):
            yield f"{key} = {_spoken(value)}"


def _spoken(value: Json) -> str:
    return f"[{' '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _attributes(edge: Edge) -> str:
    relation = edge.metadata.get("RelationType")
    if not relation:
        return ""
    return f" [label={_quoted(str(relation))},dir={'both' if relation == 'layer2' else 'forward'}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\0", "")
    return f'"{escaped}"'
