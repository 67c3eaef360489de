# SPDX-License-Identifier: Apache-2.0
"""Injections of one agent: runs on the native core what analyzers ask for, and tells how it goes.

Source: calls of `inject`, one a run. A run ends with its call: nobody would hear of it any more.
Writes: the list `PacketInjections` on nodes that send, in the layer `computed:injections`; it changes when runs begin
        and end, never with counters.
Needs:  the namespaces of the host; CAP_NET_RAW, and CAP_SYS_ADMIN to enter namespaces.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

import msgspec

from netsonde._native import Injection as NativeRun
from netsonde._native import ProbeOptions, RecordedFrames
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.graph import Batch, Graph, locate
from netsonde.injection.definitions import FRAMES, checked
from netsonde.injection.settings import InjectSettings
from netsonde.model.elements import Json, Metadata, Node
from netsonde.model.injections import ENDED, RECORD_TYPES, InjectProgress, InjectRequest, ProbeResult, Totals, seed_of
from netsonde.observe import logger

log = logger("injection")

OWNER = "computed:injections"
_COALESCE = 0.1
"""Seconds between two reports of a run; its results wait meanwhile."""
_NS_MS = 1_000_000
_NS = 1_000_000_000
_TOTALS = tuple(
    (field.name, {"rtt": f"{field.name}_ns"}.get(field.name[:3], field.name))
    for field in msgspec.structs.fields(Totals)
)


class Namespace(Protocol):
    """A network namespace that can be entered."""

    @property
    def inode(self) -> int: ...
    @property
    def fd(self) -> int: ...


class Namespaces(Protocol):
    """Part of the registry of namespaces."""

    @property
    def own(self) -> Namespace: ...
    def get(self, inode: int) -> Namespace | None: ...


class InjectionAgent:
    """Answers the verb `inject`; each call is a run."""

    def __init__(self, graph: Graph, namespaces: Namespaces, settings: InjectSettings) -> None:
        self._graph = graph
        self._namespaces = namespaces
        self._settings = settings
        self._runs: dict[tuple[str, str], tuple[int, NativeRun]] = {}
        """Native runs by injection and node, with the namespace of each."""
        self._shown: dict[str, dict[str, Metadata]] = {}

    async def handle(self, request: bytes) -> AsyncIterator[bytes]:
        """Yield an InjectProgress whenever there is news; the last has the state in which the run ended."""
        wanted = _decode(request)
        key = wanted.injection.uuid, wanted.node_id
        frames = await asyncio.to_thread(_frames, wanted)
        # From here to the entry nothing waits, so that no two runs are let in for one place.
        node = self._admit(wanted)
        namespace, run = self._start(wanted, node, frames)
        self._runs[key] = namespace, run
        self._show(wanted, sends=True)
        log.info("injection begins", uuid=key[0], node=node.metadata.get("Name"), who=wanted.injection.created_by)
        try:
            async for progress in _follow(run):
                yield msgspec.json.encode(progress)
        finally:
            del self._runs[key]
            await asyncio.shield(asyncio.to_thread(run.stop))
            self._show(wanted, sends=False)
            log.info("injection ended", uuid=key[0], node=node.metadata.get("Name"), sent=run.progress()["sent"])

    def namespace_added(self, namespace: Namespace) -> None:
        """Nothing waits for a namespace."""

    def namespace_removed(self, namespace: Namespace) -> None:
        """End the runs in a namespace: their sockets would keep it alive."""
        for inode, run in tuple(self._runs.values()):
            if inode == namespace.inode:
                run.stop()

    def _admit(self, wanted: InjectRequest) -> Node:
        checked(wanted.injection, self._settings)
        if wanted.injection.type not in FRAMES and not self._settings.allows(wanted.target):
            raise UserError(f"this agent may not send to {wanted.target}: its setting inject.targets does not allow it")
        if (wanted.injection.uuid, wanted.node_id) in self._runs:
            raise Conflict("this injection runs on the interface already")
        if len(self._runs) >= self._settings.max_runs:
            raise UserError(
                f"{len(self._runs)} injections run on this agent, as many as may at once",
                hint="wait for their end, or raise inject.max_runs",
            )
        node = self._graph.node(wanted.node_id)
        if node is None:
            raise NotFound("the interface is gone")
        return node

    def _start(self, wanted: InjectRequest, node: Node, frames: RecordedFrames | None) -> tuple[int, NativeRun]:
        location = locate(self._graph, node)
        if location is None:
            raise UserError(f"{node.metadata.get('Name')} is no interface that packets can be sent through")
        inode = location.netns
        namespace = self._namespaces.own if inode is None else self._namespaces.get(inode)
        if namespace is None:
            raise NotFound("the namespace of the interface cannot be entered")
        injection, settings = wanted.injection, self._settings
        try:
            run = NativeRun(
                netns_fd=namespace.fd,
                netns=namespace.inode,
                ifindex=location.ifindex,
                count=injection.count or (1 if frames is None else len(frames)),
                interval_ns=injection.interval_ms * _NS_MS,
                least_gap_ns=_NS // settings.max_rate,
                timeout_ns=injection.timeout_ms * _NS_MS,
                probe=_probe(wanted) if frames is None else None,
                next_hop=wanted.next_hop or None,
                frames=frames,
                scale=injection.time_scale or (0.0 if injection.interval_ms else 1.0),
                inbound=injection.inbound,
            )
        except (ValueError, OSError) as refused:
            raise UserError(f"cannot inject: {refused}") from refused
        return namespace.inode, run

    def _show(self, wanted: InjectRequest, *, sends: bool) -> None:
        """Write which injections send from a node."""
        shown = self._shown.setdefault(wanted.node_id, {})
        if sends:
            shown[wanted.injection.uuid] = _entry(wanted)
        else:
            shown.pop(wanted.injection.uuid, None)
        batch = Batch()
        if shown:
            entries: list[Json] = list(shown.values())
            batch.annotate(wanted.node_id, OWNER, {"PacketInjections": entries})
        else:
            del self._shown[wanted.node_id]
            batch.drop_layer(wanted.node_id, OWNER)
        if self._graph.node(wanted.node_id) is not None:
            self._graph.apply(batch)


async def _follow(run: NativeRun) -> AsyncGenerator[InjectProgress, None]:
    """Yield what is new until the run has ended."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(run.event_fd, news.set)
    try:
        while True:
            await news.wait()
            # The first news are told at once, later ones together.
            progress = _progress(run)
            news.clear()
            yield progress
            if progress.state in ENDED:
                return
            await asyncio.sleep(_COALESCE)
    finally:
        loop.remove_reader(run.event_fd)


def _progress(run: NativeRun) -> InjectProgress:
    told = run.progress()
    totals = Totals(**{name: told[native] for name, native in _TOTALS})
    results = [ProbeResult(*row) for row in told["outcomes"]]
    return InjectProgress(told["state"], told["reason"], totals, results)


def _frames(wanted: InjectRequest) -> RecordedFrames | None:
    if wanted.injection.type == "pcap":
        try:
            return RecordedFrames(wanted.injection.pcap or b"")
        except ValueError as wrong:
            raise UserError(f"Pcap cannot be replayed: {wrong}") from wrong
    if wanted.injection.type == "raw":
        return RecordedFrames.single(wanted.injection.frame or b"")
    return None


def _probe(wanted: InjectRequest) -> ProbeOptions:
    injection = wanted.injection
    return ProbeOptions(
        kind=injection.type,
        source=wanted.source,
        target=wanted.target,
        source_mac=_mac(wanted.source_mac),
        target_mac=_mac(wanted.target_mac),
        run_id=injection.uuid,
        source_port=wanted.source_port,
        target_port=wanted.target_port,
        icmp_id=wanted.icmp_id,
        ttl=injection.ttl,
        dscp=injection.dscp,
        dont_fragment=injection.dont_fragment,
        vlan_tci=(injection.vlan_priority << 13) | injection.vlan if injection.vlan else None,
        payload=injection.payload.encode() or None,
        size=injection.size,
        increment=injection.increment_payload,
        random=injection.mode == "random",
        seed=seed_of(injection.uuid, wanted.node_id),
        name=injection.dns_name,
        record_type=RECORD_TYPES[injection.dns_type],
    )


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "")) or bytes(6)


def _entry(wanted: InjectRequest) -> Metadata:
    injection = wanted.injection
    return {
        "ID": injection.uuid,
        "State": "active",
        "Type": injection.type,
        "SrcIP": wanted.source,
        "DstIP": wanted.target,
        "Count": injection.count,
        "Interval": injection.interval_ms,
    }


def _decode(request: bytes) -> InjectRequest:
    try:
        return msgspec.json.decode(request, type=InjectRequest)
    except msgspec.MsgspecError as bad:
        raise UserError(f"no InjectRequest: {bad}") from bad
