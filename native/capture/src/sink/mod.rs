// SPDX-License-Identifier: Apache-2.0
//! Where a capture is sent on to while it is analysed here: exporters of flows, files, mirrors. Each has a bounded
//! queue and a thread of its own, so that a slow disk or a full network costs its own packets, counted, and nothing
//! else.

mod export;
mod files;
mod mirror;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsonde_exports::{FlowRecord, Protocol};
use netsonde_packet::LinkType;

use crate::budget::BoundedQueue;
use crate::event::Point;
use crate::frame::RawFrame;
use crate::pi_mutex::PiMutex;
use crate::sched;
use crate::sys::{now_ns, Epoll, EventFd, Ready};

pub use files::FileSpec;

/// Memory of what waits for one sink.
const QUEUE_BYTES: usize = 8 << 20;
const IDLE_MS: i32 = 250;
/// How long there must be no failure until the last one is over. Of UDP that no one takes, every other datagram seems
/// to go out: the system reports a refusal with the next one.
const STEADY: Duration = Duration::from_secs(10);
const INEXPRESSIBLE: &str =
    "the protocol has no form for some flows: those without IP, and in NetFlow v5 those of IPv6";

#[derive(Clone, Debug)]
pub enum SinkSpec {
    Export {
        protocol: Protocol,
        target: SocketAddr,
        domain: u32,
    },
    Files(FileSpec),
    Erspan {
        target: Ipv4Addr,
        session: u16,
    },
    Vxlan {
        target: SocketAddr,
        vni: u32,
    },
}

impl SinkSpec {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Export { protocol, .. } => match protocol {
                Protocol::NetFlow5 => "netflow5",
                Protocol::NetFlow9 => "netflow9",
                Protocol::Ipfix => "ipfix",
            },
            Self::Files(_) => "pcapng",
            Self::Erspan { .. } => "erspan",
            Self::Vxlan { .. } => "vxlan",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkStats {
    pub name: &'static str,
    /// Packets or records that went out.
    pub sent: u64,
    /// Those that did not: no room, no way, or no words for them.
    pub dropped: u64,
    /// The last failure, in words; empty = none, or all has gone out for some seconds since.
    pub reason: String,
}

/// A copy of a frame on its way.
pub(crate) struct Copied {
    pub(crate) ts_ns: i64,
    pub(crate) wire_len: u32,
    pub(crate) link_type: LinkType,
    pub(crate) data: Vec<u8>,
}

enum Item {
    Frame(Copied),
    Records(Vec<FlowRecord>),
}

/// What a sink's thread drives. Each returns how many went out; an error drops what it was given.
trait Outlet: Send {
    fn frame(&mut self, _frame: &Copied) -> io::Result<u64> {
        Ok(0)
    }

    fn records(&mut self, _records: &[FlowRecord]) -> io::Result<u64> {
        Ok(0)
    }

    /// Called now and then, and after each burst.
    fn idle(&mut self, _now_ns: i64) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Return how many of those said to have gone out did not after all, once.
    fn take_lost(&mut self) -> u64 {
        0
    }
}

/// The domain of an interface's exporter. Each numbers its own datagrams, so that two in one domain would look like
/// losses: where none was chosen, it is made of what tells them apart (FNV-1a).
fn domain_of(chosen: u32, point: &Point) -> u32 {
    if chosen != 0 {
        return chosen;
    }
    let numbers = [point.netns, point.ifindex.into()].map(u64::to_be_bytes);
    let bytes = point
        .capture_id
        .bytes()
        .chain(numbers.into_iter().flatten());
    bytes.fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

pub struct Sink {
    name: &'static str,
    pub takes_records: bool,
    shared: Arc<Queue>,
}

struct Queue {
    items: BoundedQueue<Item>,
    wake: EventFd,
    /// Something was put in since the thread looked last: it need not be woken again.
    woken: AtomicBool,
    closing: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
    trouble: PiMutex<Trouble>,
}

/// Why something did not go out, in words, and when that was last.
#[derive(Default)]
struct Trouble {
    reason: String,
    at: Option<Instant>,
}

impl Sink {
    /// Open a sink for one interface; `threads` counts those that run.
    pub fn open(
        spec: &SinkSpec,
        ifname: &str,
        point: &Point,
        threads: &Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let outlet: Box<dyn Outlet> = match spec {
            SinkSpec::Export {
                protocol,
                target,
                domain,
            } => {
                let domain = domain_of(*domain, point);
                Box::new(export::Exporter::open(*protocol, *target, domain)?)
            }
            SinkSpec::Files(files) => Box::new(files::Files::open(files, ifname, point)?),
            SinkSpec::Erspan { target, session } => {
                Box::new(mirror::Erspan::open(*target, *session, point.ifindex)?)
            }
            SinkSpec::Vxlan { target, vni } => Box::new(mirror::Vxlan::open(*target, *vni)?),
        };
        let shared = Arc::new(Queue::new()?);
        start(outlet, &shared, threads)?;
        Ok(Self {
            name: spec.name(),
            takes_records: matches!(spec, SinkSpec::Export { .. }),
            shared,
        })
    }

    pub fn frame(&self, frame: &RawFrame<'_>, link_type: LinkType) {
        if self.takes_records {
            return;
        }
        let copied = Copied {
            ts_ns: frame.ts_ns,
            wire_len: frame.wire_len,
            link_type,
            data: frame.data.to_vec(),
        };
        let weight = size_of::<Item>() + copied.data.len();
        self.push(Item::Frame(copied), weight, 1);
    }

    pub fn records(&self, records: &[FlowRecord]) {
        if self.takes_records {
            let weight = size_of_val(records);
            self.push(
                Item::Records(records.to_vec()),
                weight,
                records.len() as u64,
            );
        }
    }

    fn push(&self, item: Item, weight: usize, count: u64) {
        if !self.shared.items.push(item, weight) {
            self.shared.refuse(count, "the queue of this sink is full");
        } else if !self.shared.woken.swap(true, Ordering::AcqRel) {
            self.shared.wake.signal();
        }
    }

    pub fn stats(&self) -> SinkStats {
        SinkStats {
            name: self.name,
            sent: self.shared.sent.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            reason: self.shared.trouble.lock().reason.clone(),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.wake.signal();
    }
}

impl Queue {
    fn new() -> io::Result<Self> {
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

    fn refuse(&self, count: u64, why: &str) {
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

fn start(outlet: Box<dyn Outlet>, queue: &Arc<Queue>, threads: &Arc<AtomicU64>) -> io::Result<()> {
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
    use super::*;

    #[test]
    fn interfaces_have_domains_of_their_own_unless_one_was_chosen() {
        let point = |netns, ifindex| Point {
            capture_id: "c".to_owned(),
            netns,
            ifindex,
        };
        let points = [point(1, 2), point(2, 2), point(1, 3)];
        let mut domains: Vec<u32> = points.iter().map(|point| domain_of(0, point)).collect();
        domains.sort_unstable();
        domains.dedup();
        assert_eq!(domains.len(), points.len());
        assert_eq!(domain_of(7, &points[0]), 7);
    }

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
