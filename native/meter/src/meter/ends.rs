// SPDX-License-Identifier: Apache-2.0
//! The end of all flows in steps, for who writes their last reports beside each other. Nothing can be counted between the
//! first step and `forget`.

use super::Meter;
use crate::report::{Kind, Sheet};

impl Meter {
    /// Count what waits for the rest of its packet: there is none.
    pub(crate) fn end_pieces(&mut self) {
        self.fragments.close();
        self.count_lost();
    }

    /// The flows, as (place in the order of beginnings, slot).
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.table.places()
    }

    /// Mark a flow as ended with the capture, and its last report as written.
    pub(crate) fn stop(&mut self, index: u32) {
        if let Some(flow) = self.table.get_mut(index) {
            flow.stop();
            flow.reports = flow.reports.saturating_add(1);
        }
    }

    /// Write the last report of a flow that was stopped.
    pub(crate) fn write_end(&self, index: u32, now_ns: i64, sheet: &mut Sheet) {
        if let Some(flow) = self.table.get(index) {
            self.reporter.push(flow, Kind::End, now_ns, sheet);
        }
    }

    /// Take a flow out of its slot.
    pub(crate) fn leave(&mut self, index: u32) {
        self.table.leave(index);
        self.stats.flows_ended += 1;
    }

    /// Forget all slots, once every flow has left.
    pub(crate) fn forget(&mut self) {
        self.table.clear();
    }

    /// Where each row that `take_reports` gave belongs.
    pub(crate) fn take_order(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.pending.order)
    }
}
