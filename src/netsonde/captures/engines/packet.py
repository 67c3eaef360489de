# SPDX-License-Identifier: Apache-2.0
"""Engine `packet`: any Linux network device through the native core's packet sockets and look-back taps."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from netsonde.captures.engines._api import EventKind, Point, TapCounters, TapEvent, ToldCounters
from netsonde.captures.engines.own_traffic import OwnTraffic, without_own_traffic
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.sinks import excluded, native_sinks
from netsonde.captures.topics import Topics
from netsonde.errors import UserError
from netsonde.model.captures import Capture, SinkStatus

_NS_PER_MS: Final = 1_000_000
_MIB: Final = 1024 * 1024


class NativeEvent(Protocol):
    """`_native.TapEvent`, as far as it is read here."""

    @property
    def kind(self) -> str: ...
    @property
    def capture_id(self) -> str: ...
    @property
    def netns(self) -> int: ...
    @property
    def ifindex(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def lookback_packets(self) -> int: ...
    @property
    def armed_before_up(self) -> bool: ...


class NativeStats(Protocol):
    """`_native.TapStats`, as far as it is read here."""

    @property
    def capture_id(self) -> str: ...
    @property
    def netns(self) -> int: ...
    @property
    def ifindex(self) -> int: ...
    @property
    def node_tid(self) -> str: ...
    @property
    def packets(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def not_kept(self) -> int: ...
    @property
    def evicted_flows(self) -> int: ...
    @property
    def streams_refused(self) -> int: ...
    @property
    def fragments_lost(self) -> int: ...
    @property
    def source_lost(self) -> int: ...
    @property
    def source_refused(self) -> int: ...
    @property
    def counter_records(self) -> int: ...
    @property
    def sinks(self) -> Sequence[tuple[str, int, int, str]]: ...


class NativeTold(Protocol):
    """`_native.ToldCounters`."""

    @property
    def interfaces(self) -> Sequence[tuple[str, int, Mapping[str, int]]]: ...
    @property
    def sum(self) -> Mapping[str, int]: ...
    @property
    def grown(self) -> Mapping[str, int]: ...
    @property
    def levels(self) -> Mapping[str, int]: ...


class NativeCore(Protocol):
    """`_native.CaptureCore`, as far as captures control it; flows and packets are taken elsewhere."""

    @property
    def event_fd(self) -> int: ...

    def events(self) -> Sequence[NativeEvent]: ...
    def stats(self) -> Sequence[NativeStats]: ...
    def told(self, capture_id: str, netns: int, ifindex: int) -> NativeTold | None: ...
    def arm(self, armed: bool) -> None: ...
    def start(self, capture_id: str, netns: int, ifindex: int, ifname: str, node_tid: str, options: Any) -> None: ...
    def count_in_kernel(
        self, capture_id: str, netns: int, ifindex: int, ifname: str, node_tid: str, options: Any, hook: str
    ) -> None: ...
    def listen(
        self,
        capture_id: str,
        netns: int,
        ifindex: int,
        ifname: str,
        node_tid: str,
        options: Any,
        kind: str,
        address: str,
        default_rate: int = 1,
    ) -> str: ...
    def stop(self, capture_id: str, netns: int, ifindex: int) -> None: ...
    def forget(self, capture_id: str) -> None: ...
    def add_namespace(self, key: int, fd: int, existing: bool = False) -> None: ...
    def remove_namespace(self, key: int) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ListenOn:
    """What the native core shall wait for. `kind` is sflow, records or pcap; port 0 = any free one."""

    kind: str
    address: str
    silent: bool = False


class PacketEngine:
    """Implements Engine. `home` is the inode of the agent's own network namespace."""

    name = "packet"

    def __init__(
        self,
        core: NativeCore,
        settings: CaptureSettings,
        *,
        home: int,
        options: Any,
        sinks: Any = dict,
        own_traffic: Sequence[OwnTraffic] = (),
        topics: Topics | None = None,
    ) -> None:
        self.core = core
        self._topics = topics or Topics()
        self.event_fd = core.event_fd
        self._settings = settings
        self._home = home
        self._options = options
        self._own_traffic = own_traffic
        self._sinks = sinks
        self._stands_for: dict[Point, Point] = {}
        self._silent: set[Point] = set()
        self._sent_on: dict[str, list[str]] = {}
        """Filters of what the sinks of each capture send, in the order in which captures came."""

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        self.tap(point, point, capture, ifname=ifname, node_tid=node_tid)

    def tap(self, point: Point, device: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        """Capture at a device what is told of a point, which may be another: a mirror's device, of a port."""
        options = self._device_options(device, capture, ifname)
        if device != point:
            self._stands_for[device] = point
        self.core.start(device.capture, self._netns(device), device.ifindex, ifname, node_tid, options)

    def count(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        """Let the kernel count at a device. The filter names ends only, which all packets of a flow share."""
        options = self._device_options(point, capture, ifname)
        hook = self._settings.ebpf_hook
        self.core.count_in_kernel(point.capture, self._netns(point), point.ifindex, ifname, node_tid, options, hook)

    def _device_options(self, device: Point, capture: Capture, ifname: str) -> Any:
        chosen = self._native_options(capture)
        chosen["bpf_filter"] = without_own_traffic(
            capture.bpf_filter, ifname, self._own_traffic if device.netns is None else (), also=self._mirrored(capture)
        )
        return self._options(**chosen)

    def _netns(self, point: Point) -> int:
        return self._home if point.netns is None else point.netns

    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str:
        """Wait for what others send; return the address as bound. A `silent` source is not said to have started."""
        if source.silent:
            self._silent.add(point)
        options = self._options(**self._native_options(capture))
        return self.core.listen(
            point.capture, self._home, point.ifindex, ifname, node_tid, options, source.kind, source.address
        )

    def _mirrored(self, capture: Capture) -> list[str]:
        """Return filters of what this capture's sinks send, which may pass any namespace, and those of all captures
        known by now: of two that saw each other's mirrors, each would feed the other for ever."""
        self._sent_on[capture.uuid] = excluded(capture)
        return list(dict.fromkeys(one for sent in self._sent_on.values() for one in sent))

    def _native_options(self, capture: Capture) -> dict[str, object]:
        chosen = native_options(capture, self._settings)
        chosen["sinks"] = [self._sinks(**sink) for sink in native_sinks(capture, self._settings)]
        self._topics.want(capture)
        return chosen

    def stop(self, point: Point) -> None:
        self._silent.discard(point)
        devices = [device for device, told in self._stands_for.items() if told == point]
        for device in devices or [point]:
            self.core.stop(device.capture, self._netns(device), device.ifindex)

    def forget(self, capture: str) -> None:
        self._sent_on.pop(capture, None)
        self._topics.forget(capture)
        self.core.forget(capture)

    def arm(self, *, armed: bool) -> None:
        self.core.arm(armed)

    def events(self) -> Sequence[TapEvent]:
        return [event for event in map(self._event, self.core.events()) if not self._is_silent(event)]

    def _event(self, event: NativeEvent) -> TapEvent:
        return TapEvent(
            cast("EventKind", event.kind),
            self._point(event),
            event.time_ns // _NS_PER_MS,
            event.reason,
            event.lookback_packets,
            event.armed_before_up,
        )

    def _is_silent(self, event: TapEvent) -> bool:
        return event.kind == "started" and event.point in self._silent

    def counters(self) -> Mapping[Point, TapCounters]:
        return {
            self._point(stats): _counters(stats, self._topics.status(stats.capture_id, stats.node_tid))
            for stats in self.core.stats()
        }

    def told(self, point: Point) -> ToldCounters | None:
        found = self.core.told(point.capture, self._netns(point), point.ifindex)
        return None if found is None else ToldCounters(found.interfaces, found.sum, found.grown, found.levels)

    def close(self) -> None:
        self.core.close()

    def _point(self, source: NativeEvent | NativeStats) -> Point:
        netns = None if source.netns == self._home else source.netns
        point = Point(source.capture_id, netns, source.ifindex)
        return self._stands_for.get(point, point)


def _counters(stats: NativeStats, topics: Sequence[SinkStatus]) -> TapCounters:
    return TapCounters(
        packets=stats.packets,
        dropped=stats.dropped,
        octets=stats.bytes,
        not_kept=stats.not_kept,
        flows_evicted=stats.evicted_flows,
        streams_refused=stats.streams_refused,
        fragments_lost=stats.fragments_lost,
        source_lost=stats.source_lost,
        source_refused=stats.source_refused,
        counter_records=stats.counter_records,
        sinks=(*(SinkStatus(*sink) for sink in stats.sinks), *topics),
    )


def native_options(capture: Capture, settings: CaptureSettings) -> dict[str, object]:
    """Return the arguments of `_native.CaptureOptions` for a definition."""
    return {
        "bpf_filter": capture.bpf_filter,
        "layer_key_mode": capture.layer_key_mode or "L2",
        "extra_tcp_metric": capture.wants_tcp_metric,
        "ip_defrag": capture.ip_defrag,
        "udp_ports": settings.udp_ports,
        "application_ports": settings.application_ports,
        "first_packets": capture.first_packets,
        "header_size": capture.header_size or settings.header_size,
        "ring_bytes": settings.ring_mib * _MIB,
        "raw_packet_limit": capture.raw_packet_limit,
        "max_packets": capture.max_packets,
        "max_bytes": capture.max_bytes,
        "max_duration_ns": capture.max_duration_ms * _NS_PER_MS,
        "update_ns": int(settings.flow_update * 1e9),
        "expire_ns": int(settings.flow_expire * 1e9),
        "max_flows": settings.max_flows,
    }


def open_packet_engine(
    host: str, settings: CaptureSettings, own_traffic: Sequence[OwnTraffic] = (), topics: Topics | None = None
) -> PacketEngine:
    """Start the native core. Raises OSError without the capabilities that packet sockets need, UserError for a port
    in the settings that means nothing."""
    from netsonde import _native

    try:
        _native.CaptureOptions(udp_ports=settings.udp_ports)
    except ValueError as unknown:
        raise UserError(f"capture.udp_ports: {unknown}", hint="write ports as 51234=MPLS") from unknown
    try:
        _native.CaptureOptions(application_ports=settings.application_ports)
    except ValueError as wrong:
        raise UserError(f"capture.application_ports: {wrong}", hint="write ports as tcp/8443=ADMIN") from wrong
    core = _native.CaptureCore(
        host=host,
        lookback_ns=int(settings.lookback * 1e9),
        pool_size=settings.pool,
        realtime=settings.realtime,
        threads=settings.threads,
    )
    home = os.stat("/proc/self/ns/net").st_ino
    return PacketEngine(
        core,
        settings,
        home=home,
        options=_native.CaptureOptions,
        sinks=_native.SinkSpec,
        own_traffic=own_traffic,
        topics=topics,
    )
