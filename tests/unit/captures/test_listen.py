# SPDX-License-Identifier: Apache-2.0
"""Captures of what others send: where they listen, and at which nodes."""

import msgspec
import pytest

from netsonde.captures.engines._api import Point
from netsonde.captures.engines.listen import ListenEngine
from netsonde.captures.engines.packet import ListenOn
from netsonde.captures.placement import place
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import UserError
from netsonde.graph import Batch, Graph
from netsonde.model.captures import Capture
from unit.captures.host import Host, vm_capture

POINT = Point("c1", None, 1 << 31)


class Core:
    """Binds what it is asked to, or refuses."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.asked: list[ListenOn] = []

    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str:
        if self.refuse:
            raise ValueError(self.refuse)
        self.asked.append(source)
        return source.address


@pytest.mark.parametrize(
    ("engine", "host", "port", "source"),
    [
        ("sflow", "", 0, ListenOn("sflow", "127.0.0.1:6343")),
        ("netflow", "", 9995, ListenOn("records", "127.0.0.1:9995")),
        ("netflow", "0.0.0.0", 0, ListenOn("records", "0.0.0.0:2055")),
        ("netflow", "::", 0, ListenOn("records", "[::]:2055")),
        ("pcapsocket", "0.0.0.0", 0, ListenOn("pcap", "127.0.0.1:0")),
    ],
)
def test_an_engine_listens_on_the_loopback_unless_told_otherwise(
    engine: str, host: str, port: int, source: ListenOn
) -> None:
    core = Core()
    settings = CaptureSettings(listen=host) if host else CaptureSettings()
    listening = ListenEngine(engine, core, settings, lambda: 5)
    try:
        capture = msgspec.structs.replace(vm_capture(), port=port)
        listening.start(POINT, capture, ifname="sw1", node_tid="t")
        assert core.asked == [source]
        told = listening.events()
        assert [(event.kind, event.point, event.reason) for event in told] == [("listening", POINT, source.address)]
        assert listening.events() == []
    finally:
        listening.close()


def test_a_name_is_no_address_to_listen_at() -> None:
    with pytest.raises(ValueError, match="listen must be an IP address"):
        CaptureSettings(listen="everywhere")


def test_a_port_in_use_is_said_with_what_to_do() -> None:
    listening = ListenEngine("sflow", Core("cannot listen on 0.0.0.0:6343"), CaptureSettings(), lambda: 5)
    try:
        with pytest.raises(UserError, match="cannot listen") as caught:
            listening.start(POINT, vm_capture(), ifname="sw1", node_tid="t")
        assert "Port" in caught.value.hint
    finally:
        listening.close()


@pytest.mark.parametrize(
    ("kind", "placed"),
    [
        ("", {"tap0"}),
        ("netflow", {"h1", "tap0", "br0", "vnet0", "nsm1"}),
        ("ovssflow", {"br0"}),
        ("ovsmirror", {"vnet0"}),
    ],
)
def test_captures_work_at_the_nodes_that_their_engine_needs(kind: str, placed: set[str], graph: Graph) -> None:
    Host(graph).plug("tap0")
    batch = Batch()
    batch.put_node("br0", "ovsdb", {"Type": "ovsbridge", "Name": "br0"})
    batch.put_node("vnet0", "ovsdb", {"Type": "ovsport", "Name": "vnet0"})
    batch.put_node("nsm1", "ovsdb", {"Type": "ovsport", "Name": "nsm1", "ExtID": {"netsonde-capture": "c1/1"}})
    graph.apply(batch)
    capture = msgspec.structs.replace(vm_capture(), type=kind)
    names = ("h1", "tap0", "br0", "vnet0", "nsm1")
    points = {name: place(graph, node, capture) for name in names if (node := graph.node(name)) is not None}
    assert {name for name, point in points.items() if point is not None} == placed
    assert len({point for point in points.values() if point is not None}) == len(placed)
