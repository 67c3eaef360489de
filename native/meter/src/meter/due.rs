// SPDX-License-Identifier: Apache-2.0
//! What is due: starts, updates of changed flows, ends of idle, closed and evicted ones.

use netsonde_exports::FlowRecord;

use super::Meter;
use crate::batch::FlowBatch;
use crate::flow::{mark, Finish, Flow};
use crate::report::{Kind, Sheet};

/// Walk the whole table once in so many ticks.
const WALK_TICKS: u32 = 4;

impl Meter {
    /// Prepare what is due at `now_ns`: updates of changed flows, ends of idle and closed ones. Call about once a
    /// second.
    pub fn tick(&mut self, now_ns: i64) {
        self.report_replaced();
        if self.updated_ns == 0 {
            self.updated_ns = now_ns;
        }
        if self.reporter.config.update_ns > 0
            && now_ns - self.updated_ns >= self.reporter.config.update_ns
        {
            self.updated_ns = now_ns;
            self.update(now_ns);
        }
        self.fragments.expire(now_ns);
        self.count_lost();
        self.end_idle(now_ns);
    }

    fn update(&mut self, now_ns: i64) {
        for index in std::mem::take(&mut self.changed) {
            let flow = self.table.get(index);
            if let Some(flow) = flow.filter(|flow| flow.marks & mark::CHANGED != 0) {
                let kind = self.running_kind(flow);
                self.report(index, kind, now_ns);
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
        // Which part has its turn depends on slots, which may not show in what is ordered.
        let parts = if self.reporter.config.ordered {
            1
        } else {
            WALK_TICKS
        };
        for _ in 0..slots.div_ceil(parts) {
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
        let now_ns = self.latest_ns();
        self.report_replaced();
        for index in std::mem::take(&mut self.fresh) {
            if let Some(flow) = self
                .table
                .get(index)
                .filter(|flow| flow.marks & mark::NEW != 0)
            {
                let kind = self.running_kind(flow);
                self.report(index, kind, now_ns);
            }
        }
        if out.is_empty() {
            *out = std::mem::take(&mut self.pending.batch);
        } else {
            out.append(&mut self.pending.batch);
        }
    }

    /// What was reported since the last call, for exporters; empty unless the configuration wants it. Counts are those
    /// since the flow's last report.
    pub fn take_exports(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.pending.exports)
    }

    /// Append the present state of every flow to `out`; changes nothing.
    pub fn snapshot(&self, out: &mut FlowBatch) {
        let mut sheet = Sheet::default();
        for flow in self.table.iter() {
            self.reporter
                .push(flow, Kind::Update, self.latest_ns(), &mut sheet);
        }
        out.append(&mut sheet.batch);
    }

    /// End every flow.
    pub fn close(&mut self, now_ns: i64) {
        self.report_replaced();
        self.end_pieces();
        self.pending.batch.reserve(self.table.len());
        for index in 0..self.table.slots() {
            if let Some(flow) = self.table.get_mut(index) {
                flow.stop();
                self.report(index, Kind::End, now_ns);
                self.leave(index);
            }
        }
        self.forget();
    }

    #[cold]
    pub(crate) fn evict(&mut self, now_ns: i64) {
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
    pub(super) fn end(&mut self, index: u32, now_ns: i64) {
        self.report(index, Kind::End, now_ns);
        self.table.remove(index);
        self.stats.flows_ended += 1;
    }

    /// Write a report, and start the flow's next period.
    fn report(&mut self, index: u32, kind: Kind, now_ns: i64) {
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        flow.reports = flow.reports.saturating_add(1);
        self.reporter.push(flow, kind, now_ns, &mut self.pending);
        flow.reported_packets = flow.packets;
        flow.reported_octets = flow.octets;
        flow.reported_ns = now_ns;
        flow.marks &= !(mark::CHANGED | mark::NEW);
        if self.reporter.config.ordered {
            let place = self.table.opened(index);
            self.pending.order.push((self.at, place));
        }
    }
}
