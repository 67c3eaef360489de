# SPDX-License-Identifier: Apache-2.0
"""Step `path`: what the interface sends is seen on every interface of its way; those are captured for it."""

from collections.abc import Iterator

import msgspec

from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import WAITING, Outcome, Scene, Step
from netsonde.checks.steps._words import clock, span

_MOST_FLOWS = 100


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    through: str = ""
    """Query for the interfaces that the packets must pass; other steps say by it where a question got lost."""
    protocol: str = ""
    """Only packets whose last layer is this, such as DHCPv4 or ARP; empty = any."""


class Judge:
    """Follows the flows that the interface begins."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._protocol = wanted.protocol
        self._scene = scene
        self._flows: dict[str, Packet] = {}

    def packet(self, packet: Packet, *, own: bool) -> None:
        if own and packet.flow != "0" and self._protocol in ("", packet.protocol) and len(self._flows) < _MOST_FLOWS:
            self._flows.setdefault(packet.flow, packet)

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        scene = self._scene
        trails = [(scene.trail(flow), packet) for flow, packet in self._flows.items()]
        for where, packet in trails:
            if where.expects and not where.missing:
                sentence = f"packets of {scene.name} {where.words()}, the first after {span(scene, packet.time_ns)}"
                return Outcome("pass", sentence, packet.time_ns, (packet,), where.nodes)
        if not over:
            return WAITING
        if not trails:
            kind = f" of {self._protocol}" if self._protocol else ""
            return Outcome("unknown", f"{scene.name} sent no packet{kind}, so none could arrive")
        where, packet = max(trails, key=lambda trail: len(trail[0].reached))
        if not where.expects:
            return Outcome("unknown", "no interface of the path is captured: nothing matches Through")
        sentence = f"{packet.protocol} left {scene.name} at {clock(packet.time_ns)}, {where.words()}"
        return Outcome("fail", sentence, 0, (packet,), where.nodes)


def _problems(wanted: Parameters) -> Iterator[str]:
    if not wanted.through.strip():
        yield "Through is empty: name the interfaces of the path, such as G.V().Has('Name', 'br-int')"


STEP = Step("path", Parameters, Judge, problems=_problems, through=lambda wanted: (wanted.through,))
