# SPDX-License-Identifier: Apache-2.0
"""Answers to queries as rows and columns: elements, flows, paths, plain values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from netsonde.cli.flows import FLOW_COLUMNS
from netsonde.cli.options import Form
from netsonde.cli.output import Column, show

BY_OWNER = frozenset({"sockets", "next_hops", "of_rules", "of_groups", "metrics", "packets"})
"""Kinds of results whose JSON is one object of lists, by the id of what they belong to."""


def is_by_owner(answer: Any) -> bool:
    """Tell whether an answer may be of such a kind; values of a query can look the same."""
    return isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], dict) and _holds_rows(answer[0])


def _holds_rows(owners: Mapping[str, Any]) -> bool:
    rows = [row for listed in owners.values() for row in (listed if isinstance(listed, list) else [listed])]
    return len(rows) > 0 and all(isinstance(row, dict) for row in rows)


def rows_of_owners(owners: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each thing as a row that ends with its owner."""
    return [
        {**row, "Of": owner}
        for owner, listed in owners.items()
        for row in (listed if isinstance(listed, list) else [listed])
    ]


def show_answer(answer: Any, form: Form) -> None:
    """Print an answer as a table: of elements, of flows, or of plain values."""
    items = items_of(answer)
    if not all(isinstance(item, dict) for item in items):
        _show_values(answer, items, form)
        return
    show(answer, form, columns_of(items), items)


def items_of(answer: Any) -> list[Any]:
    """Return the rows of an answer; a graph gives its nodes, then its edges."""
    if not isinstance(answer, list):
        return [] if answer is None else [answer]
    if len(answer) == 1 and isinstance(answer[0], dict) and answer[0].keys() == {"Nodes", "Edges"}:
        graph = answer[0]
        return [*(graph["Nodes"] or []), *(graph["Edges"] or [])]
    if answer and all(_is_path(item) for item in answer):
        return [{"Path": " > ".join(str(_metadata(node, "Name")) for node in path)} for path in answer]
    return answer


def _is_path(item: Any) -> bool:
    return isinstance(item, list) and all(isinstance(node, dict) and {"ID", "Metadata"} <= node.keys() for node in item)


def _show_values(answer: Any, items: Sequence[Any], form: Form) -> None:
    if form is Form.TABLE:
        for item in items:
            print(item if isinstance(item, str | int | float) else msgspec.json.encode(item).decode())
    else:
        show(answer, form, [("Value", lambda item: item)], items)


def columns_of(items: Sequence[Mapping[str, Any]]) -> Sequence[Column]:
    first = items[0]
    if "Parent" in first and "Metadata" in first:
        return _EDGES
    if "Metadata" in first:
        return _GRAPH if any("Parent" in item for item in items) else _NODES
    if "LayersPath" in first or "TrackingID" in first:
        return FLOW_COLUMNS
    if first.keys() >= {"Table", "Match", "Actions"}:
        return _RULES
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
_RULES: Sequence[Column] = tuple(
    (name.upper(), _member(name))
    for name in ("Bridge", "Table", "Priority", "Match", "Actions", "Packets", "Bytes", "Duration", "Cookie", "Of")
)
_GRAPH: Sequence[Column] = (*_NODES[:3], *_EDGES)
