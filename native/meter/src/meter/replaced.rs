// SPDX-License-Identifier: Apache-2.0
//! Flows whose key another connection has taken over. They are reported a little later, because packets of theirs may
//! still be noted as kept: of a batch all are counted first.

use super::Meter;
use crate::flow::Flow;
use crate::report::Kind;

/// More than any batch leaves; beyond, they are reported at once.
const MOST: usize = 4096;

/// With the number of the frame that began the next one, and their place among all flows.
#[derive(Default)]
pub(super) struct Replaced(Vec<(u64, u64, Flow)>);

impl Replaced {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cold]
    pub(super) fn of(&mut self, uuid: u64) -> Option<&mut Flow> {
        let flows = self.0.iter_mut().rev().map(|(_, _, flow)| flow);
        flows.into_iter().find(|flow| flow.uuid == uuid)
    }
}

impl Meter {
    /// Let a flow end and another one with its key take its place.
    pub(super) fn replace(&mut self, index: u32, flow: Flow) {
        if self.replaced.len() >= MOST {
            self.report_replaced();
        }
        let opened = self.table.opened(index);
        if let Some(before) = self.table.replace(index, flow) {
            self.replaced.0.push((self.at, opened, before));
            self.stats.flows_ended += 1;
        }
    }

    /// Report the ends of those so far.
    pub(super) fn report_replaced(&mut self) {
        for (at, opened, mut flow) in std::mem::take(&mut self.replaced.0) {
            flow.reports = flow.reports.saturating_add(1);
            self.reporter
                .push(&flow, Kind::End, flow.last_ns, &mut self.pending);
            if self.reporter.config.ordered {
                self.pending.order.push((at, opened));
            }
        }
    }
}
