# SPDX-License-Identifier: Apache-2.0
"""Engine `ebpf`: the kernel counts packets where they pass, and only counts are read.

A program on the interface tells packets apart by their headers; its flows have the keys and ids of captured packets.
Nothing is pinned: program and maps end with the agent, however it ends. Needs Linux 5.10 and the capabilities BPF,
NET_ADMIN and NET_RAW, no BTF; a kernel that refuses makes the capture fail there, with the kernel's reason.
"""

from typing import Protocol

from netsonde.captures.engines._api import Point
from netsonde.captures.engines.told import Telling
from netsonde.model.captures import Capture


class Counts(Protocol):
    """What PacketEngine gives this engine."""

    def count(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None: ...


class EbpfEngine(Telling):
    """Implements Engine; what happens to its taps is told by the core, as of every other."""

    name = "ebpf"

    def __init__(self, core: Counts) -> None:
        super().__init__()
        self._core = core

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        self._core.count(point, capture, ifname=ifname, node_tid=node_tid)

    def stop(self, point: Point) -> None:
        """The core stops what counts, as it stops every tap."""
