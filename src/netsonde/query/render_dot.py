# SPDX-License-Identifier: Apache-2.0
"""A graph in the language of Graphviz. Everything in it that came from the network is quoted."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final, Protocol

from netsonde.model.elements import Edge, Json, Node
from netsonde.query.pace import Look, nothing, portions

_LABELLED: Final = ("Type", "IfIndex", "State", "TID", "IPV4", "IPV6")


class Drawable(Protocol):
    """What can be drawn; every GraphReader can."""

    def node(self, node_id: str) -> Node | None: ...
    def nodes(self) -> Iterable[Node]: ...
    def edges(self) -> Iterable[Edge]: ...


def render_dot(graph: Drawable, look: Look = nothing) -> str:
    """Return the graph as a `digraph`; looks at the clock meanwhile."""
    lines = ["digraph g {"]
    remaining = chain(_nodes(graph), _edges(graph))
    for many in portions(time.monotonic, look):
        some = list(islice(remaining, many))
        lines += some
        if len(some) < many:
            break
    return "\n".join([*lines, "}", ""])


def _nodes(graph: Drawable) -> Iterator[str]:
    for node in graph.nodes():
        name = _name(node)
        lines = [name, *(f"{key} = {_text(node.metadata[key])}" for key in _LABELLED if key in node.metadata)]
        label = "\\n".join(map(_escape, lines))
        yield f'"{_escape(name)}" [label="{label}"]'


def _edges(graph: Drawable) -> Iterator[str]:
    for edge in graph.edges():
        parent, child = graph.node(edge.parent), graph.node(edge.child)
        if parent is None or child is None:
            continue
        line = f'"{_escape(_name(parent))}" -> "{_escape(_name(child))}"'
        relation = edge.metadata.get("RelationType")
        if relation is None:
            yield line
        else:
            direction = "both" if relation == "layer2" else "forward"
            yield f'{line} [label="{_escape(_text(relation))}",dir={direction}]'


def _name(node: Node) -> str:
    return f"{_text(node.metadata.get('Name', ''))}-{node.id[:8]}"


def _text(value: Json) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(_text, value))}]"
    return str(value)


def _escape(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "".join(character if character.isprintable() else "\ufffd" for character in quoted)
