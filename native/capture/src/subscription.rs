// SPDX-License-Identifier: Apache-2.0
//! One capture on one interface: its filter, meter, kept packets, limits and counters.

mod limits;
mod reading;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use netsonde_exports::FlowRecord;
use netsonde_meter::{
    Applications, Counted, FlowBatch, FlowRef, Frame, LayerKeyMode, MeterConfig, Ports, Sharded,
    Workers,
};
use netsonde_packet::LinkType;

use crate::bpf::Filter;
use crate::budget::Budget;
use crate::event::{Event, EventKind, Point};
use crate::frame::{RawFrame, Tag};
use crate::kept::{KeepOptions, Kept};
use crate::sink::Sink;
use crate::sys::now_ns;

pub use reading::PacketQuery;

/// What a capture asks of the engine.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    pub filter: String,
    pub layer_key_mode: LayerKeyMode,
    pub tcp_metrics: bool,
    pub ip_defrag: bool,
    pub ports: Ports,
    pub applications: Applications,
    pub keep: KeepOptions,
    /// 0 = no limit, likewise the next two.
    pub max_packets: u64,
    pub max_bytes: u64,
    pub max_duration_ns: i64,
    pub update_ns: i64,
    pub expire_ns: i64,
    pub max_flows: usize,
    /// See `MeterConfig::every_frame`.
    pub every_frame: bool,
}

/// Who captures where.
#[derive(Clone, Debug)]
pub struct Identity {
    pub point: Point,
    pub ifname: String,
    pub node_tid: String,
    pub host: String,
    pub link_type: LinkType,
    pub armed_before_up: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub packets: u64,
    pub bytes: u64,
    pub lookback: u64,
    /// Frames that the kernel, or a full look-back buffer, lost while this capture listened.
    pub dropped: u64,
    /// Unix time in ns of the first packet, 0 = none yet.
    pub first_packet_ns: i64,
    /// What exporters sent and did not arrive, or lost themselves: by their own numbers.
    pub lost: u64,
    /// What arrived and cannot be read: damaged, or described by a template that has not come.
    pub refused: u64,
    /// Records in which exporters told their own counters.
    pub told: u64,
}

pub struct Subscription {
    pub identity: Identity,
    options: CaptureOptions,
    filter: Option<Filter>,
    meter: Sharded,
    /// More waits than its thread keeps up with: others are to help.
    pub is_behind: bool,
    /// Memory of `offer`.
    found: Vec<FlowRef>,
    kept: Kept,
    sinks: Vec<Arc<Sink>>,
    pub counters: Counters,
    started_ns: i64,
    finished: bool,
    /// `LinkGone` has been told.
    pub link_gone: bool,
}

impl Subscription {
    /// `workers` count beside each other; what others tell is counted by one alone. The error is libpcap's message.
    pub fn new(
        identity: Identity,
        options: CaptureOptions,
        memory: Arc<Budget>,
        sinks: Vec<Arc<Sink>>,
        workers: Arc<Workers>,
    ) -> Result<Self, String> {
        let filter = match options.filter.trim() {
            "" => None,
            text => Some(Filter::compile(text, crate::bpf::dlt(identity.link_type))?),
        };
        let config = MeterConfig {
            node_tid: identity.node_tid.clone(),
            capture_id: identity.point.capture_id.clone(),
            host: identity.host.clone(),
            layer_key_mode: options.layer_key_mode,
            update_ns: options.update_ns,
            expire_ns: options.expire_ns,
            max_flows: options.max_flows,
            tcp_metrics: options.tcp_metrics,
            ip_defrag: options.ip_defrag,
            ports: options.ports.clone(),
            applications: options.applications.clone(),
            every_frame: options.every_frame,
            exports: sinks.iter().any(|sink| sink.takes_records),
            ..MeterConfig::default()
        };
        let meter = Sharded::new(config, workers);
        let kept = Kept::new(options.keep.clone(), memory);
        let counters = Counters::default();
        Ok(Self {
            identity,
            options,
            filter,
            meter,
            is_behind: false,
            found: Vec::new(),
            kept,
            sinks,
            counters,
            started_ns: now_ns(),
            finished: false,
            link_gone: false,
        })
    }

    /// An empty one of the same identity, which takes nothing: what stays where this one is taken away.
    pub fn successor(&self) -> Self {
        let meter = Sharded::new(MeterConfig::default(), Arc::new(Workers::alone()));
        Self {
            identity: self.identity.clone(),
            options: self.options.clone(),
            filter: None,
            meter,
            is_behind: false,
            found: Vec::new(),
            kept: Kept::new(self.options.keep.clone(), Arc::new(Budget::new(0))),
            sinks: Vec::new(),
            counters: self.counters,
            started_ns: self.started_ns,
            finished: true,
            link_gone: false,
        }
    }

    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn event(&self, kind: EventKind, reason: &str) -> Event {
        Event {
            kind,
            point: self.identity.point.clone(),
            node_tid: self.identity.node_tid.clone(),
            ifname: self.identity.ifname.clone(),
            time_ns: if kind == EventKind::FirstPacket {
                self.counters.first_packet_ns
            } else {
                now_ns()
            },
            reason: reason.to_owned(),
            lookback_packets: self.counters.lookback,
            armed_before_up: self.identity.armed_before_up,
        }
    }

    /// Take frames of the interface, in their order. What happens by them is appended to `events`.
    pub fn offer(&mut self, frames: &[RawFrame<'_>], lookback: bool, events: &mut Vec<Event>) {
        let link_type = self.identity.link_type;
        let wanted: Vec<_> = frames
            .iter()
            .filter(|frame| self.wants(frame, link_type))
            .collect();
        let wanted = &wanted[..self.before_limits(&wanted)];
        let metered: Vec<_> = wanted
            .iter()
            .map(|frame| self.metered(frame, link_type))
            .collect();
        let mut found = std::mem::take(&mut self.found);
        if self.is_behind {
            self.meter.frames_beside(&metered, &mut found);
        } else {
            self.meter.frames(&metered, &mut found);
        }
        for (frame, flow) in wanted.iter().zip(&found) {
            self.keep(frame, *flow, lookback);
            self.count(frame, 1, lookback, events);
        }
        self.found = found;
    }

    /// Take one frame that somebody else saw, of whatever link type: one out of `rate`, or each if that is None.
    /// Those of another link type than the capture's own are metered, but not kept.
    pub fn offer_told(
        &mut self,
        frame: &RawFrame<'_>,
        link_type: LinkType,
        rate: Option<u32>,
        events: &mut Vec<Event>,
    ) {
        if !self.wants(frame, link_type) {
            return;
        }
        let metered = self.metered(frame, link_type);
        let flow = match rate {
            Some(rate) => self.meter.sampled(metered, rate),
            None => self.meter.frame(metered),
        };
        if link_type == self.identity.link_type {
            self.keep(frame, flow, false);
        }
        self.count(frame, rate.unwrap_or(1).into(), false, events);
    }

    /// Take what the kernel counted, the earliest first. A filter judges by the first packet of each: it may name only
    /// what all of them have in common.
    pub fn counted(&mut self, all: &[Counted<'_>], events: &mut Vec<Event>) {
        if self.finished {
            return;
        }
        let passes = |one: &Counted<'_>| {
            let frame = &one.first;
            self.filter
                .as_ref()
                .is_none_or(|filter| filter.matches(frame.data, frame.wire_len))
        };
        let wanted: Vec<Counted<'_>> = all.iter().filter(|one| passes(one)).copied().collect();
        self.meter.counted(&wanted);
        for one in &wanted {
            self.tally(one.packets, one.octets, one.first.ts_ns, events);
        }
    }

    /// Take what an exporter tells of a flow.
    pub fn record(&mut self, record: &FlowRecord, events: &mut Vec<Event>) {
        if self.finished || !self.meter.record(record) {
            return;
        }
        let both = [record.forward, record.reverse];
        let packets = both
            .iter()
            .fold(0, |sum: u64, one| sum.saturating_add(one.packets));
        let octets = both
            .iter()
            .fold(0, |sum: u64, one| sum.saturating_add(one.octets));
        self.tally(packets, octets, record.end_ns, events);
    }

    fn wants(&self, frame: &RawFrame<'_>, link_type: LinkType) -> bool {
        let passes = |filter: &Filter| {
            link_type == self.identity.link_type && filter.matches(frame.data, frame.wire_len)
        };
        !self.finished && self.filter.as_ref().is_none_or(passes)
    }

    fn metered<'a>(&self, frame: &RawFrame<'a>, link_type: LinkType) -> Frame<'a> {
        Frame {
            ts_ns: frame.ts_ns,
            wire_len: frame.wire_len,
            data: frame.data,
            link_type,
        }
    }

    fn keep(&mut self, frame: &RawFrame<'_>, flow: FlowRef, lookback: bool) {
        let tag = Tag {
            number: self.counters.packets,
            flow_uuid: flow.uuid,
            lookback,
        };
        if self.kept.offer(frame, tag, flow.number) {
            self.meter.kept(flow);
        }
        for sink in &self.sinks {
            sink.frame(frame, self.identity.link_type);
        }
    }

    fn count(
        &mut self,
        frame: &RawFrame<'_>,
        packets: u64,
        lookback: bool,
        events: &mut Vec<Event>,
    ) {
        self.counters.lookback += u64::from(lookback);
        let octets = u64::from(frame.wire_len).saturating_mul(packets);
        self.tally(packets, octets, frame.ts_ns, events);
    }

    fn tally(&mut self, packets: u64, octets: u64, ts_ns: i64, events: &mut Vec<Event>) {
        let is_first = self.counters.packets == 0 && packets > 0;
        self.counters.packets = self.counters.packets.saturating_add(packets);
        self.counters.bytes = self.counters.bytes.saturating_add(octets);
        if is_first {
            self.counters.first_packet_ns = ts_ns;
            events.push(self.event(EventKind::FirstPacket, ""));
        }
        self.check_volume(events);
    }

    fn finish(&mut self, events: &mut Vec<Event>, reason: &str) {
        self.finished = true;
        self.meter.close(now_ns());
        events.push(self.event(EventKind::Finished, reason));
    }

    /// Let time pass for the meter and the limit of duration; append due reports.
    pub fn tick(&mut self, now_ns: i64, events: &mut Vec<Event>, reports: &mut FlowBatch) {
        let duration = self.options.max_duration_ns;
        if !self.finished && duration > 0 && now_ns - self.started_ns >= duration {
            self.finish(
                events,
                &format!("limit of {:.1} s reached", duration as f64 / 1e9),
            );
        }
        if !self.finished {
            self.meter.tick(now_ns);
        }
        self.report(reports);
    }

    fn report(&mut self, reports: &mut FlowBatch) {
        self.meter.take_reports(reports);
        let exports = self.meter.take_exports();
        if exports.is_empty() {
            return;
        }
        for sink in &self.sinks {
            sink.records(&exports);
        }
    }

    /// End all flows, once nothing more can come.
    pub fn close(&mut self, reports: &mut FlowBatch) {
        if !self.finished {
            self.finished = true;
            self.meter.close(now_ns());
        }
        self.report(reports);
        // What they still hold goes out; their threads then end by themselves.
        self.sinks.clear();
    }
}
