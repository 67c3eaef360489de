// SPDX-License-Identifier: Apache-2.0
//! The meter: one per captured interface and capture. A frame is read segment by segment, each counted for a flow.

mod applications;
mod control;
mod counted;
mod dissect;
mod dissected;
mod due;
mod ends;
mod pieces;
mod replaced;
mod share;
mod stats;
mod told;

pub use counted::{Counted, Depth};
pub(crate) use dissect::Dissector;
pub(crate) use dissected::Dissected;
pub(crate) use share::{Hand, Share};
pub use stats::MeterStats;

use std::sync::Arc;

use netsonde_packet::{Headers, IcmpKind, Layer, LinkType, Transport};

use crate::config::MeterConfig;
use crate::flow::{self, mark, Flow};
use crate::fragments::Fragments;
use crate::ids::{flow_ids, Opening};
use crate::key::FlowKey;
use crate::reassembly::Budget;
use crate::report::{Reporter, Sheet};
use crate::table::FlowTable;
use crate::tally::Tally;
use crate::tcp::Segment;
use crate::ties::Ties;
use dissect::{Counts, Prepared, Seal};
use replaced::Replaced;

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
    /// Which of several meters has it.
    pub(crate) meter: u32,
}

impl FlowRef {
    pub(crate) const NONE: Self = Self {
        uuid: 0,
        number: 0,
        index: u32::MAX,
        meter: 0,
    };
}

pub struct Meter {
    /// Of several that share their frames, which one this is.
    number: u32,
    /// What it leaves to all of them; None = it is alone.
    share: Option<Share>,
    /// Number of the frame that is counted, where frames are numbered.
    at: u64,
    stats: MeterStats,
    counts: Counts,
    dissector: Dissector,
    table: FlowTable,
    /// Memory of `load`.
    candidates: Vec<u32>,
    fragments: Fragments,
    /// First bytes of connections, and what they told.
    streams: Arc<Budget>,
    reporter: Reporter,
    /// Flows to report at the next `take_reports`: new ones, and those that just closed.
    fresh: Vec<u32>,
    /// Flows with packets since the last update.
    changed: Vec<u32>,
    /// Flows whose place another one has taken, since the last batch.
    replaced: Replaced,
    /// Reports prepared by `tick`, `close` and evictions.
    pending: Sheet,
    updated_ns: i64,
    /// Where the walk over idle flows goes on.
    idle_hand: u32,
}

/// `Headers::MAX_DEPTH` fits.
const DEPTH_BITS: u32 = 3;

impl Meter {
    pub fn new(config: MeterConfig) -> Self {
        let streams = Arc::new(Budget::new(config.max_flows));
        Self::with(config, FlowTable::new(), Arc::default(), streams)
    }

    fn with(config: MeterConfig, table: FlowTable, ties: Arc<Ties>, streams: Arc<Budget>) -> Self {
        Self {
            number: 0,
            share: None,
            at: 0,
            stats: MeterStats::default(),
            counts: Counts::default(),
            dissector: Dissector::new(&config, table.seed()),
            table,
            candidates: Vec::new(),
            fragments: Fragments::one_of(1),
            streams,
            reporter: Reporter::new(config, ties),
            fresh: Vec::new(),
            changed: Vec::new(),
            replaced: Replaced::default(),
            pending: Sheet::default(),
            updated_ns: 0,
            idle_hand: 0,
        }
    }

    /// Count one frame.
    #[inline]
    pub fn frame(&mut self, frame: Frame<'_>) -> FlowRef {
        match self.dissector.first(frame, &mut self.counts) {
            Some(first) => self.count_segments(first, 0),
            None => FlowRef::NONE,
        }
    }

    /// Count frames in their order; about twice as fast as one by one when the table outgrows the caches.
    pub fn frames<'a>(&mut self, frames: impl ExactSizeIterator<Item = Frame<'a>>) {
        let mut found = Vec::with_capacity(frames.len());
        let first = self.at;
        self.at += frames.len() as u64;
        let next = self.at;
        self.count_frames((first..).zip(frames), &mut found);
        self.at = next;
    }

    /// Bring what counting will need into the cache: the processor waits for many memory accesses at once if none of
    /// them depends on another.
    #[inline]
    fn load(&mut self, hashes: impl Iterator<Item = u64>) {
        let table = &self.table;
        self.candidates.clear();
        self.candidates
            .extend(hashes.map(|hash| table.candidate(hash)));
        let touched = self
            .candidates
            .iter()
            .fold(0, |sum, &at| sum ^ table.touch(at));
        std::hint::black_box(touched);
    }

    /// Count a segment and those inside; return where the innermost was.
    #[inline]
    fn count_segments(&mut self, first: Prepared<'_>, parent: u64) -> FlowRef {
        let mut found = self.count_prepared(&first, parent);
        let mut outer = first;
        while let Some(inner) = self.dissector.inside(&outer, &mut self.counts) {
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
        let tally = Tally::one(flow::octets(&prepared.headers), prepared.seal.ts_ns);
        self.count_tally(prepared, parent, &tally)
    }

    #[inline]
    fn count_tally(&mut self, prepared: &Prepared<'_>, parent: u64, tally: &Tally) -> FlowRef {
        let Prepared { headers, seal } = prepared;
        let Seal { keyed, hash, .. } = seal;
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
        let side = flow::side(flow, prepared.seal.keyed.swapped);
        let number = flow.count(side, tally);
        if flow.marks & mark::CHANGED == 0 {
            self.changed.push(index);
        }
        flow.marks |= mark::CHANGED | mark::RECENT;
        let found = FlowRef {
            uuid: flow.uuid,
            number,
            index,
            meter: self.number,
        };
        match &headers.transport {
            Transport::Tcp(_) if !self.reporter.config.every_frame => {}
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

    #[cold]
    fn reopen(
        &mut self,
        index: u32,
        prepared: &Prepared<'_>,
        opening: Opening,
        tally: &Tally,
    ) -> FlowRef {
        let (key, headers) = (&prepared.seal.keyed.key, &prepared.headers);
        let flow = self.begin(key, headers, opening);
        self.replace(index, flow);
        self.note_begin(index, headers);
        self.count(index, prepared, opening, tally)
    }

    fn open(&mut self, hash: u64, key: &FlowKey, headers: &Headers<'_>, opening: Opening) -> u32 {
        if self.table.len() >= self.reporter.config.most_flows() {
            self.evict(opening.start_ns);
        }
        let flow = self.begin(key, headers, opening);
        let index = self.table.insert(hash, flow);
        self.note_begin(index, headers);
        index
    }

    fn begin(&mut self, key: &FlowKey, headers: &Headers<'_>, opening: Opening) -> Flow {
        let ids = flow_ids(headers, opening, &self.reporter.config);
        let path = self.reporter.paths.number(&headers.layers);
        Flow::new(*key, headers, opening, ids, path)
    }

    fn note_begin(&mut self, index: u32, headers: &Headers<'_>) {
        if self.reporter.config.ordered {
            // Of one frame's segments the outer one begins first.
            let place = self.at << DEPTH_BITS | u64::from(headers.depth);
            self.table.set_opened(index, place);
        }
        self.stats.flows_started += 1;
        if self.reporter.config.start_reports {
            self.list_fresh(index);
        }
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
            .or_else(|| self.replaced.of(flow.uuid))
        {
            found.kept = found.kept.saturating_add(1);
        }
    }

    /// Time of the latest frame so far.
    pub fn latest_ns(&self) -> i64 {
        self.counts.latest_ns
    }

    /// Slots of the table, used or free: what a walk over idle flows costs.
    pub fn slots(&self) -> u32 {
        self.table.slots()
    }

    /// Rows that wait in memory for `take_reports`.
    pub fn pending_reports(&self) -> usize {
        self.pending.batch.len() + self.replaced.len()
    }

    /// What keys are hashed with.
    pub(crate) fn seed(&self) -> u64 {
        self.table.seed()
    }

    pub fn config(&self) -> &MeterConfig {
        &self.reporter.config
    }
}
