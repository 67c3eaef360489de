# SPDX-License-Identifier: Apache-2.0
"""`netsonde query`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer

from netsonde.cli.flows import FLOW_COLUMNS
from netsonde.cli.options import DEFAULT_URL, Form, Url, new_app
from netsonde.cli.output import Column, print_json, say, show
from netsonde.errors import UserError

app = new_app()


class Shape(StrEnum):
    """Forms of a query's answer."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    DOT = "dot"
    PCAP = "pcap"
    PCAPNG = "pcapng"


_ACCEPT = {
    Shape.DOT: "text/vnd.graphviz",
    Shape.PCAP: "application/vnd.tcpdump.pcap",
    Shape.PCAPNG: "application/x-pcapng",
}
_PROBLEM = ", application/problem+json;q=0.1"


@app.command(
    epilog="Examples: netsonde query \"G.V().Has('Type', 'netns')\"; "
    "netsonde query \"G.V().Has('Name', 'br-int').SubGraph()\" -o dot | dot -Tsvg > br-int.svg"
)
def query(
    text: Annotated[str, typer.Argument(metavar="QUERY", help="A Gremlin query; - reads it from stdin.")],
    output: Annotated[Shape, typer.Option("--output", "-o", help="Form of the answer.")] = Shape.TABLE,
    graph: Annotated[
        Path | None,
        typer.Option("--graph", metavar="FILE", help='Ask this file ({"Nodes", "Edges"}) instead of a server.'),
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask the graph, live or in the past, and the flows on it."""
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise UserError("the query is empty", hint="write G.V() for every node")
    source = _source(graph, url)
    if output in _ACCEPT:
        _write_bytes(source.query(text, _ACCEPT[output] + _PROBLEM), is_text=output is Shape.DOT)
        return
    answer = msgspec.json.decode(source.query(text, "application/json" + _PROBLEM))
    if output is Shape.JSON:
        print_json(answer)
    elif not _items(answer):
        _explain(source, text)
    else:
        _show(answer, Form(output.value))
    for note in source.missing:
        say(note)


class Source(Protocol):
    """What answers queries: a server, or a file."""

    missing: list[str]

    def query(self, gremlin: str, accept: str) -> bytes: ...
    def why_empty(self, gremlin: str) -> UserError | None: ...


def _source(graph: Path | None, url: str) -> Source:
    if graph is not None:
        from netsonde.cli.offline import GraphFile

        return GraphFile(graph)
    from netsonde.cli.client import Client

    return Client(url)


def _explain(source: Source, text: str) -> None:
    """Say that nothing was found, and why, when that is known."""
    say("nothing found")
    reason = source.why_empty(text)
    if reason is not None:
        say(reason.explain().removeprefix("error: "))


def _write_bytes(content: bytes, *, is_text: bool) -> None:
    if not is_text and sys.stdout.isatty():
        raise UserError("packets are not for a terminal", hint="write them to a file: … > packets.pcap")
    sys.stdout.buffer.write(content)


def _show(answer: Any, form: Form) -> None:
    """Print an answer as a table: of elements, of flows, or of plain values."""
    items = _items(answer)
    if not all(isinstance(item, dict) for item in items):
        _show_values(answer, items, form)
        return
    show(answer, form, _columns(items), items)


def _items(answer: Any) -> list[Any]:
    """Return the rows of an answer; a graph gives its nodes, then its edges."""
    if not isinstance(answer, list):
        return [] if answer is None else [answer]
    if len(answer) == 1 and isinstance(answer[0], dict) and answer[0].keys() == {"Nodes", "Edges"}:
        graph = answer[0]
        return [*(graph["Nodes"] or []), *(graph["Edges"] or [])]
    if answer and all(isinstance(path, list) for path in answer):
        return [{"Path": " > ".join(str(_metadata(node, "Name")) for node in path)} for path in answer]
    return answer


def _show_values(answer: Any, items: Sequence[Any], form: Form) -> None:
    if form is Form.TABLE:
        for item in items:
            print(item if isinstance(item, str | int | float) else msgspec.json.encode(item).decode())
    else:
        show(answer, form, [("Value", lambda item: item)], items)


def _columns(items: Sequence[Mapping[str, Any]]) -> Sequence[Column]:
    first = items[0]
    if "Parent" in first and "Metadata" in first:
        return _EDGES
    if "Metadata" in first:
        return _GRAPH if any("Parent" in item for item in items) else _NODES
    if "LayersPath" in first or "TrackingID" in first:
        return FLOW_COLUMNS
    names = list(dict.fromkeys(name for item in items for name in item))
    return [(name, _member(name)) for name in names]


def _member(name: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda item: item.get(name)


def _metadata(element: Mapping[str, Any], key: str) -> Any:
    return (element.get("Metadata") or {}).get(key)


def _from_metadata(key: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda element: _metadata(element, key)


def _addresses(element: Mapping[str, Any]) -> list[Any]:
    return [*(_metadata(element, "IPV4") or []), *(_metadata(element, "IPV6") or [])]


_NODES: Sequence[Column] = (
    ("NAME", _from_metadata("Name")),
    ("TYPE", _from_metadata("Type")),
    ("STATE", _from_metadata("State")),
    ("MAC", _from_metadata("MAC")),
    ("ADDRESSES", _addresses),
    ("HOST", _member("Host")),
    ("TID", _from_metadata("TID")),
    ("ID", _member("ID")),
)
_EDGES: Sequence[Column] = (
    ("RELATION", _from_metadata("RelationType")),
    ("PARENT", _member("Parent")),
    ("CHILD", _member("Child")),
    ("HOST", _member("Host")),
    ("ID", _member("ID")),
)
_GRAPH: Sequence[Column] = (*_NODES[:3], *_EDGES)
