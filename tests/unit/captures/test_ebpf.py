# SPDX-License-Identifier: Apache-2.0
"""Captures that the kernel counts: what the core is asked for."""

from typing import Any

import msgspec
import pytest

from netsonde.captures.engines._api import Point
from netsonde.captures.engines.ebpf import EbpfEngine
from netsonde.captures.engines.own_traffic import OwnTraffic
from netsonde.captures.engines.packet import PacketEngine
from netsonde.captures.settings import CaptureSettings
from unit.captures.host import vm_capture

HOME = 1


class Core:
    """Notes what it is asked to count."""

    event_fd = -1

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def count_in_kernel(self, *arguments: Any) -> None:
        self.asked.append(arguments)


@pytest.fixture
def core() -> Core:
    return Core()


def start(core: Any, point: Point, settings: CaptureSettings | None = None) -> None:
    own = [OwnTraffic("192.0.2.1", 4222)]
    packets = PacketEngine(core, settings or CaptureSettings(), home=HOME, options=dict, own_traffic=own)
    engine = EbpfEngine(packets)
    try:
        capture = msgspec.structs.replace(vm_capture(), type="ebpf")
        engine.start(point, capture, ifname="tap0", node_tid="t")
        assert engine.events() == []
    finally:
        engine.close()


def test_the_kernel_counts_at_the_device_without_our_own_traffic(core: Core) -> None:
    start(core, Point("c1", None, 7))
    ((capture, netns, ifindex, ifname, node_tid, options, hook),) = core.asked
    assert (capture, netns, ifindex, ifname, node_tid, hook) == ("c1", HOME, 7, "tap0", "t", "best")
    assert options["bpf_filter"] == "not (host 192.0.2.1 and tcp port 4222)"


def test_in_another_namespace_our_own_traffic_does_not_pass(core: Core) -> None:
    start(core, Point("c1", 99, 7), CaptureSettings(ebpf_hook="socket"))
    ((_, netns, _, _, _, options, hook),) = core.asked
    assert (netns, options["bpf_filter"], hook) == (99, "", "socket")
