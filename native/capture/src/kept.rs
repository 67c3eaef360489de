// SPDX-License-Identifier: Apache-2.0
//! Packets that a capture keeps of one interface: the first ones whole, then a ring.

use std::sync::Arc;

use crate::budget::Budget;
use crate::frame::{FrameStore, RawFrame, Tag};

#[derive(Clone, Debug)]
pub struct KeepOptions {
    /// Packets kept whole from the start.
    pub first: u64,
    /// Bytes kept of each later packet.
    pub snap: usize,
    /// Memory of the ring after the first packets; 0 = no ring.
    pub ring_bytes: usize,
    /// Age at which packets leave the ring, in ns; 0 = only when it is full.
    pub ring_ns: i64,
    /// Packets of each flow that enter the ring; -1 = all, 0 = none.
    pub per_flow: i64,
}

pub struct Kept {
    options: KeepOptions,
    budget: Arc<Budget>,
    first: FrameStore,
    ring: FrameStore,
    /// First packets already handed out by `take_first`.
    taken: u64,
    /// Packets for which there was no memory.
    pub refused: u64,
}

impl Kept {
    pub fn new(options: KeepOptions, budget: Arc<Budget>) -> Self {
        let (first, ring) = (FrameStore::default(), FrameStore::default());
        Self {
            options,
            budget,
            first,
            ring,
            taken: 0,
            refused: 0,
        }
    }

    /// Keep a packet, the `in_flow`th (from 1) of its flow, if the options say so; returns whether it was kept.
    pub fn offer(&mut self, frame: &RawFrame<'_>, tag: Tag, in_flow: u64) -> bool {
        if tag.number < self.options.first {
            let fits = self.budget.take(self.first.growth(frame.data.len()));
            return self.store(fits, frame, tag);
        }
        let limit = u64::try_from(self.options.per_flow).unwrap_or(u64::MAX);
        if self.options.ring_bytes == 0 || in_flow > limit {
            return false;
        }
        self.make_room(frame);
        let growth = self.ring.growth(frame.data.len().min(self.options.snap));
        let fits = self.budget.take_spare(growth);
        self.store(fits, frame, tag)
    }

    fn store(&mut self, fits: bool, frame: &RawFrame<'_>, tag: Tag) -> bool {
        if !fits {
            self.refused += 1;
        } else if tag.number < self.options.first {
            self.first.push(frame, usize::MAX, tag);
        } else {
            self.ring.push(frame, self.options.snap, tag);
        }
        fits
    }

    /// Let the ring stay within its bytes and its age, and leave memory for first packets of others.
    fn make_room(&mut self, frame: &RawFrame<'_>) {
        let growth = self.ring.growth(frame.data.len().min(self.options.snap));
        if growth == 0 {
            return;
        }
        let horizon = frame.ts_ns - self.options.ring_ns;
        let old = |ring: &FrameStore| self.options.ring_ns > 0 && ring.oldest_ns() < Some(horizon);
        while self.ring.bytes() > 0
            && (self.ring.bytes() + growth > self.options.ring_bytes
                || old(&self.ring)
                || !self.budget.has_spare(growth))
        {
            let before = self.ring.bytes();
            self.ring.drop_oldest();
            self.budget.give(before - self.ring.bytes());
        }
    }

    /// First packets kept since the last call.
    pub fn take_first(&mut self, mut sink: impl FnMut(RawFrame<'_>, Tag)) {
        if self.taken == self.first.frames() {
            return;
        }
        let skip = self.taken as usize;
        self.first
            .iter()
            .skip(skip)
            .for_each(|(frame, tag)| sink(frame, tag));
        self.taken = self.first.frames();
    }

    /// All packets kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = (RawFrame<'_>, Tag)> {
        self.first.iter().chain(self.ring.iter())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.give(self.first.bytes() + self.ring.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: KeepOptions = KeepOptions {
        first: 3,
        snap: 64,
        ring_bytes: 512 * 1024,
        ring_ns: 0,
        per_flow: -1,
    };

    fn offer(kept: &mut Kept, numbers: std::ops::Range<u64>) {
        let data = [5u8; 200];
        for number in numbers {
            let frame = RawFrame {
                ts_ns: number as i64,
                wire_len: 200,
                data: &data,
            };
            kept.offer(
                &frame,
                Tag {
                    number,
                    ..Tag::default()
                },
                number + 1,
            );
        }
    }

    #[test]
    fn the_first_are_kept_whole_and_the_rest_cut() {
        let mut kept = Kept::new(OPTIONS, Arc::new(Budget::new(usize::MAX)));
        offer(&mut kept, 0..5);
        let lengths: Vec<_> = kept
            .iter()
            .map(|(frame, tag)| (tag.number, frame.data.len()))
            .collect();
        assert_eq!(lengths, [(0, 200), (1, 200), (2, 200), (3, 64), (4, 64)]);
    }

    #[test]
    fn the_ring_stays_within_its_bytes_and_gives_memory_back() {
        let budget = Arc::new(Budget::new(usize::MAX));
        let mut kept = Kept::new(OPTIONS, Arc::clone(&budget));
        offer(&mut kept, 0..100_000);
        assert!(budget.used() <= OPTIONS.ring_bytes + 8 * 1024);
        let numbers: Vec<_> = kept.iter().map(|(_, tag)| tag.number).collect();
        assert_eq!(
            (numbers[0], numbers[2], numbers.last()),
            (0, 2, Some(&99_999))
        );
        assert!(numbers[3..].windows(2).all(|pair| pair[1] == pair[0] + 1));
        drop(kept);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn first_packets_are_handed_out_once() {
        let mut kept = Kept::new(OPTIONS, Arc::new(Budget::new(usize::MAX)));
        let mut seen = Vec::new();
        offer(&mut kept, 0..2);
        kept.take_first(|_, tag| seen.push(tag.number));
        offer(&mut kept, 2..9);
        kept.take_first(|_, tag| seen.push(tag.number));
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn a_flow_enters_the_ring_with_its_first_packets_only() {
        let options = KeepOptions {
            first: 0,
            per_flow: 2,
            ..OPTIONS
        };
        let mut kept = Kept::new(options, Arc::new(Budget::new(usize::MAX)));
        offer(&mut kept, 0..10);
        assert_eq!(kept.iter().count(), 2);
    }

    #[test]
    fn rings_leave_half_of_the_memory_to_first_packets() {
        let budget = Arc::new(Budget::new(OPTIONS.ring_bytes));
        let mut rings = Kept::new(OPTIONS, Arc::clone(&budget));
        offer(&mut rings, 0..100_000);
        assert!(budget.used() <= OPTIONS.ring_bytes / 2 + 8 * 1024);
        let mut newcomer = Kept::new(OPTIONS, budget);
        offer(&mut newcomer, 0..3);
        assert_eq!((newcomer.iter().count(), newcomer.refused), (3, 0));
    }

    #[test]
    fn without_memory_packets_are_refused_and_counted() {
        let mut kept = Kept::new(OPTIONS, Arc::new(Budget::new(100)));
        offer(&mut kept, 0..4);
        assert_eq!((kept.iter().count(), kept.refused), (0, 4));
    }
}
