// SPDX-License-Identifier: Apache-2.0
//! What waits for a sink, and the thread that sends it on.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsonde_exports::FlowRecord;

use super::{Item, Outlet};
use crate::budget::BoundedQueue;
use crate::pi_mutex::PiMutex;
use crate::sched;
use crate::sys::{now_ns, Epoll, EventFd, Ready};

/// Memory of what waits for one sink.
const QUEUE_BYTES: usize = 8 << 20;
const IDLE_MS: i32 = 250;
/// How long there must be no failure until the last one is over. Of UDP that no one takes, every other datagram seems
/// to go out: the system reports a refusal with the next one.
const STEADY: Duration = Duration::from_secs(10);
const INEXPRESSIBLE: &str =
    "the protocol has no form for some flows: those without IP, and in NetFlow v5 those of IPv6";

pub(super) struct Queue {
    pub(super) items: BoundedQueue<Item>,
    pub(super) wake: EventFd,
    /// Something was put in since the thread looked last: it need not be woken again.
    pub(super) woken: AtomicBool,
    pub(super) closing: AtomicBool,
    pub(super) sent: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) trouble: PiMutex<Trouble>,
}

/// Why something did not go out, in words, and when that was last.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) reason: String,
    at: Option<Instant>,
}

impl Queue {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            items: BoundedQueue::new(QUEUE_BYTES),
            wake: EventFd::new()?,
            woken: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            trouble: PiMutex::default(),
        })
    }

    pub(super) fn refuse(&self, count: u64, why: &str) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        let mut trouble = self.trouble.lock();
        trouble.at = Some(Instant::now());
        if trouble.reason != why {
            why.clone_into(&mut trouble.reason);
        }
    }

    /// Something went out: forget a failure that is long enough ago.
    fn recover(&self) {
        let mut trouble = self.trouble.lock();
        if trouble.at.is_some_and(|at| at.elapsed() >= STEADY) {
            *trouble = Trouble::default();
        }
    }

    /// Some that went out as it seemed were lost later.
    fn take_back(&self, count: u64) {
        self.sent.fetch_sub(count, Ordering::Relaxed);
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    fn note(&self, count: u64, done: io::Result<u64>) {
        match done {
            Ok(sent) => {
                self.sent.fetch_add(sent, Ordering::Relaxed);
                if sent < count {
                    self.refuse(count - sent, INEXPRESSIBLE);
                }
            }
            Err(error) => self.refuse(count, &error.to_string()),
        }
    }
}

/// Counts a thread for as long as it lives.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) fn start(
    outlet: Box<dyn Outlet>,
    queue: &Arc<Queue>,
    threads: &Arc<AtomicU64>,
) -> io::Result<()> {
    let epoll = Epoll::new()?;
    epoll.add(&queue.wake, 0)?;
    threads.fetch_add(1, Ordering::AcqRel);
    let (queue, counted) = (Arc::clone(queue), Counted(Arc::clone(threads)));
    let run = move || {
        let _counted = counted;
        drive(outlet, &queue, &epoll);
    };
    std::thread::Builder::new()
        .name("netsonde-sink".to_owned())
        .spawn(run)
        .map(drop)
}

fn drive(mut outlet: Box<dyn Outlet>, queue: &Queue, epoll: &Epoll) {
    sched::ordinary();
    let mut ready = Ready::new(1);
    loop {
        // Looked at before the queue: what was put in before closing is there.
        let closing = queue.closing.load(Ordering::Acquire);
        if !closing {
            let _ = epoll.wait(&mut ready, IDLE_MS).count();
        }
        queue.wake.clear();
        queue.woken.store(false, Ordering::Release);
        let sent = queue.sent.load(Ordering::Relaxed);
        send(outlet.as_mut(), queue);
        if let Err(error) = outlet.idle(now_ns()) {
            queue.refuse(0, &error.to_string());
        }
        if closing {
            if let Err(error) = outlet.finish() {
                queue.refuse(0, &error.to_string());
            }
        }
        queue.take_back(outlet.take_lost());
        if queue.sent.load(Ordering::Relaxed) > sent {
            queue.recover();
        }
        if closing {
            return;
        }
    }
}

/// Send on what waits.
fn send(outlet: &mut dyn Outlet, queue: &Queue) {
    for item in queue.items.take_all() {
        match item {
            Item::Frame(frame) => queue.note(1, outlet.frame(&frame)),
            Item::Records(records) => {
                let expected = expected(&records);
                queue.note(expected, outlet.records(&records));
            }
        }
    }
}

/// Records that a batch becomes: one for each direction that had packets.
fn expected(records: &[FlowRecord]) -> u64 {
    let ways = |record: &FlowRecord| {
        u64::from(record.forward.packets > 0) + u64::from(record.reverse.packets > 0)
    };
    records.iter().map(ways).sum()
}

#[cfg(test)]
mod tests {
    use netsonde_packet::LinkType;

    use super::*;
    use crate::sink::Copied;

    /// Gives out as many of each frame as it says.
    struct Fixed(u64);

    impl Outlet for Fixed {
        fn frame(&mut self, _frame: &Copied) -> io::Result<u64> {
            Ok(self.0)
        }
    }

    /// Drive a sink that failed at `failed` to its end with one frame; returns sent, dropped and the reason.
    fn after_a_frame(outlet: Fixed, failed: Instant) -> (u64, u64, String) {
        let queue = Queue::new().expect("a descriptor");
        *queue.trouble.lock() = Trouble {
            reason: "the disk is full".to_owned(),
            at: Some(failed),
        };
        let frame = Copied {
            ts_ns: 1,
            wire_len: 60,
            link_type: LinkType::Ethernet,
            data: vec![0; 60],
        };
        assert!(queue.items.push(Item::Frame(frame), 100));
        queue.closing.store(true, Ordering::Release);
        drive(
            Box::new(outlet),
            &queue,
            &Epoll::new().expect("a descriptor"),
        );
        let reason = queue.trouble.lock().reason.clone();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&queue.sent), read(&queue.dropped), reason)
    }

    #[test]
    fn a_failure_is_told_until_things_have_gone_out_for_a_while() {
        let long_ago = Instant::now().checked_sub(STEADY).expect("up that long");
        let told = "the disk is full".to_owned();
        assert_eq!(after_a_frame(Fixed(1), long_ago), (1, 0, String::new()));
        assert_eq!(after_a_frame(Fixed(1), Instant::now()), (1, 0, told));
    }

    #[test]
    fn what_a_protocol_cannot_express_has_a_reason() {
        let long_ago = Instant::now().checked_sub(STEADY).expect("up that long");
        let told = INEXPRESSIBLE.to_owned();
        assert_eq!(after_a_frame(Fixed(0), long_ago), (0, 1, told));
    }
}
