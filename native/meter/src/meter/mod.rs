// SPDX-License-Identifier: Apache-2.0
//! The meter: one per captured interface and capture. A frame is read segment by segment, each counted for a flow.

mod control;
mod due;
mod pieces;

use std::sync::Arc;

use netsonde_packet::{parse, told, FrameError, Headers, IcmpKind, Layer, LinkType, Transport};

use crate::config::MeterConfig;
use crate::flow::{self, mark, Flow, Tally};
use crate::fragments::{FragmentStats, Fragments};
use crate::ids::{flow_ids, Opening};
use crate::key::{self, FlowKey, Keyed};
use crate::reassembly::Budget;
use crate::report::{Reporter, Sheet};
use crate::table::FlowTable;
use crate::tcp::Segment;

/// One frame as captured; VLAN tags that the kernel stripped are back in `data`.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub ts_ns: i64,
    /// Length on the wire; `data` may be shorter.
    pub wire_len: u32,
    pub data: &'a [u8],
    pub link_type: LinkType,
}

/// Where a frame was counted: of flows in tunnels, the innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRef {
    /// Id of the flow; 0 when the frame had neither a link nor a network layer, or is a fragment that waits for others.
    pub uuid: u64,
    /// Position of the frame in its flow, from 1.
    pub number: u64,
    pub(crate) index: u32,
}

impl FlowRef {
    const NONE: Self = Self {
        uuid: 0,
        number: 0,
        index: u32::MAX,
    };
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterStats {
    pub frames: u64,
    pub bytes: u64,
    /// Frames of which nothing could be read.
    pub unreadable: u64,
    /// Segments cut by the snaplen before their last header.
    pub truncated: u64,
    pub malformed: u64,
    /// Flows in the table now.
    pub flows: u64,
    pub flows_started: u64,
    pub flows_ended: u64,
    /// Flows ended because the table was full.
    pub evicted: u64,
    pub fragments: FragmentStats,
    /// Beginnings of connections that found no room, so that their application stays unknown.
    pub streams_refused: u64,
}

/// A segment read and keyed, on its way to its flow.
struct Prepared<'a> {
    ts_ns: i64,
    headers: Headers<'a>,
    keyed: Keyed,
    hash: u64,
    /// What its key was told of the segment around it.
    outside: u64,
}

pub struct Meter {
    stats: MeterStats,
    table: FlowTable,
    fragments: Fragments,
    /// First bytes of connections.
    streams: Arc<Budget>,
    reporter: Reporter,
    /// Flows to report at the next `take_reports`: new ones, and those that just closed.
    fresh: Vec<u32>,
    /// Flows with packets since the last update.
    changed: Vec<u32>,
    /// Reports prepared by `tick`, `close` and evictions.
    pending: Sheet,
    latest_ns: i64,
    updated_ns: i64,
    /// Where the walk over idle flows goes on.
    idle_hand: u32,
    /// Where closing goes on.
    close_hand: u32,
}

impl Meter {
    pub fn new(config: MeterConfig) -> Self {
        Self {
            stats: MeterStats::default(),
            table: FlowTable::new(),
            fragments: Fragments::default(),
            streams: Arc::default(),
            reporter: Reporter::new(config),
            fresh: Vec::new(),
            changed: Vec::new(),
            pending: Sheet::default(),
            latest_ns: 0,
            updated_ns: 0,
            idle_hand: 0,
            close_hand: 0,
        }
    }

    /// Count one frame.
    #[inline]
    pub fn frame(&mut self, frame: Frame<'_>) -> FlowRef {
        match self.first(frame) {
            Some(first) => self.count_segments(first, 0),
            None => FlowRef::NONE,
        }
    }

    /// Count frames in their order; about twice as fast as one by one when the table outgrows the caches.
    pub fn frames<'a>(&mut self, frames: impl ExactSizeIterator<Item = Frame<'a>>) {
        let mut batch = Vec::with_capacity(frames.len());
        for frame in frames {
            let mut segment = self.first(frame);
            while let Some(prepared) = segment {
                segment = self.inside(&prepared);
                batch.push(prepared);
            }
        }
        let touched = batch
            .iter()
            .fold(0, |sum, prepared| sum ^ self.table.touch(prepared.hash));
        std::hint::black_box(touched);
        let mut parent = 0;
        for prepared in &batch {
            if prepared.headers.depth == 0 {
                parent = 0;
            }
            parent = self.count_prepared(prepared, parent).uuid;
        }
    }

    /// Read and key the outermost segment.
    #[inline]
    fn first<'a>(&mut self, frame: Frame<'a>) -> Option<Prepared<'a>> {
        self.stats.frames += 1;
        self.stats.bytes += u64::from(frame.wire_len);
        self.latest_ns = self.latest_ns.max(frame.ts_ns);
        let ports = &self.reporter.config.ports;
        let headers = parse(frame.link_type, frame.data, frame.wire_len, ports);
        if let Some(error) = headers.error {
            self.count_error(error);
        }
        if !headers.readable() {
            self.stats.unreadable += 1;
            return None;
        }
        Some(self.prepare(headers, frame.ts_ns, 0))
    }

    /// Read and key the segment inside the tunnel that ends `outer`, if there is one that makes a flow.
    #[inline]
    fn inside<'a>(&mut self, outer: &Prepared<'a>) -> Option<Prepared<'a>> {
        if !outer.headers.has_inner() {
            return None;
        }
        let headers = outer.headers.inner(&self.reporter.config.ports)?;
        if let Some(error) = headers.error {
            self.count_error(error);
        }
        headers
            .readable()
            .then(|| self.prepare(headers, outer.ts_ns, key::inside(outer.hash)))
    }

    #[inline]
    fn prepare<'a>(&self, headers: Headers<'a>, ts_ns: i64, outside: u64) -> Prepared<'a> {
        let keyed = FlowKey::of(&headers, self.reporter.config.layer_key_mode, outside);
        let hash = self.table.hash(&keyed.key);
        Prepared {
            ts_ns,
            headers,
            keyed,
            hash,
            outside,
        }
    }

    /// Count a segment and those inside; return where the innermost was.
    #[inline]
    fn count_segments(&mut self, first: Prepared<'_>, parent: u64) -> FlowRef {
        let mut found = self.count_prepared(&first, parent);
        let mut outer = first;
        while let Some(inner) = self.inside(&outer) {
            found = self.count_prepared(&inner, found.uuid);
            outer = inner;
        }
        found
    }

    /// Count a segment for its flow; `parent` is the flow of the tunnel around it, 0 = none.
    #[inline]
    fn count_prepared(&mut self, prepared: &Prepared<'_>, parent: u64) -> FlowRef {
        if prepared.headers.fragment.is_some() && self.reporter.config.ip_defrag {
            return self.count_fragment(prepared, parent);
        }
        let tally = Tally::one(flow::octets(&prepared.headers), prepared.ts_ns);
        self.count_tally(prepared, parent, &tally)
    }

    #[inline]
    fn count_tally(&mut self, prepared: &Prepared<'_>, parent: u64, tally: &Tally) -> FlowRef {
        let Prepared {
            headers,
            keyed,
            hash,
            ..
        } = prepared;
        let opening = Opening {
            swapped: keyed.swapped,
            start_ns: tally.first_ns,
            parent,
        };
        let index = match self.table.find(*hash, &keyed.key) {
            Some(index) => index,
            None => self.open(*hash, &keyed.key, headers, opening),
        };
        self.count(index, prepared, opening, tally)
    }

    #[cold]
    fn count_error(&mut self, error: FrameError) {
        match error {
            FrameError::Truncated { .. } => self.stats.truncated += 1,
            FrameError::Malformed { .. } => self.stats.malformed += 1,
        }
    }

    #[inline]
    fn count(
        &mut self,
        index: u32,
        prepared: &Prepared<'_>,
        opening: Opening,
        tally: &Tally,
    ) -> FlowRef {
        let headers = &prepared.headers;
        let Some(flow) = self.table.get_mut(index) else {
            return FlowRef::NONE;
        };
        if flow.reopened_by(headers) {
            return self.reopen(index, prepared, opening, tally);
        }
        let side = flow::side(flow, prepared.keyed.swapped);
        let number = flow.count(side, tally);
        if flow.marks & mark::CHANGED == 0 {
            self.changed.push(index);
        }
        flow.marks |= mark::CHANGED | mark::RECENT;
        let found = FlowRef {
            uuid: flow.uuid,
            number,
            index,
        };
        match &headers.transport {
            Transport::Tcp(tcp) => {
                let segment = Segment {
                    tcp,
                    payload_len: headers.payload_len,
                    payload: headers.payload,
                    ttl: headers.ttl,
                    ts_ns: tally.last_ns,
                };
                let closed = flow.follow_tcp(side, &segment, &self.streams);
                // Whoever asked for reports while flows run learns of the end before its hold time is over.
                if closed && self.reporter.config.update_ns > 0 {
                    self.list_fresh(index);
                }
            }
            Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
                flow.follow_echo(side, icmp, tally.last_ns);
                let icmp = *icmp;
                match icmp.kind {
                    IcmpKind::Echo => {}
                    IcmpKind::Unknown => self.follow_message(index, headers),
                    IcmpKind::Neighbor => {
                        self.follow_neighbor(index, side, prepared, tally.last_ns)
                    }
                    _ => self.follow_error(index, prepared, &icmp),
                }
            }
            Transport::Udp { .. } => self.follow_application(index, side, headers, tally.last_ns),
            Transport::None if headers.layers.last() == Some(Layer::ARP) => {
                self.follow_neighbor(index, side, prepared, tally.last_ns)
            }
            Transport::None => self.follow_message(index, headers),
            Transport::Sctp { .. } => {}
        }
        found
    }

    #[inline]
    fn follow_application(&mut self, index: u32, side: usize, headers: &Headers<'_>, ts_ns: i64) {
        let Some(application) = headers.layers.last() else {
            return;
        };
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        match application {
            Layer::UDP => return,
            Layer::DNS => flow.follow_dns(side, headers.payload, ts_ns),
            Layer::QUIC => flow.follow_quic(headers.payload, &self.streams),
            Layer::DHCPv4 | Layer::DHCPv6 => {
                let leases = &mut self.reporter.leases;
                let noted = match application {
                    Layer::DHCPv4 => leases.message4(headers.payload, ts_ns),
                    _ => leases.message6(headers.payload, ts_ns),
                };
                if let Some((key, from_client)) = noted {
                    flow.follow_dhcp(side, key, from_client);
                }
            }
            _ => self.follow_message(index, headers),
        }
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        // The first packet may have been cut before its application.
        if headers.layers.as_slice().len() > self.reporter.paths.len_of(flow.path) {
            flow.path = self.reporter.paths.number(&headers.layers);
        }
    }

    /// Keep the message in a segment, if its protocol tells something of each.
    fn follow_message(&mut self, index: u32, headers: &Headers<'_>) {
        let Some(layer) = headers.layers.last().filter(|&layer| told(layer).is_some()) else {
            return;
        };
        if let Some(flow) = self.table.get_mut(index) {
            flow.follow_message(layer, headers.payload);
        }
    }

    #[cold]
    fn reopen(
        &mut self,
        index: u32,
        prepared: &Prepared<'_>,
        opening: Opening,
        tally: &Tally,
    ) -> FlowRef {
        self.end(index, tally.last_ns);
        let (key, headers) = (&prepared.keyed.key, &prepared.headers);
        let index = self.open(prepared.hash, key, headers, opening);
        self.count(index, prepared, opening, tally)
    }

    fn open(&mut self, hash: u64, key: &FlowKey, headers: &Headers<'_>, opening: Opening) -> u32 {
        if self.table.len() >= self.reporter.config.max_flows.max(1) {
            self.evict(opening.start_ns);
        }
        let ids = flow_ids(headers, opening, &self.reporter.config);
        let path = self.reporter.paths.number(&headers.layers);
        let flow = Flow::new(*key, headers, opening, ids, path);
        let index = self.table.insert(hash, flow);
        self.stats.flows_started += 1;
        if self.reporter.config.start_reports {
            self.list_fresh(index);
        }
        index
    }

    fn list_fresh(&mut self, index: u32) {
        if let Some(flow) = self
            .table
            .get_mut(index)
            .filter(|flow| flow.marks & mark::NEW == 0)
        {
            flow.marks |= mark::NEW;
            self.fresh.push(index);
        }
    }

    /// Note that the raw packet of `flow` was kept.
    pub fn kept(&mut self, flow: FlowRef) {
        if let Some(found) = self
            .table
            .get_mut(flow.index)
            .filter(|found| found.uuid == flow.uuid)
        {
            found.kept = found.kept.saturating_add(1);
        }
    }

    /// Time of the latest frame so far.
    pub fn latest_ns(&self) -> i64 {
        self.latest_ns
    }

    /// Slots of the table, used or free: what a walk over idle flows costs.
    pub fn slots(&self) -> u32 {
        self.table.slots()
    }

    /// Rows that wait in memory for `take_reports`.
    pub fn pending_reports(&self) -> usize {
        self.pending.batch.len()
    }

    pub fn stats(&self) -> MeterStats {
        MeterStats {
            flows: self.table.len() as u64,
            fragments: self.fragments.stats,
            streams_refused: self.streams.refused(),
            ..self.stats
        }
    }

    pub fn config(&self) -> &MeterConfig {
        &self.reporter.config
    }
}
