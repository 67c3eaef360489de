// SPDX-License-Identifier: Apache-2.0
//! What the threads of the core share. Each field says who writes it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsonde_meter::{FlowBatch, Workers};

use crate::births::Births;
use crate::budget::{BoundedQueue, Budget};
use crate::collector::Collector;
use crate::control::Job;
use crate::event::Events;
use crate::netns::{Home, Namespace};
use crate::opener::OpenRing;
use crate::pi_mutex::PiMutex;
use crate::reaper::Garbage;
use crate::rtnl::{Link, LinkSocket};
use crate::sched::Class;
use crate::subscription::Subscription;
use crate::sys::{Epoll, EventFd};
use crate::tap::{Key, LookbackMemory, Tap};

#[derive(Clone, Debug)]
pub struct Config {
    pub host: String,
    /// How long frames of a new interface are kept for a definition that may yet match; 0 = no look-back.
    pub lookback_ns: i64,
    /// Prepared sockets in the agent's own namespace; others have `NAMESPACE_POOL`.
    pub pool_size: usize,
    /// Ask for SCHED_FIFO.
    pub realtime: bool,
    /// Threads that meter; 0 = one for each processor that the process may use, at most 8.
    pub threads: usize,
    /// Memory of all look-back buffers, and of one.
    pub lookback_bytes: usize,
    pub lookback_bytes_each: usize,
    /// Memory of all kept packets.
    pub kept_bytes: usize,
    /// Memory of all rings.
    pub ring_bytes: usize,
    /// Reports that wait to be taken.
    pub report_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            host: String::new(),
            lookback_ns: 10_000_000_000,
            pool_size: 256,
            realtime: true,
            threads: 0,
            lookback_bytes: 256 * MIB,
            lookback_bytes_each: 16 * MIB,
            kept_bytes: 512 * MIB,
            ring_bytes: 512 * MIB,
            report_bytes: 64 * MIB,
        }
    }
}

/// Prepared sockets in a namespace that is not the agent's own: few interfaces appear there.
pub const NAMESPACE_POOL: usize = 4;

/// Watchers, each on a processor of its own where there are two: kernel code that cannot be preempted (PREEMPT_NONE)
/// keeps a processor for milliseconds now and then, and the other watcher is then there first.
pub const WATCHERS: usize = 2;

/// Taps that may come between the look at their number and the look at them.
const SPARE: usize = 64;
const RETIRED_LIMIT: usize = 1000;
const RETIRED_TIME: Duration = Duration::from_secs(600);

pub struct Shared {
    pub config: Config,
    pub home: Home,
    /// Written by `Core::arm`.
    pub armed: AtomicBool,
    /// Written by `Core::close`, once.
    pub closing: AtomicBool,
    /// Written by `Core::close` once only reapers are left.
    pub reaping_is_over: AtomicBool,
    /// Written by the namespace thread and by control.
    pub namespaces: PiMutex<HashMap<u64, Arc<Namespace>>>,
    pub taps: PiMutex<Taps>,
    /// Written by `Core::listen` and by control.
    pub collectors: PiMutex<Vec<Arc<Collector>>>,
    /// Threads that write for sinks.
    pub sink_threads: Arc<AtomicU64>,
    /// Left by the watchers, entered into `taps` by the look-back reader or by whoever looks there first.
    pub births: Births,
    pub lookback_epoll: Epoll,
    pub metering: Vec<Metering>,
    /// What helps metering threads when much comes at once.
    pub workers: Arc<Workers>,
    pub events: Events,
    /// Arrow batches of flow reports, with their bytes as weight.
    pub reports: BoundedQueue<Vec<u8>>,
    pub lookback_memory: Arc<LookbackMemory>,
    pub kept_memory: Arc<Budget>,
    /// Tells the refill thread that a socket was taken.
    pub pool_wake: EventFd,
    /// One for each watcher.
    pub watchers: Vec<Inbox<WatcherOrder>>,
    /// Links that a watcher has taken care of. Written by the watchers.
    pub claims: PiMutex<HashSet<Key>>,
    pub namespace_orders: Inbox<NamespaceOrder>,
    /// Stopped captures whose packets can still be read, oldest first, with the time they stopped.
    pub retired: PiMutex<VecDeque<(Subscription, Instant)>>,
    pub ring_memory: Arc<Budget>,
    pub rings: Sender<OpenRing>,
    pub jobs: Sender<Job>,
    pub garbage: Sender<Garbage>,
    pub counters: Counters,
}

/// The taps that are open, found by interface and by id. Written by whoever enters births, and by control.
#[derive(Default)]
pub struct Taps {
    pub by_key: HashMap<Key, Arc<Tap>>,
    pub by_id: HashMap<u64, Arc<Tap>>,
}

impl Taps {
    /// Add a tap; an older one of the same interface stays reachable by id until it is reaped.
    pub fn insert(&mut self, tap: &Arc<Tap>) {
        self.by_key.insert(tap.key, Arc::clone(tap));
        self.by_id.insert(tap.id, Arc::clone(tap));
    }

    pub fn remove(&mut self, tap: &Tap) {
        self.by_id.remove(&tap.id);
        if self
            .by_key
            .get(&tap.key)
            .is_some_and(|present| present.id == tap.id)
        {
            self.by_key.remove(&tap.key);
        }
    }
}

/// What others need of a metering thread.
pub struct Metering {
    pub epoll: Epoll,
    pub wake: EventFd,
    /// Taps that it reads. Written by control.
    pub taps: AtomicUsize,
    /// Held from the first report taken out of a meter until all are queued: those of a capture that ends meanwhile
    /// come behind them.
    pub reporting: PiMutex<()>,
}

impl Metering {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new()?,
            wake: EventFd::new()?,
            taps: AtomicUsize::new(0),
            reporting: PiMutex::default(),
        })
    }
}

pub enum WatcherOrder {
    /// Watch a namespace that has been entered; `fresh` = its present links are new as well.
    Add {
        namespace: Arc<Namespace>,
        links: Box<LinkSocket>,
        present: Vec<Link>,
        fresh: bool,
    },
    /// The links that a namespace has, asked for when messages were lost; none when they cannot be listed.
    Present {
        key: u64,
        links: Option<Vec<Link>>,
    },
    Remove(u64),
}

pub enum NamespaceOrder {
    Add {
        key: u64,
        file: std::os::fd::OwnedFd,
        existing: bool,
    },
    /// List the links of a namespace for a watcher that lost messages.
    List {
        key: u64,
        watcher: usize,
    },
    Remove(u64),
}

/// Orders for a thread that sleeps in epoll or poll.
pub struct Inbox<T> {
    orders: PiMutex<Vec<T>>,
    pub wake: EventFd,
}

impl<T> Inbox<T> {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            orders: PiMutex::new(Vec::new()),
            wake: EventFd::new()?,
        })
    }

    pub fn send(&self, order: T) {
        self.orders.lock().push(order);
        self.wake.signal();
    }

    pub fn take(&self) -> Vec<T> {
        self.wake.clear();
        std::mem::take(&mut *self.orders.lock())
    }
}

/// Counters of the watcher and its helpers; each is only ever added to.
#[derive(Default)]
pub struct Counters {
    pub next_tap: AtomicU64,
    /// Watchers that know the links which were there before.
    pub watching: AtomicU64,
    pub bound: AtomicU64,
    pub bound_before_up: AtomicU64,
    pub bind_failures: AtomicU64,
    /// Sockets made on the spot because the pool was empty.
    pub pool_misses: AtomicU64,
    pub resyncs: AtomicU64,
    pub namespaces_missed: AtomicU64,
    pub reaped_frames: AtomicU64,
    pub reaped_drops: AtomicU64,
    pub promoted: AtomicU64,
    pub rings_opened: AtomicU64,
    pub rings_failed: AtomicU64,
    pub delays: PiMutex<Delays>,
    pub classes: PiMutex<HashMap<&'static str, Class>>,
}

/// The last delays from link message to bound tap, in ns.
pub struct Delays {
    last: Vec<i64>,
    next: usize,
    pub maximum: i64,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            last: Vec::with_capacity(Self::KEPT),
            next: 0,
            maximum: 0,
        }
    }
}

impl Delays {
    const KEPT: usize = 4096;

    pub fn add(&mut self, delay_ns: i64) {
        self.maximum = self.maximum.max(delay_ns);
        if self.last.len() < Self::KEPT {
            self.last.push(delay_ns);
        } else {
            self.last[self.next] = delay_ns;
        }
        self.next = (self.next + 1) % Self::KEPT;
    }

    /// The delay that a share of all delays does not exceed; 0 without any.
    pub fn quantile(&self, share: f64) -> i64 {
        let mut sorted = self.last.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or(0)
    }
}

impl Shared {
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub fn tap_id(&self) -> u64 {
        self.counters.next_tap.fetch_add(1, Ordering::Relaxed)
    }

    pub fn tap(&self, id: u64) -> Option<Arc<Tap>> {
        self.taps.lock().by_id.get(&id).cloned()
    }

    pub fn all_taps(&self) -> Vec<Arc<Tap>> {
        self.taps_that(|_| true)
    }

    /// Memory for the answer is found before the table is locked: the allocator may wait for an ordinary thread.
    fn taps_that(&self, wanted: impl Fn(&Tap) -> bool) -> Vec<Arc<Tap>> {
        let mut found = Vec::new();
        loop {
            let taps = self.taps.lock();
            let count = taps.by_id.len();
            if count <= found.capacity() {
                found.extend(taps.by_id.values().filter(|tap| wanted(tap)).cloned());
                return found;
            }
            drop(taps);
            found.reserve(count + SPARE);
        }
    }

    pub fn all_collectors(&self) -> Vec<Arc<Collector>> {
        self.collectors.lock().clone()
    }

    pub fn namespace(&self, key: u64) -> Option<Arc<Namespace>> {
        self.namespaces.lock().get(&key).cloned()
    }

    pub fn all_namespaces(&self) -> Vec<Arc<Namespace>> {
        self.namespaces.lock().values().cloned().collect()
    }

    /// A copy, made where nobody waits for it.
    pub fn delays(&self) -> Delays {
        let mut copy = Delays::default();
        let delays = self.counters.delays.lock();
        copy.last.extend_from_slice(&delays.last);
        copy.maximum = delays.maximum;
        copy
    }

    /// The taps that a metering thread reads.
    pub fn taps_of(&self, reader: usize) -> Vec<Arc<Tap>> {
        self.taps_that(|tap| tap.reader() == Some(reader))
    }

    /// Have the metering thread of a tap look at it, if it has one.
    pub fn wake_reader(&self, tap: &Tap) {
        if let Some(metering) = tap.reader().and_then(|reader| self.metering.get(reader)) {
            metering.wake.signal();
        }
    }

    /// Queue reports for `take_flows`; what does not fit is counted.
    pub fn report(&self, batch: FlowBatch) {
        if !batch.is_empty() {
            let bytes = batch.into_arrow_ipc();
            let weight = bytes.len();
            self.reports.push(bytes, weight);
        }
    }

    /// Give up packets of stopped captures that are old, many, or whose memory others need.
    pub fn trim_retired(&self) {
        let mut retired = self.retired.lock();
        while let Some((_, since)) = retired.front() {
            let full = self.kept_memory.used() > self.config.kept_bytes / 4 * 3;
            if !full && retired.len() <= RETIRED_LIMIT && since.elapsed() < RETIRED_TIME {
                return;
            }
            retired.pop_front();
        }
    }

    pub fn got_class(&self, thread: &'static str, class: Class) {
        self.counters.classes.lock().insert(thread, class);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_from_the_last_delays() {
        let mut delays = Delays::default();
        (0..10_000).for_each(|n| delays.add(n));
        assert_eq!((delays.maximum, delays.quantile(1.0)), (9_999, 9_999));
        assert!(delays.quantile(0.0) >= 10_000 - Delays::KEPT as i64);
    }
}
