// SPDX-License-Identifier: Apache-2.0
//! What is due: starts, updates of changed flows, ends of idle, closed and evicted ones.

use std::thread::{self, ScopedJoinHandle};

use arrow_array::RecordBatch;
use netsonde_exports::FlowRecord;

use super::Meter;
use crate::batch::FlowBatch;
use crate::flow::{mark, Finish, Flow};
use crate::report::{Kind, Reporter, Sheet};
use crate::table::FlowTable;

/// Walk the whole table once in so many ticks.
const WALK_TICKS: u32 = 4;

impl Meter {
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
        self.fragments.expire(now_ns);
        self.count_lost();
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
        let now_ns = self.latest_ns();
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
        while !self.close_some(now_ns, usize::MAX) {}
    }

    /// End up to `limit` flows; return true when none is left. Keeps the batch of a large table's last reports small.
    /// Nothing can be counted until the last one is ended.
    pub fn close_some(&mut self, now_ns: i64, limit: usize) -> bool {
        self.fragments.close();
        self.count_lost();
        let mut left = limit;
        self.pending.batch.reserve(limit.min(self.table.len()));
        while self.close_hand < self.table.slots() && left > 0 {
            let index = self.close_hand;
            self.close_hand += 1;
            let Some(flow) = self.table.get_mut(index) else {
                continue;
            };
            flow.stop();
            let due = Due {
                index,
                kind: Kind::End,
                now_ns,
            };
            report(&mut self.table, &self.reporter, &mut self.pending, due);
            self.table.leave(index);
            self.stats.flows_ended += 1;
            left -= 1;
        }
        let done = self.close_hand >= self.table.slots();
        if done {
            self.close_hand = 0;
            self.table.clear();
        }
        done
    }

    /// End flows, of each of two halves as many as `rows`, whose reports two threads write; none = no flow is left.
    /// What `take_reports` has comes before them. Nothing can be counted until the last one is ended.
    pub fn close_batches(&mut self, now_ns: i64, rows: usize) -> Vec<RecordBatch> {
        self.fragments.close();
        self.count_lost();
        let ended = self.end_next(rows.saturating_mul(2));
        if ended.is_empty() {
            self.close_hand = 0;
            self.table.clear();
            return Vec::new();
        }
        let (table, reporter) = (&self.table, &self.reporter);
        let write = |indexes: &[u32]| {
            let mut sheet = Sheet::default();
            sheet.batch.reserve(indexes.len());
            for flow in indexes.iter().filter_map(|&index| table.get(index)) {
                reporter.push(flow, Kind::End, now_ns, &mut sheet);
            }
            sheet.batch.into_record_batch()
        };
        let (first, second) = ended.split_at(ended.len().min(rows));
        let batches = thread::scope(|scope| {
            let beside = thread::Builder::new().spawn_scoped(scope, || write(second));
            let first = write(first);
            let second = match beside.map(ScopedJoinHandle::join) {
                Ok(Ok(batch)) => batch,
                _ => write(second),
            };
            vec![first, second]
        });
        ended.iter().for_each(|&index| self.table.leave(index));
        self.stats.flows_ended += ended.len() as u64;
        batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .collect()
    }

    /// Mark up to `limit` flows as ended, and return their places.
    fn end_next(&mut self, limit: usize) -> Vec<u32> {
        let mut ended = Vec::new();
        while self.close_hand < self.table.slots() && ended.len() < limit {
            let index = self.close_hand;
            self.close_hand += 1;
            if let Some(flow) = self.table.get_mut(index) {
                flow.stop();
                flow.reports = flow.reports.saturating_add(1);
                ended.push(index);
            }
        }
        ended
    }

    #[cold]
    pub(super) fn evict(&mut self, now_ns: i64) {
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
