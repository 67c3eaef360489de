// SPDX-License-Identifier: Apache-2.0
//! What is read out of captures: flows and kept packets, in batches.

use std::sync::atomic::Ordering;

use netsonde_meter::select::{select, Selection};
use netsonde_meter::{ipc, FlowBatch, PacketBatch};

use crate::collector::Told;
use crate::core::Core;
use crate::event::Point;
use crate::subscription::{PacketQuery, Subscription};

/// Bytes of one batch of packets, after which the next is begun.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

impl Core {
    /// Batches of flow reports since the last call.
    pub fn take_flows(&self) -> Vec<Vec<u8>> {
        self.shared.reports.take_all()
    }

    /// Present flows of captures that run (None = of all) that the selection lets pass, the latest first. The error
    /// says which column is not known.
    pub fn snapshot_flows(
        &self,
        node_tids: Option<&[String]>,
        captures: Option<&[String]>,
        selection: &Selection,
    ) -> Result<Vec<Vec<u8>>, String> {
        let mut batch = FlowBatch::new();
        self.each_subscription(|subscription| {
            let identity = &subscription.identity;
            let wanted = node_tids.is_none_or(|tids| tids.contains(&identity.node_tid))
                && captures.is_none_or(|ids| ids.contains(&identity.point.capture_id));
            if wanted {
                subscription.snapshot(&mut batch);
            }
        });
        // Before encoding: what is not asked for costs no more than a look at its columns.
        let found =
            select(&batch.into_record_batch(), selection).map_err(|error| error.to_string())?;
        if found.num_rows() == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![ipc::write(&found)])
    }

    /// Counters that exporters told a capture; None for one that hears of none.
    pub fn told(&self, point: &Point) -> Option<Told> {
        let collectors = self.shared.all_collectors();
        let own = collectors.iter().find(|one| one.point == *point)?;
        own.told()
    }

    /// First packets newly kept since the last call.
    pub fn take_packets(&self) -> Vec<Vec<u8>> {
        let mut batches = Batches::default();
        let mut take = |subscription: &mut Subscription| {
            batches.bytes += subscription.take_first(&mut batches.open);
            batches.cut();
        };
        self.shared
            .retired
            .lock()
            .iter_mut()
            .for_each(|retired| take(&mut retired.0));
        self.each_subscription(take);
        batches.finish()
    }

    /// Kept packets, in order for each interface.
    pub fn packets(&self, query: &PacketQuery) -> Vec<Vec<u8>> {
        let mut batches = Batches::default();
        let mut limit = query.limit;
        let mut read = |subscription: &mut Subscription| {
            let identity = &subscription.identity;
            let tids = query.node_tids.as_deref();
            if identity.point.capture_id == query.capture_id
                && tids.is_none_or(|tids| tids.contains(&identity.node_tid))
            {
                batches.bytes += subscription.packets(query, &mut limit, &mut batches.open);
                batches.cut();
            }
        };
        self.shared
            .retired
            .lock()
            .iter_mut()
            .for_each(|retired| read(&mut retired.0));
        self.each_subscription(read);
        batches.finish()
    }

    fn each_subscription(&self, mut work: impl FnMut(&mut Subscription)) {
        for tap in self.shared.all_taps() {
            if tap.captures.load(Ordering::Relaxed) > 0 {
                tap.inner
                    .lock()
                    .subscriptions
                    .iter_mut()
                    .for_each(&mut work);
            }
        }
        for collector in self.shared.all_collectors() {
            work(&mut collector.inner.lock().subscription);
        }
    }
}

/// Packets on their way out, in batches of bounded size.
#[derive(Default)]
struct Batches {
    open: PacketBatch,
    bytes: usize,
    done: Vec<Vec<u8>>,
}

impl Batches {
    fn cut(&mut self) {
        if self.bytes > BATCH_BYTES {
            self.done
                .push(std::mem::take(&mut self.open).into_arrow_ipc());
            self.bytes = 0;
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.open.is_empty() {
            self.done.push(self.open.into_arrow_ipc());
        }
        self.done
    }
}
