// SPDX-License-Identifier: Apache-2.0
//! Opens rings beside plain sockets; a thread of its own, because each waits for an RCU grace period.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::Duration;

use crate::reaper::Garbage;
use crate::ring::Ring;
use crate::sched;
use crate::shared::Shared;
use crate::sys::mono_ns;
use crate::tap::Tap;

const FIRST_RING: usize = 4 * 1024 * 1024;
const LARGEST_RING: usize = 64 * 1024 * 1024;
/// Frames a second from which reading one by one costs more than a ring's timer.
const BUSY_RATE: f64 = 20_000.0;
/// Time before a ring that could not be opened is tried again.
const RETRY_NS: i64 = 10_000_000_000;

pub struct OpenRing {
    pub tap: Arc<Tap>,
    pub bytes: usize,
}

/// Size of the ring that a tap should have next; None when it has what it needs. `current` 0 = a plain socket.
pub fn wanted_ring(current: usize, rate: f64, lost: bool) -> Option<usize> {
    match current {
        0 => (lost || rate > BUSY_RATE).then_some(FIRST_RING),
        LARGEST_RING.. => None,
        _ => lost.then_some((current * 4).min(LARGEST_RING)),
    }
}

pub fn run(shared: &Arc<Shared>, orders: &Receiver<OpenRing>) {
    sched::ordinary();
    while !shared.is_closing() {
        match orders.recv_timeout(Duration::from_millis(200)) {
            Ok(order) => open(shared, &order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn open(shared: &Shared, order: &OpenRing) {
    let (netns, ifindex) = order.tap.key;
    let budget = &shared.ring_memory;
    let ring = shared
        .namespace(netns)
        .filter(|_| budget.take(order.bytes))
        .and_then(|namespace| {
            let opened = namespace.within(&shared.home, || {
                Ring::open(ifindex, order.bytes, Arc::clone(budget))
            });
            if opened.is_err() {
                budget.give(order.bytes);
            }
            opened.ok()
        });
    let mut inner = order.tap.inner.lock();
    let Some(ring) = ring else {
        shared.counters.rings_failed.fetch_add(1, Ordering::Relaxed);
        inner.feed.expect_nothing();
        inner.no_ring_before_ns = mono_ns() + RETRY_NS;
        return;
    };
    shared.counters.rings_opened.fetch_add(1, Ordering::Relaxed);
    let unwanted = inner.feed.follow(Box::new(ring));
    drop(inner);
    if let Some(ring) = unwanted {
        drop(shared.garbage.send(Garbage::Ring(ring)));
    }
    shared.wake_reader(&order.tap);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_grow_with_need_up_to_a_limit() {
        assert_eq!(wanted_ring(0, 100.0, false), None);
        assert_eq!(wanted_ring(0, 100.0, true), Some(FIRST_RING));
        assert_eq!(wanted_ring(0, 50_000.0, false), Some(FIRST_RING));
        assert_eq!(wanted_ring(FIRST_RING, 1e6, false), None);
        assert_eq!(wanted_ring(FIRST_RING, 1e6, true), Some(4 * FIRST_RING));
        assert_eq!(wanted_ring(LARGEST_RING, 1e6, true), None);
    }
}
