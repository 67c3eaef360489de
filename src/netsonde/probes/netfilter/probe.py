# SPDX-License-Identifier: Apache-2.0
"""Connection tracking and rules of nftables in the host and in every known namespace.

Source: files of each namespace (netfilter/conntrack.py) and nfnetlink (netfilter/nftables.py), looked at every
        `probes.netfilter.interval`; rules are read only where their generation is another than at the last look.
Writes: `Conntrack` and `NFTables` on the nodes of the host and of network namespaces; counters to the metrics sink.
Needs:  CAP_SYS_ADMIN to enter namespaces, CAP_NET_ADMIN in them for the rules.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from netsonde.graph.batch import Batch
from netsonde.model.elements import Metadata
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.namespaces import Namespace
from netsonde.probes.netfilter.conntrack import Conntrack, ConntrackHistory, conntrack_metadata
from netsonde.probes.netfilter.door import Door, Rules, open_door, read_rules
from netsonde.probes.netfilter.nftables import is_loaded, ruleset_metadata

NAMESPACES_AT_ONCE: Final = 32
"""Namespaces that are entered in one visit: others wait for the thread that does so."""
SHORTEST_PAUSE: Final = 0.1
"""Seconds between two looks, whatever the settings say."""
CPU_SHARE: Final = 0.02
"""Most of a core that reading rules takes: those that change all the time are read less often."""


@dataclass(slots=True)
class _Seen:
    """What is known of one namespace."""

    namespace: Namespace
    generation: int | None = None
    rules: Metadata = field(default_factory=dict)
    conntrack: Metadata = field(default_factory=dict)
    history: ConntrackHistory = field(default_factory=ConntrackHistory)
    stated: Metadata = field(default_factory=dict)


class NetfilterProbe:
    """Keeps what is shown equal to the kernel's, one look late at most; `run` may be called again."""

    name = "netfilter"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.netfilter
        self._seen: dict[int, _Seen] = {}
        self._not_entered = 0
        self._troubles: dict[str, int] = {}

    async def run(self, health: Health) -> None:
        """Look at all namespaces again and again until cancelled."""
        while True:
            took = await self._look()
            health.count("looks")
            health.gauge("objects", sum(bool(seen.stated) for seen in self._seen.values()))
            health.gauge("namespaces", len(self._seen))
            health.running("; ".join(self._lacking()))
            await asyncio.sleep(max(SHORTEST_PAUSE, self._settings.interval, took / CPU_SHARE))

    async def _look(self) -> float:
        """Read every namespace, publish what differs, and return the seconds of CPU that rules took."""
        known = self._context.namespaces.all()
        self._seen = {inode: seen for inode, seen in self._seen.items() if self._is_known(seen.namespace)}
        self._not_entered, self._troubles = 0, {}
        opening = partial(open_door, nftables=await asyncio.to_thread(is_loaded))
        took = 0.0
        for first in range(0, len(known), NAMESPACES_AT_ONCE):
            some = known[first : first + NAMESPACES_AT_ONCE]
            answers = await self._context.namespaces.enter_each(some, opening, Door.close)
            doors: list[tuple[Namespace, Door]] = []
            for namespace, answer in zip(some, answers, strict=True):
                if not isinstance(answer, OSError):
                    doors.append((namespace, answer))
                elif self._is_known(namespace):
                    self._not_entered += 1
            took += await self._pass(doors)
        return took

    def _is_known(self, namespace: Namespace) -> bool:
        return self._context.namespaces.get(namespace.inode) is namespace

    async def _pass(self, doors: list[tuple[Namespace, Door]]) -> float:
        """Read the rules behind these doors, and publish."""
        asked = [(door, self._of(namespace).generation) for namespace, door in doors]
        try:
            rules, took = await asyncio.to_thread(read_rules, asked, self._settings.rule_limit)
        finally:
            for _, door in doors:
                door.close()
        batch = Batch()
        metrics: list[InterfaceMetric] = []
        for (namespace, door), found in zip(doors, rules, strict=True):
            if self._is_known(namespace):
                seen = self._of(namespace)
                metrics += self._counted(seen, door.conntrack)
                self._state(batch, seen, found)
        if len(batch):
            self._context.graph.apply(batch)
        if metrics:
            self._context.metrics(metrics)
        return took

    def _of(self, namespace: Namespace) -> _Seen:
        return self._seen.setdefault(namespace.inode, _Seen(namespace))

    def _counted(self, seen: _Seen, reading: Conntrack | None) -> Iterator[InterfaceMetric]:
        """Take a reading in, and yield at most one metric."""
        if reading is None:
            seen.conntrack = {}
            return
        seen.conntrack = conntrack_metadata(reading, seen.conntrack)
        now = self._context.now_ms()
        grown = seen.history.interval(reading, now)
        node = self._context.graph.node(self._node_of(seen.namespace))
        if grown is not None and node is not None:
            tid = str(node.metadata.get("TID") or "")
            yield InterfaceMetric(node.id, tid, self._context.host, grown[0], now, grown[1])

    def _state(self, batch: Batch, seen: _Seen, rules: Rules) -> None:
        if rules.trouble:
            self._troubles[rules.trouble] = self._troubles.get(rules.trouble, 0) + 1
        seen.generation = rules.generation
        if rules.found is not None:
            seen.rules = ruleset_metadata(rules.found, self._settings.limit)
        metadata: Metadata = {"Conntrack": seen.conntrack, "NFTables": seen.rules}
        metadata = {key: value for key, value in metadata.items() if value}
        if metadata == seen.stated:
            return
        seen.stated = metadata
        if metadata:
            batch.annotate(self._node_of(seen.namespace), self.name, metadata)
        else:
            batch.drop_layer(self._node_of(seen.namespace), self.name)

    def _node_of(self, namespace: Namespace) -> str:
        identity = self._context.identity
        return identity.host() if namespace.own else identity.netns(namespace.inode)

    def _lacking(self) -> Iterable[str]:
        for trouble, times in sorted(self._troubles.items()):
            yield f"in {times} namespaces {trouble}"
        if self._not_entered:
            yield f"{self._not_entered} namespaces cannot be entered: run as root"
