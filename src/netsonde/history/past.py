# SPDX-License-Identifier: Apache-2.0
"""Reading revisions: what was at a time or in an interval, what changed, what differs between two times.

The rows of a keyframe's epoch hold all that is needed from the keyframe on, in the order of kind and id. Elements come
out of the database as JSON, one a line, and are decoded as they are.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history.changes import RecordedRow, decode_rows, differences, feed
from netsonde.history.database import Database
from netsonde.model.changes import ElementChange
from netsonde.model.elements import Edge, Node
from netsonde.query import Kind, Wanted

AT: Final = (
    "SELECT {columns} FROM revisions WHERE epoch = {{since:Int64}} AND at <= {{until:Int64}}{where} "
    "ORDER BY kind DESC, id DESC, valid_from DESC, recorded DESC LIMIT 1 BY kind, id"
)
"""The last row of every element at `until`, its end included; `since` is the keyframe before that."""
_ROW: Final = "kind, id, valid_from, recorded, revision, created, deleted, host, origin, probe, parent, child, metadata"
_IN_INTERVAL: Final = (
    "epoch >= {since:Int64} AND epoch <= {last:Int64} AND at > {start:Int64} AND at <= {last:Int64} AND keyframe = 0"
)


def _object(**members: str) -> str:
    """Return the SQL of a JSON object whose members are given as SQL of JSON."""
    written = ", ',', ".join(f"'\"{name}\":', {sql}" for name, sql in members.items())
    return f"concat('{{', {written}, '}}')"


def _texts(*columns: str) -> dict[str, str]:
    return {column: f"toJSONString({column})" for column in columns}


def _element(ended: str) -> str:
    """Return the SQL of a node or an edge as `model.elements` spells them; `ended` is that of its end."""
    common = {
        "ID": "toJSONString(id)",
        "Host": "toJSONString(host)",
        "Origin": "toJSONString(origin)",
        "CreatedAt": "toString(created)",
        "UpdatedAt": "toString(valid_from)",
        "DeletedAt": ended,
        "Revision": "toString(revision)",
        "Metadata": "metadata",
    }
    # Edges begin with their ends; concatenating both kinds in full would cost twice the time for every row.
    ends = (
        "if(kind = 'edge', concat('{\"Parent\":', toJSONString(parent), ',\"Child\":', toJSONString(child), ','), '{')"
    )
    return f"concat({ends}, substring({_object(**common)}, 2))"


_RECORDED: Final = _object(
    **_texts("kind", "id", "host", "origin", "probe", "parent", "child"),
    valid_from="toString(valid_from)",
    deleted="toString(deleted)",
    metadata="if(metadata = '', '{}', metadata)",
)
_EDGE_LINE: Final = b'{"P'
_LINES_A_TURN: Final = 2000
"""Elements decoded at once; the event loop waits for the interpreter meanwhile, some milliseconds."""


def keyframe_before(database: Database, at_ms: int) -> int:
    """Return the time of the last keyframe at or before `at_ms`, whoever took it; 0 when there is none."""
    return int(database.rows("SELECT max(at) FROM keyframes WHERE at <= {at:Int64}", at=at_ms)[0][0])


def graph(database: Database, start_ms: int, last_ms: int, wanted: Wanted | None) -> SnapshotGraph:
    """Return what was at a time, or everything that was visible in an interval; of that, what is wanted."""
    where, parameters = _condition(wanted)
    if start_ms >= last_ms:
        lines = _at_point(database, last_ms, where, parameters)
    else:
        lines = _in_interval(database, start_ms, last_ms, where, parameters)
    nodes, edges = _elements(lines)
    if wanted is None:
        there = {node.id for node in nodes}
        edges = [edge for edge in edges if edge.parent in there and edge.child in there]
    return SnapshotGraph(nodes, edges)


def _at_point(database: Database, at_ms: int, where: str, parameters: dict[str, Any]) -> bytes:
    since = keyframe_before(database, at_ms)
    condition = where.format(range="epoch = {since:Int64} AND at <= {until:Int64}") if where else ""
    inner = AT.format(columns=_ROW, where=condition)
    sql = f"SELECT {_element(_ALIVE)} FROM ({inner}) WHERE deleted = 0"
    return database.lines(sql, since=since, until=at_ms, **parameters)


_ALIVE: Final = "'null'"
_NEXT: Final = "OVER (PARTITION BY kind, id ORDER BY valid_from, recorded ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)"


def _in_interval(database: Database, start_ms: int, last_ms: int, where: str, parameters: dict[str, Any]) -> bytes:
    """What held just before the interval, and every change in it, both ends included."""
    until = start_ms - 1
    since = keyframe_before(database, until)
    reach = "epoch >= {since:Int64} AND epoch <= {last:Int64} AND at <= {last:Int64}"
    condition = where.format(range=reach) if where else ""
    rows = (
        f"SELECT {_ROW} FROM ({AT.format(columns=_ROW, where=condition)}) UNION ALL "
        f"SELECT {_ROW} FROM revisions WHERE {_IN_INTERVAL}{condition}"
    )
    once = (
        f"SELECT {_ROW} FROM ({rows}) ORDER BY kind, id, valid_from, recorded LIMIT 1 BY kind, id, valid_from, recorded"
    )
    ends = f"SELECT {_ROW}, leadInFrame(deleted) {_NEXT} AS ends, leadInFrame(valid_from) {_NEXT} AS next FROM ({once})"
    ended = "if(ends = 1, toString(next), 'null')"
    sql = f"SELECT {_element(ended)} FROM ({ends}) WHERE deleted = 0 ORDER BY kind, id, valid_from, recorded"
    return database.lines(sql, since=since, until=until, start=until, last=last_ms, **parameters)


def _condition(wanted: Wanted | None) -> tuple[str, dict[str, Any]]:
    """Return what chooses the elements that are wanted, whatever their other revisions say; `{range}` is filled in."""
    if wanted is None:
        return "", {}
    kind = f" AND kind = '{'node' if wanted.kind is Kind.NODES else 'edge'}'"
    if wanted.id is not None:
        return kind + " AND id = {{id:String}}", {"id": wanted.id}
    parameters: dict[str, Any] = {}
    tests = []
    for group, texts in enumerate(wanted.texts):
        names = [f"text{group}_{place}" for place in range(len(texts))]
        parameters |= dict(zip(names, texts, strict=True))
        tests.append(" OR ".join(f"position(metadata, {{{{{name}:String}}}}) > 0" for name in names))
    if not tests:
        return kind, {}
    passing = "".join(f" AND ({test})" for test in tests)
    return f"{kind} AND id IN (SELECT id FROM revisions WHERE {{range}}{kind}{passing})", parameters


def _elements(lines: bytes) -> tuple[list[Node], list[Edge]]:
    nodes: list[Node] = []
    edges: list[Edge] = []
    for part in _parts(lines.splitlines()):
        of_edges = [line for line in part if line.startswith(_EDGE_LINE)]
        of_nodes = part if not of_edges else [line for line in part if not line.startswith(_EDGE_LINE)]
        nodes += _nodes.decode_lines(b"\n".join(of_nodes))
        edges += _edges.decode_lines(b"\n".join(of_edges))
    return nodes, edges


def _parts(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    iterator = iter(lines)
    while part := list(islice(iterator, _LINES_A_TURN)):
        yield part


_nodes = msgspec.json.Decoder(Node)
_edges = msgspec.json.Decoder(Edge)


def changes(
    database: Database, start_ms: int, last_ms: int, ids: Sequence[str] | None, limit: int
) -> list[ElementChange]:
    """Return the changes after `start_ms` up to `last_ms`, oldest first, at most `limit`."""
    among, parameters = ("", dict[str, Any]()) if ids is None else (_AMONG, {"ids": list(ids)})
    rows = _recorded(
        database,
        f"SELECT {_RECORDED} FROM (SELECT {_ROW} FROM revisions WHERE {_IN_INTERVAL}{among} "
        "ORDER BY valid_from, recorded LIMIT 1 BY kind, id, valid_from, recorded LIMIT {limit:UInt64}) "
        "ORDER BY valid_from, recorded",
        {"start": start_ms, "last": last_ms, "limit": limit} | parameters,
        keyframe_before(database, start_ms),
    )
    held = _held(database, start_ms, _AMONG, {"ids": sorted({row.id for row in rows})})
    return list(feed(held, rows))


def difference(database: Database, before_ms: int, after_ms: int, limit: int) -> list[ElementChange]:
    """Return how what was at one time differs from what was at another, at most `limit` of it."""
    start, last = sorted((before_ms, after_ms))
    between = {"first": keyframe_before(database, start), "start": start, "last": last}
    touched = f" AND id IN (SELECT id FROM revisions WHERE {_IN_INTERVAL.replace('since', 'first')})"
    before, after = (_held(database, at, touched, between) for at in (before_ms, after_ms))
    return differences(before, after)[:limit]


_AMONG: Final = " AND id IN {ids:Array(String)}"


def _held(database: Database, at_ms: int, among: str, parameters: dict[str, Any]) -> Sequence[RecordedRow]:
    """Return the last row of each of some elements at a time."""
    sql = AT.format(columns=_RECORDED, where=among)
    return _recorded(database, sql, {"until": at_ms} | parameters, keyframe_before(database, at_ms))


def _recorded(database: Database, sql: str, parameters: dict[str, Any], since: int) -> Sequence[RecordedRow]:
    """Return rows in the order in which the database gives them."""
    lines = database.lines(sql, since=since, **parameters)
    return [row for part in _parts(lines.splitlines()) for row in decode_rows(b"\n".join(part))]
