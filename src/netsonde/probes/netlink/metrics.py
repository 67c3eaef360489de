# SPDX-License-Identifier: Apache-2.0
"""Counters of every interface, read in turn and handed to the metrics sink as deltas.

A namespace is asked through its watch (one RTM_GETSTATS dump, counters only); between two the loop runs on, so that 500
namespaces make no pause.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from netsonde.model.elements import Node
from netsonde.model.topology import InterfaceMetric
from netsonde.probes.netlink.counters import CounterHistory, Counters, decode_stats
from netsonde.probes.netlink.translate import Key
from netsonde.probes.netlink.watch import NamespaceWatch
from netsonde.probes.netlink_wire import Message

NAMESPACES_A_TURN = 4


class CounterReader:
    """Reads counters every `interval` seconds; the first reading of an interface that was there gives no delta."""

    def __init__(
        self,
        *,
        host: str,
        now_ms: Callable[[], int],
        node_of: Callable[[Key], Node | None],
        sink: Callable[[list[InterfaceMetric]], None],
    ) -> None:
        self._host = host
        self._now_ms = now_ms
        self._node_of = node_of
        self._sink = sink
        self._histories: dict[int, CounterHistory] = {}
        self._ready: list[InterfaceMetric] = []
        self.read = 0
        """Interfaces read since the start."""

    def interface_born(self, key: Key, counters: Counters) -> None:
        """An interface came under our eyes: what it counts beyond these is new.

        They are zeros of one that was made, but not of one that came from another namespace.
        """
        self._history(key[0]).begin_at(key[1], counters, self._now_ms())

    def interface_gone(self, key: Key) -> None:
        history = self._histories.get(key[0])
        if history is not None:
            history.forget(key[1])

    def namespace_gone(self, inode: int) -> None:
        self._histories.pop(inode, None)

    async def run(self, interval: float, watches: Callable[[], Iterable[NamespaceWatch]]) -> None:
        """Read for ever."""
        while True:
            for number, watch in enumerate(list(watches())):
                watch.ask_counters(partial(self._counted, watch.namespace.inode))
                if number % NAMESPACES_A_TURN == NAMESPACES_A_TURN - 1:
                    await asyncio.sleep(0)
            await asyncio.sleep(interval)

    def _history(self, inode: int) -> CounterHistory:
        return self._histories.setdefault(inode, CounterHistory())

    def _counted(self, inode: int, message: Message) -> None:
        found = decode_stats(message)
        if found is None:
            return
        self.read += 1
        now = self._now_ms()
        delta = self._history(inode).delta(found[0], found[1], now)
        node = None if delta is None else self._node_of((inode, found[0]))
        if delta is None or node is None:
            return
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._deliver)
        tid = node.metadata.get("TID")
        self._ready.append(InterfaceMetric(node.id, str(tid or ""), self._host, delta[0], now, delta[1]))

    def _deliver(self) -> None:
        ready, self._ready = self._ready, []
        self._sink(ready)
