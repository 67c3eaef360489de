# SPDX-License-Identifier: Apache-2.0
"""What exports and mirrors there are in Open vSwitch's database, as far as captures care. Pure.

Source: ovs-vswitchd.conf.db(5), tables Bridge, Port, Mirror, sFlow, NetFlow, IPFIX; RFC 7047 §5.1 for values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json

CAPTURE: Final = "netsonde-capture"
HOST: Final = "netsonde-host"
OPTIONS: Final = "netsonde-options"
"""External ids of our rows: which capture at which point, of which agent, programmed how."""

EXPORTS: Final[Mapping[str, tuple[str, str]]] = {
    "ovssflow": ("sFlow", "sflow"),
    "ovsnetflow": ("NetFlow", "netflow"),
    "ovsipfix": ("IPFIX", "ipfix"),
}
"""Table, and column of Bridge, by engine."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose a row is."""

    capture: str
    host: str
    options: str


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge: the row that each of its export columns points at, "" = none; its ports if they were asked for."""

    uuid: str
    exports: Mapping[str, str]
    ports: frozenset[str]


@dataclass(frozen=True, slots=True)
class SwitchRows:
    """The rows of one database. Exports and mirrors with their marks, None for those of others."""

    bridges: Mapping[str, Bridge]
    ports: Mapping[str, str]
    """UUIDs of the ports that were asked for, by name."""
    exports: Mapping[str, Mark | None]
    mirrors: Mapping[str, Mark | None]
    outputs: Mapping[str, str]
    """Our mirrors' output ports: UUID by capture key."""


def requests(host: str, ports: Sequence[str]) -> list[Json]:
    """Return the selections whose results `read` takes: these ports, our own, and all that is few."""
    columns: list[Json] = ["_uuid", "name", *(column for _, column in EXPORTS.values())]
    if ports:
        # With a hundred thousand ports this column is the largest of the database.
        columns.append("ports")
    selections: list[Json] = [_select("Bridge", columns)]
    selections += [_select(table, ["_uuid", "external_ids"]) for table, _ in EXPORTS.values()]
    selections.append(_select("Mirror", ["_uuid", "external_ids"]))
    ours: Json = ["external_ids", "includes", ["map", [[HOST, host]]]]
    selections.append(_select("Port", ["_uuid", "name", "external_ids"], [ours]))
    selections += [_select("Port", ["_uuid", "name", "external_ids"], [["name", "==", name]]) for name in ports]
    return selections


def read(results: Json) -> SwitchRows:
    """Understand the results of `requests`; WireError when they are none."""
    try:
        tables = [_rows(result) for result in _list(results)]
        bridges, exports, (mirrors, ours, *ports) = tables[0], tables[1:4], tables[4:]
        return SwitchRows(
            bridges={_text(row["name"]): _bridge(row) for row in bridges},
            ports={_text(row["name"]): _uuid(row) for rows in ports for row in rows},
            exports={_uuid(row): _mark(row) for rows in exports for row in rows},
            mirrors={_uuid(row): _mark(row) for row in mirrors},
            outputs={mark.capture: _uuid(row) for row in ours if (mark := _mark(row)) is not None},
        )
    except (KeyError, ValueError, IndexError) as wrong:
        raise WireError(f"ovsdb-server answered a selection with what cannot be used: {wrong}") from wrong


def _select(table: str, columns: Sequence[Json], where: Sequence[Json] = ()) -> Json:
    return {"op": "select", "table": table, "where": [*where], "columns": [*columns]}


def _bridge(row: dict[str, Json]) -> Bridge:
    exports = {column: next(iter(_uuids(row[column])), "") for _, column in EXPORTS.values()}
    return Bridge(_uuid(row), exports, frozenset(_uuids(row.get("ports", ["set", []]))))


def _mark(row: dict[str, Json]) -> Mark | None:
    kind, pairs = _list(row["external_ids"])
    ids = {_text(key): _text(value) for key, value in map(_list, _list(pairs))} if kind == "map" else {}
    return Mark(ids[CAPTURE], ids[HOST], ids.get(OPTIONS, "")) if CAPTURE in ids and HOST in ids else None


def _uuid(row: dict[str, Json]) -> str:
    return next(iter(_uuids(row["_uuid"])))


def _uuids(value: Json) -> Iterable[str]:
    """Return the members of a set of references, one of which stands alone."""
    kind, inner = _list(value)
    if kind == "uuid":
        return [_text(inner)]
    return [_text(_list(member)[1]) for member in _list(inner)]


def _rows(result: Json) -> list[dict[str, Json]]:
    if not isinstance(result, dict) or not isinstance(result.get("rows"), list):
        raise ValueError(f"{result!r:.80} is no result of a selection")
    return [row for row in _list(result["rows"]) if isinstance(row, dict)]


def _list(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise ValueError(f"{value!r:.60} is no list")


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r:.60} is no text")
