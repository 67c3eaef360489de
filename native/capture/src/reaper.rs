// SPDX-License-Identifier: Apache-2.0
//! Threads that close what was in use. Closing a bound packet socket waits for an RCU grace period (0.5 to 30 ms);
//! several closers at once share the same one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::pool::Pool;
use crate::ring::Ring;
use crate::rtnl::LinkSocket;
use crate::sched;
use crate::socket::PacketSocket;
use crate::source::Source;

pub const THREADS: usize = 24;

const PATIENCE: Duration = Duration::from_millis(50);

/// Closed by being dropped.
pub enum Garbage {
    Source(Source),
    Socket(PacketSocket),
    Ring(Box<Ring>),
    Links(Box<LinkSocket>),
}

/// Close what comes until `over` says so and nothing is left.
pub fn run(garbage: &Arc<Mutex<Receiver<Garbage>>>, over: &AtomicBool) {
    sched::ordinary();
    loop {
        let next = {
            let receiver = garbage.lock().unwrap_or_else(PoisonError::into_inner);
            // Asked only now: most threads wait for the lock, and one after the other would still be patient.
            if over.load(Ordering::Acquire) {
                receiver
                    .try_recv()
                    .map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                receiver.recv_timeout(PATIENCE)
            }
        };
        match next {
            Ok(garbage) => drop(garbage),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Take every socket out of a pool.
pub fn empty(pool: &Pool, mut give: impl FnMut(Garbage)) {
    while let Some(socket) = pool.take() {
        give(Garbage::Socket(socket));
    }
}
