// SPDX-License-Identifier: Apache-2.0
//! Keeps the pools of prepared sockets full while the watcher is armed, and empty while it is not.
//!
//! At SCHED_FIFO just under the readers: an ordinary thread would be preempted in the middle of `socket()`, and the
//! watcher, once a burst of links has emptied the pool, would wait 10 ms for the kernel's list of packet sockets.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::reaper;
use crate::sched;
use crate::shared::Shared;
use crate::sys::{Epoll, Ready};

const WAIT_MS: i32 = 1000;
/// Sockets made for one pool before the next has its turn.
const STEP: usize = 32;

pub fn run(shared: &Arc<Shared>) {
    shared.got_class("pools", sched::raise(sched::REFILL, shared.config.realtime));
    let Ok(epoll) = Epoll::new() else { return };
    if epoll.add(&shared.pool_wake, 0).is_err() {
        return;
    }
    let mut ready = Ready::new(1);
    while !shared.is_closing() {
        if epoll.wait(&mut ready, WAIT_MS).next().is_some() {
            shared.pool_wake.clear();
        }
        while round(shared) && !shared.is_closing() {}
    }
}

/// Go over all pools once; returns whether there is more to do.
fn round(shared: &Shared) -> bool {
    let armed = shared.armed.load(Ordering::Acquire) && shared.config.lookback_ns > 0;
    let mut more = false;
    for namespace in shared.all_namespaces() {
        let missing = namespace.pool.missing();
        if armed && missing > 0 {
            let filled = namespace.refill(&shared.home, missing.min(STEP));
            more |= missing > STEP && filled.is_ok();
        }
        if !armed || namespace.closed.load(Ordering::Acquire) {
            reaper::empty(&namespace.pool, |garbage| {
                drop(shared.garbage.send(garbage));
            });
        }
    }
    more
}
