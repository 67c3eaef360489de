# SPDX-License-Identifier: Apache-2.0
"""What to change in Open vSwitch so that what captures want is there, and nothing else of ours. Pure.

Rows of exports and mirrors are collected by the server as garbage once no bridge points at them.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netsonde.captures.engines._api import Point
from netsonde.captures.engines._registry import engine_name
from netsonde.captures.engines.ovs.rows import CAPTURE, EXPORTS, HOST, OPTIONS, SwitchRows
from netsonde.model.captures import Capture
from netsonde.model.elements import Json

MIRROR_NAME: Final = "nsm"
"""Beginning of the names of mirrors' devices, of which the kernel allows 15 bytes."""
_HEADER: Final = 256
_IPFIX_FLOWS: Final = 8192


@dataclass(frozen=True, slots=True)
class Wanted:
    """One capture at one bridge or port; `address` is where its export shall go."""

    point: Point
    name: str
    tid: str
    capture: Capture
    address: str = ""
    update: float = 10.0
    """Seconds after which a flow that goes on is reported, as our own meter does."""

    @property
    def engine(self) -> str:
        return engine_name(self.capture.type)

    @property
    def key(self) -> str:
        return f"{self.point.capture}/{self.point.ifindex:x}"

    @property
    def device(self) -> str:
        """Name of the device that a mirror makes: the same after a restart."""
        return MIRROR_NAME + hashlib.sha256(self.key.encode()).hexdigest()[:8]


@dataclass(slots=True)
class Plan:
    """Operations of one transaction, and why some of what is wanted cannot be had here."""

    operations: list[Json] = field(default_factory=list)
    problems: dict[Point, str] = field(default_factory=dict)
    found: set[Point] = field(default_factory=set)
    """Points of this database: what is wanted there is there once the operations are done, or has a problem."""


def plan(rows: SwitchRows, wanted: Iterable[Wanted], host: str) -> Plan:
    """Compare what is wanted with what is there."""
    made = Plan()
    wanted = list(wanted)
    _exports(rows, [one for one in wanted if one.engine in EXPORTS], host, made)
    _mirrors(rows, [one for one in wanted if one.engine == "ovsmirror"], host, made)
    return made


def _exports(rows: SwitchRows, wanted: Sequence[Wanted], host: str, made: Plan) -> None:
    by_place: dict[tuple[str, str], Wanted] = {}
    for one in wanted:
        if one.name not in rows.bridges:
            continue
        made.found.add(one.point)
        table, column = EXPORTS[one.engine]
        first = by_place.setdefault((one.name, column), one)
        if first is not one:
            made.problems[one.point] = (
                f"bridge {one.name} has one {table} only, and capture {first.point.capture} has it"
            )
    for name, bridge in rows.bridges.items():
        for engine, (table, column) in EXPORTS.items():
            chosen = by_place.get((name, column))
            _export(rows, _Place(name, bridge.uuid, table, column, bridge.exports[column], engine), chosen, host, made)


@dataclass(frozen=True, slots=True)
class _Place:
    """One export column of one bridge, and the row it points at."""

    bridge: str
    uuid: str
    table: str
    column: str
    present: str
    engine: str


def _export(rows: SwitchRows, place: _Place, one: Wanted | None, host: str, made: Plan) -> None:
    mark = rows.exports.get(place.present)
    is_ours = mark is not None and mark.host == host
    if place.present and not is_ours:
        if one is not None:
            made.problems[one.point] = f"bridge {place.bridge} has a {place.table} already, which is not ours"
        return
    if one is None:
        if place.present:
            made.operations.append(_point_at(place, ["set", []]))
        return
    row = _export_row(one)
    options = json.dumps(row, sort_keys=True)
    if mark is not None and (mark.capture, mark.options) == (one.key, options):
        return
    name = f"row{len(made.operations)}"
    row["external_ids"] = _ids(one, host, options)
    made.operations.append({"op": "insert", "table": place.table, "uuid-name": name, "row": row})
    made.operations.append(_point_at(place, ["named-uuid", name]))


def _point_at(place: _Place, value: Json) -> Json:
    where: Json = [["_uuid", "==", ["uuid", place.uuid]]]
    return {"op": "update", "table": "Bridge", "where": where, "row": {place.column: value}}


def _export_row(one: Wanted) -> dict[str, Json]:
    capture = one.capture
    if one.engine == "ovssflow":
        return {
            "agent": "lo",
            "targets": one.address,
            "header": capture.header_size or _HEADER,
            "sampling": max(1, capture.sampling_rate),
            "polling": capture.polling_interval,
        }
    active = math.ceil(one.update)
    if one.engine == "ovsnetflow":
        return {"targets": one.address, "active_timeout": active}
    return {
        "targets": one.address,
        "sampling": max(1, capture.sampling_rate),
        "cache_active_timeout": active,
        "cache_max_flows": _IPFIX_FLOWS,
    }


def _ids(one: Wanted, host: str, options: str = "") -> Json:
    ids: Mapping[str, str] = {CAPTURE: one.key, HOST: host, **({OPTIONS: options} if options else {})}
    return ["map", [[key, value] for key, value in ids.items()]]


def _mirrors(rows: SwitchRows, wanted: Sequence[Wanted], host: str, made: Plan) -> None:
    present = {mark.capture: uuid for uuid, mark in rows.mirrors.items() if mark is not None and mark.host == host}
    keys = {one.key for one in wanted}
    for key in sorted(present.keys() | rows.outputs.keys()):
        # A mirror without its port, or the other way round, is made anew as a whole.
        if key not in keys or (key in present) != (key in rows.outputs):
            _remove_mirror(present.get(key), rows.outputs.get(key), made)
    for one in wanted:
        port = rows.ports.get(one.name)
        bridge = next((bridge for bridge in rows.bridges.values() if port in bridge.ports), None)
        if port is None or bridge is None:
            continue
        made.found.add(one.point)
        if one.key not in present or one.key not in rows.outputs:
            _make_mirror(one, port, bridge.uuid, host, made)


def _remove_mirror(mirror: str | None, output: str | None, made: Plan) -> None:
    for column, uuid in (("mirrors", mirror), ("ports", output)):
        if uuid is not None:
            made.operations.append(
                {
                    "op": "mutate",
                    "table": "Bridge",
                    "where": [[column, "includes", ["uuid", uuid]]],
                    "mutations": [[column, "delete", ["uuid", uuid]]],
                }
            )


def _make_mirror(one: Wanted, port: str, bridge: str, host: str, made: Plan) -> None:
    number = len(made.operations)
    interface, output, mirror = f"interface{number}", f"port{number}", f"mirror{number}"
    ids = _ids(one, host)
    inserted: Sequence[tuple[str, str, dict[str, Json]]] = (
        ("Interface", interface, {"name": one.device, "type": "internal"}),
        ("Port", output, {"name": one.device, "interfaces": ["named-uuid", interface]}),
        (
            "Mirror",
            mirror,
            {
                "name": one.device,
                "select_src_port": ["uuid", port],
                "select_dst_port": ["uuid", port],
                "output_port": ["named-uuid", output],
            },
        ),
    )
    for table, name, row in inserted:
        row["external_ids"] = ids
        made.operations.append({"op": "insert", "table": table, "uuid-name": name, "row": row})
    mutations: list[Json] = [
        ["ports", "insert", ["named-uuid", output]],
        ["mirrors", "insert", ["named-uuid", mirror]],
    ]
    where: Json = [["_uuid", "==", ["uuid", bridge]]]
    made.operations.append({"op": "mutate", "table": "Bridge", "where": where, "mutations": mutations})
