# SPDX-License-Identifier: Apache-2.0
"""`--watch`: what a query gives, then what changes of it.

Changes of nodes, edges and graphs are pushed: the query becomes the filter of a subscription. What is not in the graph
(flows, counts, values) and what depends on the order is asked for again every few seconds and compared.
"""

import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from netsonde.cli.asking import Shape
from netsonde.cli.client import Client
from netsonde.cli.options import Form
from netsonde.cli.output import Column, as_csv, plain, say
from netsonde.cli.results import columns_of, items_of, show_answer
from netsonde.client.feeds import Snapshot
from netsonde.model.elements import Edge, Element, Json, Node
from netsonde.model.topology import ChangeKind, NodeChange

_ELEMENTS: Mapping[str, tuple[type[Node] | type[Edge], ...]] = {
    "nodes": (Node,),
    "edges": (Edge,),
    "graph": (Node, Edge),
}
"""Which elements of the subscription's graph belong to the answer, by what the query gives."""
State = dict[str, Any]
"""Rows by what makes each of them itself."""


class Change(NamedTuple):
    """One row came, went or changed; `keys` are those that changed, with the values before and after."""

    sign: str
    row: Any
    keys: Mapping[str, tuple[Json, Json]]


def watch(client: Client, text: str, output: Shape, every: float) -> None:
    """Show the answer, then changes until interrupted."""
    kind = client.kind_of(text)
    news = _pushed(client, text, kind) if kind in _ELEMENTS else _asked(client, text, every)
    _show_first([change.row for change in next(news)], output)
    for changes in news:
        for change in changes:
            _show(change, output)


def compare(before: State, after: State) -> Iterator[Change]:
    """Yield what went, what came, and what changed, in this order."""
    for key, row in before.items():
        if key not in after:
            yield Change("-", row, {})
    for key, row in after.items():
        if key not in before:
            yield Change("+", row, {})
        elif row != before[key]:
            yield Change("~", row, _changed(before[key], row))


def _pushed(client: Client, text: str, kind: str) -> Iterator[list[Change]]:
    """Yield the whole answer, then what the server says of its changes; all differences after a lost connection."""
    wanted = text if kind == "graph" else f"{text.rstrip()}\n.SubGraph()"
    state: State = {}
    with client.api.subscribe(wanted) as events:
        for event in events:
            if isinstance(event, Snapshot):
                elements: list[Element] = [
                    one for one in (*event.nodes, *event.edges) if isinstance(one, _ELEMENTS[kind])
                ]
                before, state = state, {_name(one): msgspec.to_builtins(one) for one in elements}
                yield list(compare(before, state))
                continue
            element = event.node if isinstance(event, NodeChange) else event.edge
            if isinstance(element, _ELEMENTS[kind]):
                yield [_take(state, element, event.kind)]


def _rows_of(snapshot: Snapshot, kind: str) -> State:
    everything: list[Element] = [*snapshot.nodes, *snapshot.edges]
    return {_name(one): msgspec.to_builtins(one) for one in everything if type(one) in _ELEMENTS[kind]}


def _take(state: State, element: Element, kind: ChangeKind) -> Change:
    """Bring the state up to date; returns what that changed."""
    name, row = _name(element), msgspec.to_builtins(element)
    if kind == "deleted":
        return Change("-", state.pop(name, row), {})
    before = state.get(name)
    state[name] = row
    return Change("+", row, {}) if before is None else Change("~", row, _changed(before, row))


def _name(element: Element) -> str:
    """Nodes and edges may share an id."""
    return f"{'n' if isinstance(element, Node) else 'e'}{element.id}"


def _asked(client: Client, text: str, every: float) -> Iterator[list[Change]]:
    pause = threading.Event()
    state: State = {}
    while True:
        found = items_of(msgspec.json.decode(client.query(text) or b"null"))
        for note in client.missing:
            say(note)
        before, state = state, dict(_by_identity(found))
        yield list(compare(before, state))
        pause.wait(every)


def _by_identity(rows: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield rows with their ids; equal rows without one are told apart by how often they came."""
    seen: dict[str, int] = {}
    for row in rows:
        name = (row.get("ID") or row.get("UUID")) if isinstance(row, dict) else None
        key = str(name) if name else msgspec.json.encode(row).decode()
        seen[key] = seen.get(key, 0) + 1
        yield f"{key} {seen[key]}", row


def _changed(before: Any, after: Any, prefix: str = "") -> dict[str, tuple[Json, Json]]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {prefix.rstrip("."): (before, after)}
    found: dict[str, tuple[Json, Json]] = {}
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if old == new or (not prefix and key in _ALWAYS):
            continue
        name = "" if key == "Metadata" and not prefix else f"{prefix}{key}."
        if isinstance(old, dict) and isinstance(new, dict):
            found.update(_changed(old, new, name))
        else:
            found[f"{prefix}{key}"] = (old, new)
    return found


_ALWAYS = frozenset({"UpdatedAt", "Revision"})
"""Members that every change changes."""


def _show_first(rows: list[Any], output: Shape) -> None:
    if not rows:
        say("nothing found yet")
    elif output is Shape.JSON:
        for row in rows:
            _show(Change("=", row, {}), output)
    else:
        show_answer(rows, Form(output.value))
    sys.stdout.flush()


def _show(change: Change, output: Shape) -> None:
    """Print a change at once, for a reader at the other end of a pipe."""
    if output is Shape.JSON:
        print_change(change)
    elif output is Shape.CSV:
        columns: list[Column] = [("Change", lambda _: change.sign), *columns_of([change.row])]
        print(as_csv(columns, [change.row]).splitlines()[-1], flush=True)
    else:
        print(f"{datetime.now().astimezone():%H:%M:%S} {change.sign} {_words(change)}", flush=True)


def print_change(change: Change) -> None:
    """Print a change as one line of JSON."""
    keys = {name: {"Before": old, "After": new} for name, (old, new) in change.keys.items()}
    line = {"Change": change.sign, "Row": change.row, **({"Keys": keys} if keys else {})}
    print(msgspec.json.encode(line).decode(), flush=True)


def _words(change: Change) -> str:
    row = change.row
    if not isinstance(row, dict):
        return plain(row)
    cells = [plain(cell(row)) for _, cell in columns_of([row])]
    line = "  ".join(cell for cell in cells if cell)
    keys = ", ".join(f"{name}: {plain(old)} → {plain(new)}" for name, (old, new) in change.keys.items())
    return f"{line}  [{keys}]" if keys else line
