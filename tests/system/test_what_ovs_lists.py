# SPDX-License-Identifier: Apache-2.0
"""Rows of Open vSwitch in the graph held against `ovs-vsctl list`, key by key, after each change."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from live_graph import LiveGraph, live_graph, name, private_netns, settings
from netsonde.model.elements import Json, Metadata
from ovs_fixture import PrivateOvs
from ovs_fixture import ovs as ovs_of_machine  # noqa: F401

pytestmark = pytest.mark.system

PATIENCE: Final = 10.0
"""Seconds for the graph to follow, which takes it some milliseconds where the machine has time."""


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    with private_netns():
        yield


@pytest.fixture
def ovs(netns: None, request: pytest.FixtureRequest) -> PrivateOvs:
    """The switch, started only once this process is in its own namespace."""
    switch = request.getfixturevalue("ovs_of_machine")
    assert isinstance(switch, PrivateOvs)
    return switch


@pytest.fixture
async def live(ovs: PrivateOvs, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(
        settings(tmp_path / "netns", ovsdb=ovs.address, probes=("netns", "netlink", "ovsdb"))
    ) as graph:
        yield graph


def commands() -> tuple[str, ...]:
    """Return changes of every sort that the probe follows, each one transaction."""
    one, two, access, trunk, left, right, vxlan, geneve = (
        name(kind) for kind in ("b", "b", "a", "t", "l", "r", "v", "g")
    )
    return (
        f"add-br {one} -- set Bridge {one} datapath_type=netdev",
        f"add-br {two} -- set Bridge {two} datapath_type=netdev fail_mode=secure",
        f"add-port {one} {access} tag=7 -- set Interface {access} type=internal external_ids:iface-id=11",
        f"add-port {one} {trunk} trunks=10,20 vlan_mode=trunk -- set Interface {trunk} type=internal",
        f"add-port {one} {left} -- set Interface {left} type=patch options:peer={right}",
        f"add-port {two} {right} -- set Interface {right} type=patch options:peer={left}",
        f"add-port {two} {vxlan} -- set Interface {vxlan} type=vxlan options:remote_ip=192.0.2.9",
        f"set Interface {vxlan} options:local_ip=127.0.0.1",
        f"add-port {two} {geneve} -- set Interface {geneve} type=geneve options:remote_ip=flow options:csum=true",
        f"set Bridge {one} protocols=OpenFlow13,OpenFlow15 other_config:hwaddr=02:00:00:00:00:09 external_ids:a.b/c=1",
        f"set Port {access} tag=8 external_ids:vm-id=8a566101 other_config:priority-tags=true protected=true",
        f"set Interface {access} external_ids:vm-uuid=8a566101-8736 external_ids:iface-status=active",
        f"set Bridge {two} rstp_enable=true mcast_snooping_enable=true",
        f"remove Interface {access} external_ids iface-id -- clear Port {access} tag",
        f"set Interface {vxlan} options:remote_ip=192.0.2.10",
        f"del-port {one} {left}",
        f"clear Bridge {one} protocols -- clear Bridge {one} external_ids",
        f"del-port {two} {geneve}",
        f"del-br {two}",
    )


async def test_rows_are_those_that_ovs_vsctl_lists_key_by_key_after_each_change(
    live: LiveGraph, ovs: PrivateOvs
) -> None:
    for command in commands():
        ovs.vsctl(*command.split())
        await equal(live, ovs, command)


async def equal(live: LiveGraph, ovs: PrivateOvs, after: str) -> None:
    """Wait until the graph says what `ovs-vsctl` says; neither may be asked before the other has changed."""
    told: list[tuple[dict[str, Metadata], dict[str, Metadata]]] = []

    def same() -> bool:
        told.append((by_vsctl(ovs), by_graph(live)))
        return told[-1][0] == told[-1][1]

    try:
        await live.until(same, PATIENCE)
    except AssertionError:
        expected, shown = told[-1]
        both = {uuid: (expected.get(uuid), shown.get(uuid)) for uuid in expected.keys() | shown.keys()}
        assert [each for each in both.values() if each[0] != each[1]] == [], (
            f"after {after}: what it says, the graph says"
        )


def by_graph(live: LiveGraph) -> dict[str, Metadata]:
    rows = [node.metadata for node in live.graph.nodes() if "UUID" in node.metadata]
    return {str(row["UUID"]): {key: row[key] for key in COMPARED & row.keys()} for row in rows}


def by_vsctl(ovs: PrivateOvs) -> dict[str, Metadata]:
    """Return what the switch's own tool lists, in our words; written apart from the probe."""
    found: dict[str, Metadata] = {}
    for table, read in TABLES.items():
        listing = json.loads(ovs.vsctl("--format=json", "list", table))
        for values in listing["data"]:
            row = {column: plain(value) for column, value in zip(listing["headings"], values, strict=True)}
            told = {"Name": row["name"], "ExtID": row["external_ids"], **read(row)}
            found[row["_uuid"]] = {key: value for key, value in told.items() if value not in (None, {}, [], "", False)}
    return found


def plain(value: Any) -> Any:
    """Return a value of OVSDB's JSON: maps as objects, sets of one as it, the empty one as None, others sorted."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "map":
        return dict(content)
    if kind == "set":
        return sorted(map(plain, content)) if len(content) > 1 else next(map(plain, content), None)
    return content


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def without_none(**values: Json) -> Metadata:
    return {key: value for key, value in values.items() if value not in (None, {}, [], "", False)}


def bridge(row: dict[str, Any]) -> dict[str, Json]:
    settings_of = without_none(
        OtherConfig=row["other_config"],
        Protocols=several(row["protocols"]),
        DatapathType=row["datapath_type"],
        DatapathID=row["datapath_id"],
        FailMode=row["fail_mode"],
        STP=row["stp_enable"],
        RSTP=row["rstp_enable"],
        McastSnooping=row["mcast_snooping_enable"],
    )
    return {"Type": "ovsbridge", "Ovs": settings_of}


def port(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "Type": "ovsport",
        "Vlans": row["tag"],
        "Trunks": several(row["trunks"]),
        "VlanMode": row["vlan_mode"],
        "Protected": row["protected"],
        "Ovs": without_none(OtherConfig=row["other_config"]),
    }


def interface(row: dict[str, Any]) -> dict[str, Json]:
    options = row["options"]
    return {
        "Type": row["type"],
        "OfPort": row["ofport"],
        "LocalIP": options.get("local_ip"),
        "RemoteIP": options.get("remote_ip"),
        "Ovs": without_none(OtherConfig=row["other_config"], Options=options, Error=row["error"]),
    }


TABLES: Final[dict[str, Callable[[dict[str, Any]], dict[str, Json]]]] = {
    "Bridge": bridge,
    "Port": port,
    "Interface": interface,
}
COMPARED: Final = {
    *("Name", "Type", "ExtID", "Ovs", "Vlans", "Trunks", "VlanMode", "Protected", "OfPort", "LocalIP", "RemoteIP"),
}
