// SPDX-License-Identifier: Apache-2.0
//! Reports in an order that does not depend on the number of meters, and the last ones of all flows, written side by side.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;

use super::Sharded;
use crate::batch::FlowBatch;
use crate::meter::Meter;
use crate::report::Sheet;

/// Where a flow is: its place in the order of beginnings, its meter, its slot.
type Place = (u64, u32, u32);

/// Flows that are still to be ended, the next one last.
pub(super) struct Ending(Vec<Place>);

/// Flows of a batch, and the batch once it is written.
struct Page<'a> {
    places: &'a [Place],
    written: Mutex<Option<RecordBatch>>,
}

impl Sharded {
    /// Return what `take_reports` would, of meters whose reports are ordered: by the frame after which each was
    /// written, then by the beginnings of flows.
    pub fn take_ordered(&mut self) -> RecordBatch {
        let (mut rows, mut order) = (FlowBatch::new(), Vec::new());
        for meter in self.meters() {
            meter.take_reports(&mut rows);
            order.append(&mut meter.take_order());
        }
        let batch = rows.into_record_batch();
        if order.is_sorted() {
            return batch;
        }
        let mut wanted: Vec<u32> = (0..order.len() as u32).collect();
        wanted.sort_by_key(|&row| order[row as usize]);
        // Fails for rows that are not there only.
        take_record_batch(&batch, &UInt32Array::from(wanted)).unwrap_or(batch)
    }

    /// End flows, in the order of their beginnings if that is known, in batches of `rows`, as many as there are
    /// workers to write them; none = no flow is left. What `take_reports` has comes before them. Nothing can be counted
    /// until the last one is ended.
    pub fn close_batches(&mut self, now_ns: i64, rows: usize) -> Vec<RecordBatch> {
        let mut left = match self.ending.take() {
            Some(ending) => ending.0,
            None => self.begin_to_end(),
        };
        let next = rows.saturating_mul(self.workers.threads()).min(left.len());
        let mut ended = left.split_off(left.len() - next);
        ended.reverse();
        if ended.is_empty() {
            self.meters().for_each(Meter::forget);
            return Vec::new();
        }
        self.ending = Some(Ending(left));
        for &(_, number, index) in &ended {
            self.shard(number as u8).meter.stop(index);
        }
        let batches = self.write(now_ns, &ended, rows);
        for &(_, number, index) in &ended {
            self.shard(number as u8).meter.leave(index);
        }
        batches
    }

    fn begin_to_end(&mut self) -> Vec<Place> {
        let mut places = Vec::with_capacity(self.flows());
        for (number, shard) in (0..).zip(&mut self.shards) {
            let Some(shard) = shard else { continue };
            shard.meter.end_pieces();
            let flows = shard.meter.places();
            places.extend(flows.map(|(opened, index)| (opened, number, index)));
        }
        places.sort_unstable_by_key(|&place| Reverse(place));
        places
    }

    fn write(&self, now_ns: i64, ended: &[Place], rows: usize) -> Vec<RecordBatch> {
        let pages: Vec<_> = ended
            .chunks(rows.max(1))
            .map(|places| Page {
                places,
                written: Mutex::default(),
            })
            .collect();
        let shards: Vec<_> = self
            .shards
            .iter()
            .map(|shard| Some(&shard.as_ref()?.meter))
            .collect();
        self.workers.each(&pages, |page: &Page<'_>| {
            let mut sheet = Sheet::default();
            sheet.batch.reserve(page.places.len());
            for &(_, number, index) in page.places {
                if let Some(Some(meter)) = shards.get(number as usize) {
                    meter.write_end(index, now_ns, &mut sheet);
                }
            }
            let batch = sheet.batch.into_record_batch();
            *page.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch);
        });
        let written = |page: Page<'_>| page.written.into_inner();
        pages
            .into_iter()
            .filter_map(|page| written(page).unwrap_or_else(PoisonError::into_inner))
            .collect()
    }
}
