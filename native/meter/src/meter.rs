// SPDX-License-Identifier: Apache-2.0
//! The meter: one per captured interface and capture.

use netsonde_packet::{parse, FrameError, Headers, Layer, LinkType, Network, Transport};

use crate::batch::FlowBatch;
use crate::config::MeterConfig;
use crate::flow::{self, mark, Finish, Flow};
use crate::ids::flow_ids;
use crate::key::{FlowKey, Keyed};
use crate::report::{Kind, Reporter, Sheet};
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

/// Where a frame was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRef {
    /// Id of the flow; 0 when the frame had neither a link nor a network layer.
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
    /// Frames cut by the snaplen before their last header.
    pub truncated: u64,
    pub malformed: u64,
    /// Flows in the table now.
    pub flows: u64,
    pub flows_started: u64,
    pub flows_ended: u64,
    /// Flows ended because the table was full.
    pub evicted: u64,
}

/// A frame read and keyed, on its way to its flow.
struct Prepared<'a> {
    frame: Frame<'a>,
    headers: Headers<'a>,
    keyed: Keyed,
    hash: u64,
}

pub struct Meter {
    stats: MeterStats,
    table: FlowTable,
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

/// Walk the whole table once in so many ticks.
const WALK_TICKS: u32 = 4;

impl Meter {
    pub fn new(config: MeterConfig) -> Self {
        Self {
            stats: MeterStats::default(),
            table: FlowTable::new(),
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
        match self.prepare(frame) {
            Some(prepared) => self.count_prepared(&prepared),
            None => FlowRef::NONE,
        }
    }

    /// Count frames in their order; about twice as fast as one by one when the table outgrows the caches.
    pub fn frames<'a>(&mut self, frames: impl ExactSizeIterator<Item = Frame<'a>>) {
        let mut batch = Vec::with_capacity(frames.len());
        batch.extend(frames.filter_map(|frame| self.prepare(frame)));
        let touched = batch
            .iter()
            .fold(0, |sum, prepared| sum ^ self.table.touch(prepared.hash));
        std::hint::black_box(touched);
        for prepared in &batch {
            self.count_prepared(prepared);
        }
    }

    #[inline]
    fn prepare<'a>(&mut self, frame: Frame<'a>) -> Option<Prepared<'a>> {
        self.stats.frames += 1;
        self.stats.bytes += u64::from(frame.wire_len);
        self.latest_ns = self.latest_ns.max(frame.ts_ns);
        let headers = parse(frame.link_type, frame.data);
        if let Some(error) = headers.error {
            self.count_error(error);
        }
        if headers.link.is_none() && matches!(headers.network, Network::None) {
            self.stats.unreadable += 1;
            return None;
        }
        let keyed = FlowKey::of(&headers, self.reporter.config.layer_key_mode);
        let hash = self.table.hash(&keyed.key);
        Some(Prepared {
            frame,
            headers,
            keyed,
            hash,
        })
    }

    #[inline]
    fn count_prepared(&mut self, prepared: &Prepared<'_>) -> FlowRef {
        let Prepared {
            frame,
            headers,
            keyed,
            hash,
        } = prepared;
        let index = match self.table.find(*hash, &keyed.key) {
            Some(index) => index,
            None => self.open(*hash, keyed, headers, frame.ts_ns),
        };
        self.count(index, keyed, headers, frame)
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
        keyed: &Keyed,
        headers: &Headers<'_>,
        frame: &Frame<'_>,
    ) -> FlowRef {
        let Some(flow) = self.table.get_mut(index) else {
            return FlowRef::NONE;
        };
        if flow.reopened_by(headers) {
            return self.reopen(index, keyed, headers, frame);
        }
        let side = flow::side(flow, keyed.swapped);
        let has_link_header = !matches!(
            frame.link_type,
            LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6
        );
        let number = flow.count(
            side,
            flow::octets(headers, frame.wire_len, has_link_header),
            frame.ts_ns,
        );
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
                    ttl: headers.ttl,
                    ts_ns: frame.ts_ns,
                };
                let closed = flow.follow_tcp(side, &segment);
                // Whoever asked for reports while flows run learns of the end before its hold time is over.
                if closed && self.reporter.config.update_ns > 0 {
                    self.list_fresh(index);
                }
            }
            Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
                flow.follow_echo(side, icmp, frame.ts_ns)
            }
            Transport::Udp { .. } => self.follow_application(index, side, headers, frame.ts_ns),
            _ => {}
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
            _ => {}
        }
        // The first packet may have been cut before its application.
        if headers.layers.as_slice().len() > self.reporter.paths.len_of(flow.path) {
            flow.path = self.reporter.paths.number(&headers.layers);
        }
    }

    #[cold]
    fn reopen(
        &mut self,
        index: u32,
        keyed: &Keyed,
        headers: &Headers<'_>,
        frame: &Frame<'_>,
    ) -> FlowRef {
        self.end(index, frame.ts_ns);
        let hash = self.table.hash(&keyed.key);
        let index = self.open(hash, keyed, headers, frame.ts_ns);
        self.count(index, keyed, headers, frame)
    }

    fn open(&mut self, hash: u64, keyed: &Keyed, headers: &Headers<'_>, ts_ns: i64) -> u32 {
        if self.table.len() >= self.reporter.config.max_flows.max(1) {
            self.evict(ts_ns);
        }
        let ids = flow_ids(headers, keyed.swapped, ts_ns, &self.reporter.config);
        let path = self.reporter.paths.number(&headers.layers);
        let index = self.table.insert(
            hash,
            Flow::new(keyed.key, keyed.swapped, headers, ids, ts_ns, path),
        );
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

    #[cold]
    fn evict(&mut self, now_ns: i64) {
        let Some(victim) = self.table.victim() else {
            return;
        };
        if let Some(flow) = self.table.get_mut(victim) {
            flow.finish = if flow.finish == Finish::Running {
                Finish::Evicted
            } else {
                flow.finish
            };
        }
        self.stats.evicted += 1;
        self.end(victim, now_ns);
    }

    /// Report the end of a flow and forget it.
    fn end(&mut self, index: u32, now_ns: i64) {
        report(
            &mut self.table,
            &self.reporter,
            &mut self.pending,
            Due {
                index,
                kind: Kind::End,
                now_ns,
            },
        );
        self.table.remove(index);
        self.stats.flows_ended += 1;
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

    /// Prepare what is due at `now_ns`: updates of changed flows, ends of idle and closed ones. Call about once a
    /// second.
    pub fn tick(&mut self, now_ns: i64) {
        if self.updated_ns == 0 {
            self.updated_ns = now_ns;
        }
        if self.reporter.config.update_ns > 0
            && now_ns - self.updated_ns >= self.reporter.config.update_ns
        {
            self.updated_ns = now_ns;
            self.update(now_ns);
        }
        self.end_idle(now_ns);
    }

    fn update(&mut self, now_ns: i64) {
        for index in std::mem::take(&mut self.changed) {
            let flow = self.table.get(index);
            if let Some(flow) = flow.filter(|flow| flow.marks & mark::CHANGED != 0) {
                let kind = self.running_kind(flow);
                let due = Due {
                    index,
                    kind,
                    now_ns,
                };
                report(&mut self.table, &self.reporter, &mut self.pending, due);
            }
        }
    }

    fn running_kind(&self, flow: &Flow) -> Kind {
        if flow.reports == 0 && self.reporter.config.start_reports {
            Kind::Start
        } else {
            Kind::Update
        }
    }

    /// Walk a part of the table, so that a large one never stalls the packets behind it.
    fn end_idle(&mut self, now_ns: i64) {
        let slots = self.table.slots();
        for _ in 0..slots.div_ceil(WALK_TICKS) {
            let index = self.idle_hand;
            self.idle_hand = if index + 1 < slots { index + 1 } else { 0 };
            let Some(flow) = self.table.get_mut(index) else {
                continue;
            };
            let idle_ns = now_ns - flow.last_ns;
            let limit_ns = if flow.finish == Finish::Running {
                self.reporter.config.expire_ns
            } else {
                self.reporter.config.hold_ns
            };
            if idle_ns > limit_ns {
                flow.finish = flow.idle_finish();
                self.end(index, now_ns);
            }
        }
    }

    /// Append to `out` what is due: starts since the last call, and what `tick`, `close` and evictions prepared.
    pub fn take_reports(&mut self, out: &mut FlowBatch) {
        let now_ns = self.latest_ns;
        for index in std::mem::take(&mut self.fresh) {
            if let Some(flow) = self
                .table
                .get(index)
                .filter(|flow| flow.marks & mark::NEW != 0)
            {
                let kind = self.running_kind(flow);
                let due = Due {
                    index,
                    kind,
                    now_ns,
                };
                report(&mut self.table, &self.reporter, &mut self.pending, due);
            }
        }
        if out.is_empty() {
            *out = std::mem::take(&mut self.pending.batch);
        } else {
            out.append(&mut self.pending.batch);
        }
    }

    /// Append the present state of every flow to `out`; changes nothing.
    pub fn snapshot(&self, out: &mut FlowBatch) {
        let mut sheet = Sheet::default();
        for flow in self.table.iter() {
            self.reporter
                .push(flow, Kind::Update, self.latest_ns, &mut sheet);
        }
        out.append(&mut sheet.batch);
    }

    /// End every flow.
    pub fn close(&mut self, now_ns: i64) {
        while !self.close_some(now_ns, usize::MAX) {}
    }

    /// End up to `limit` flows; return true when none is left. Keeps the batch of a large table's last reports small.
    pub fn close_some(&mut self, now_ns: i64, limit: usize) -> bool {
        let mut left = limit;
        self.pending.batch.reserve(limit.min(self.table.len()));
        while self.close_hand < self.table.slots() && left > 0 {
            let index = self.close_hand;
            self.close_hand += 1;
            let Some(flow) = self.table.get_mut(index) else {
                continue;
            };
            flow.finish = match flow.idle_finish() {
                Finish::Timeout => Finish::Stopped,
                finish => finish,
            };
            self.end(index, now_ns);
            left -= 1;
        }
        let done = self.close_hand >= self.table.slots();
        if done {
            self.close_hand = 0;
        }
        done
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
            ..self.stats
        }
    }

    pub fn config(&self) -> &MeterConfig {
        &self.reporter.config
    }
}

struct Due {
    index: u32,
    kind: Kind,
    now_ns: i64,
}

/// Write a report, and start the flow's next period.
fn report(table: &mut FlowTable, reporter: &Reporter, out: &mut Sheet, due: Due) {
    let Some(flow) = table.get_mut(due.index) else {
        return;
    };
    flow.reports = flow.reports.saturating_add(1);
    reporter.push(flow, due.kind, due.now_ns, out);
    flow.reported_packets = flow.packets;
    flow.reported_octets = flow.octets;
    flow.reported_ns = due.now_ns;
    flow.marks &= !(mark::CHANGED | mark::NEW);
}
