// SPDX-License-Identifier: Apache-2.0
//! Bounded memory and bounded queues, with what did not fit counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::pi_mutex::PiMutex;

/// Bytes that many holders share.
pub struct Budget {
    used: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit,
        }
    }

    pub fn take(&self, bytes: usize) -> bool {
        self.take_within(bytes, self.limit)
    }

    /// Like `take`, for what can be done without: it leaves half of the memory to the others.
    pub fn take_spare(&self, bytes: usize) -> bool {
        self.take_within(bytes, self.limit / 2)
    }

    pub fn has_spare(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.limit / 2
    }

    fn take_within(&self, bytes: usize, limit: usize) -> bool {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= limit);
        bytes == 0
            || self
                .used
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
                .is_ok()
    }

    pub fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// A queue that refuses what is beyond its limit of weight, and counts it.
pub struct BoundedQueue<T> {
    items: PiMutex<(VecDeque<T>, usize)>,
    limit: usize,
    dropped: AtomicU64,
}

impl<T> BoundedQueue<T> {
    pub fn new(limit: usize) -> Self {
        Self {
            items: PiMutex::new((VecDeque::new(), 0)),
            limit,
            dropped: AtomicU64::new(0),
        }
    }

    /// Append an item of some weight, or count it as dropped.
    pub fn push(&self, item: T, weight: usize) -> bool {
        let mut items = self.items.lock();
        if items.1 + weight > self.limit {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        items.0.push_back(item);
        items.1 += weight;
        true
    }

    pub fn take_all(&self) -> Vec<T> {
        let mut items = self.items.lock();
        items.1 = 0;
        std::mem::take(&mut items.0).into()
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_never_gives_more_than_its_limit() {
        let budget = Budget::new(10);
        assert!(budget.take(7) && !budget.take(4) && budget.take(3));
        budget.give(7);
        assert!(budget.take(7) && !budget.take(1));
    }

    #[test]
    fn a_full_queue_counts_what_it_refuses() {
        let queue = BoundedQueue::new(2);
        assert_eq!(
            [queue.push('a', 1), queue.push('b', 1), queue.push('c', 1)],
            [true, true, false]
        );
        assert_eq!((queue.take_all(), queue.dropped()), (vec!['a', 'b'], 1));
        assert!(queue.push('d', 2));
    }
}
