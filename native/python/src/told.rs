// SPDX-License-Identifier: Apache-2.0
//! What a capture tells Python: events and counters of its taps.

use std::collections::BTreeMap;

use netsonde_capture::collector::Told;
use netsonde_capture::event::Event;
use netsonde_capture::status;
use pyo3::prelude::*;

/// Something that happened to a capture on an interface. `kind`: started, first_packet, finished, failed, link_gone,
/// stopped. Times are Unix ns.
#[pyclass(frozen, get_all)]
pub struct TapEvent {
    kind: &'static str,
    capture_id: String,
    netns: u64,
    ifindex: u32,
    ifname: String,
    node_tid: String,
    time_ns: i64,
    reason: String,
    lookback_packets: u64,
    armed_before_up: bool,
}

impl From<Event> for TapEvent {
    fn from(event: Event) -> Self {
        Self {
            kind: event.kind.name(),
            capture_id: event.point.capture_id,
            netns: event.point.netns,
            ifindex: event.point.ifindex,
            ifname: event.ifname,
            node_tid: event.node_tid,
            time_ns: event.time_ns,
            reason: event.reason,
            lookback_packets: event.lookback_packets,
            armed_before_up: event.armed_before_up,
        }
    }
}

#[pymethods]
impl TapEvent {
    fn __repr__(&self) -> String {
        let Self {
            kind,
            capture_id,
            netns,
            ifindex,
            ifname,
            reason,
            ..
        } = self;
        format!("TapEvent({kind}, capture {capture_id}, {ifname} ({netns}:{ifindex}), {reason:?})")
    }
}

/// Counters by the reference's names.
type Values = BTreeMap<&'static str, u64>;

/// Counters that exporters told of themselves, by the reference's names.
#[pyclass(frozen, get_all)]
pub struct ToldCounters {
    /// (exporter, ifIndex, totals) of each interface.
    interfaces: Vec<(String, u32, Values)>,
    /// Totals of all data sources: interfaces, VLANs, datapaths, processes.
    sum: Values,
    /// What they grew by since the capture listens.
    grown: Values,
    /// Of `sum` what goes up and down.
    levels: Values,
}

impl From<Told> for ToldCounters {
    fn from(told: Told) -> Self {
        Self {
            interfaces: told
                .interfaces
                .into_iter()
                .map(|one| (one.agent.to_string(), one.ifindex, one.values))
                .collect(),
            sum: told.sum,
            grown: told.grown,
            levels: told.levels,
        }
    }
}

/// Counters of one capture on one interface.
#[pyclass(frozen, get_all)]
pub struct TapStats {
    capture_id: String,
    netns: u64,
    ifindex: u32,
    ifname: String,
    node_tid: String,
    packets: u64,
    bytes: u64,
    dropped: u64,
    lookback_packets: u64,
    first_packet_ns: i64,
    not_kept: u64,
    evicted_flows: u64,
    streams_refused: u64,
    fragments_lost: u64,
    fragment_errors: u64,
    armed_before_up: bool,
    bind_delay_ns: i64,
    bound_ns: i64,
    ring_bytes: usize,
    finished: bool,
    link_gone: bool,
    source_lost: u64,
    source_refused: u64,
    counter_records: u64,
    /// (kind, sent, dropped, last failure) of each sink.
    sinks: Vec<(&'static str, u64, u64, String)>,
}

impl From<status::TapStats> for TapStats {
    fn from(stats: status::TapStats) -> Self {
        Self {
            capture_id: stats.point.capture_id,
            netns: stats.point.netns,
            ifindex: stats.point.ifindex,
            ifname: stats.ifname,
            node_tid: stats.node_tid,
            packets: stats.counters.packets,
            bytes: stats.counters.bytes,
            dropped: stats.counters.dropped,
            lookback_packets: stats.counters.lookback,
            first_packet_ns: stats.counters.first_packet_ns,
            not_kept: stats.not_kept,
            evicted_flows: stats.meter.evicted,
            streams_refused: stats.meter.streams_refused,
            fragments_lost: stats.meter.fragments.timeouts + stats.meter.fragments.evicted,
            fragment_errors: stats.meter.fragments.errors,
            armed_before_up: stats.armed_before_up,
            bind_delay_ns: stats.bind_delay_ns,
            bound_ns: stats.bound_ns,
            ring_bytes: stats.ring_bytes,
            finished: stats.finished,
            link_gone: stats.link_gone,
            source_lost: stats.counters.lost,
            source_refused: stats.counters.refused,
            counter_records: stats.counters.told,
            sinks: stats
                .sinks
                .into_iter()
                .map(|sink| (sink.name, sink.sent, sink.dropped, sink.reason))
                .collect(),
        }
    }
}
