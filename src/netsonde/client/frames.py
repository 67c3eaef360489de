# SPDX-License-Identifier: Apache-2.0
"""Answers as tables and as graphs of other libraries, each imported when it is asked for.

pyarrow comes with Netsonde. pandas and networkx do not: who wants them has them.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from netsonde.client.answers import Topology
from netsonde.client.errors import Missing

if TYPE_CHECKING:
    import networkx
    import pandas
    import pyarrow

Row = dict[str, Any]


def rows(data: Any) -> list[Row]:
    """Return plain data as flat rows: one an element, flow, point or value. A graph gives its nodes, then its edges."""
    return [_flat(item) if isinstance(item, dict) else {"value": item} for item in _items(data)]


def arrow(data: Any) -> "pyarrow.Table":
    """Return rows as an Arrow table. A column whose values are of several types holds them as text."""
    import pyarrow as pa

    found = rows(data)
    names = list(dict.fromkeys(name for row in found for name in row))
    return pa.table({name: _column([row.get(name) for row in found]) for name in names})


def data_frame(data: Any) -> "pandas.DataFrame":
    """Return rows as a DataFrame; times stay the numbers that they are."""
    return _imported("pandas").DataFrame.from_records(rows(data))


def network(topology: Topology) -> "networkx.MultiDiGraph[str]":
    """Return a graph whose nodes and edges carry their metadata as attributes, beside `host` and `element`.

    Keys of edges are their ids. An edge whose end is not among the nodes is kept, and its end with it.
    """
    graph = _imported("networkx").MultiDiGraph()
    for node in topology.nodes:
        graph.add_node(node.id, **{**node.metadata, "host": node.host, "element": node})
    for edge in topology.edges:
        attributes = {**edge.metadata, "host": edge.host, "element": edge}
        graph.add_edge(edge.parent, edge.child, edge.id, **attributes)
    return graph


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as absent:
        raise Missing(f"{package} is not installed", hint=f"pip install {package}") from absent


def _items(data: Any) -> Iterable[Any]:
    if not isinstance(data, list):
        return [] if data is None else [data]
    if len(data) == 1 and isinstance(data[0], dict) and data[0]:
        only = data[0]
        if only.keys() == {"Nodes", "Edges"}:
            return [*(only["Nodes"] or []), *(only["Edges"] or [])]
        if all(isinstance(points, list) for points in only.values()):
            return [{"Of": name, **_object(point)} for name, points in only.items() for point in points]
    if data and all(isinstance(item, list) for item in data):
        return [{"Path": at, **_object(node)} for at, path in enumerate(data) for node in path]
    return data


def _object(item: Any) -> Row:
    return item if isinstance(item, dict) else {"value": item}


def _flat(item: Mapping[str, Any], prefix: str = "") -> Row:
    found: Row = {}
    for key, value in item.items():
        # Metadata is addressed by its keys alone, in queries as here.
        name = prefix + key
        if isinstance(value, dict):
            found.update(_flat(value, "" if name == "Metadata" else f"{name}."))
        else:
            found.setdefault(name, value)
    return found


def _column(values: Sequence[Any]) -> "pyarrow.Array":
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else _text(value) for value in values])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
