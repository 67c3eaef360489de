// SPDX-License-Identifier: Apache-2.0
//! The capture core: what Python holds. Starts the threads and passes orders on; `reading` collects what they have.
//!
//! Threads: *watcher*, twice (binds taps to new links), *namespaces* (enters new namespaces), *lookback* (empties
//! sockets of new links), *metering* (several, each reads captured links of its own), *pools* (prepares sockets), *control* (start, stop,
//! reaping), *opener* (rings), *reapers* (close), *collector* (one for each capture that listens). The watcher,
//! namespaces, lookback and pools run at SCHED_FIFO and touch only what new links need. Each sink, and each stream that
//! a collector reads, has a thread of its own.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netsonde_meter::{thread_count, Workers};

use crate::births::Births;
use crate::bpf::Filter;
use crate::budget::{BoundedQueue, Budget};
use crate::collector::{self, Collector, ListenRequest};
use crate::control::{Control, Job, StartRequest, Way};
use crate::entrance::Entrance;
use crate::event::{Event, Events, Point};
use crate::netns::{Home, Witness};
use crate::opener::OpenRing;
use crate::pi_mutex::PiMutex;
use crate::reaper::{self, Garbage};
use crate::shared::{Config, Counters, Inbox, Metering, NamespaceOrder, Shared, Taps, WATCHERS};
use crate::sink::{Sink, SinkSpec};
use crate::status::{self, Status, TapStats};
use crate::subscription::CaptureOptions;
use crate::sys::{duplicate, raise_descriptor_limit, reserve_descriptors, Epoll, EventFd};
use crate::tap::{Hold, LookbackMemory};
use crate::watcher::Watcher;
use crate::{lookback, metering, opener, refill};

/// Descriptors wanted: one per interface, four per namespace, and room.
const DESCRIPTORS: u64 = 262_144;
/// Descriptors for which there is room from the start: 512 KiB.
const RESERVED: RawFd = 65_536;
/// How long the list of links that are there already may take.
const FIRST_LIST: Duration = Duration::from_secs(2);
/// How long sinks may take for what they hold when all ends.
const LAST_WRITES: Duration = Duration::from_millis(500);

pub struct Core {
    pub(crate) shared: Arc<Shared>,
    threads: Threads,
    reapers: Threads,
    descriptor_limit: u64,
}

pub(crate) struct Receivers {
    jobs: Receiver<Job>,
    garbage: Receiver<Garbage>,
    rings: Receiver<OpenRing>,
}

impl Core {
    pub fn new(config: Config) -> io::Result<Self> {
        let descriptor_limit = raise_descriptor_limit(DESCRIPTORS);
        let room = descriptor_limit.min(RESERVED as u64) as RawFd;
        // Without it all works, with a pause at each doubling.
        drop(reserve_descriptors(room));
        let (shared, receivers) = build(config)?;
        let core = Self {
            shared,
            threads: Threads::default(),
            reapers: Threads::default(),
            descriptor_limit,
        };
        // A failure half-way drops the core, which ends what was started.
        core.start_threads(receivers)?;
        core.wait_for_watchers();
        Ok(core)
    }

    /// Every link that appears once this has returned is a new one.
    fn wait_for_watchers(&self) {
        let deadline = Instant::now() + FIRST_LIST;
        let watching = &self.shared.counters.watching;
        while watching.load(Ordering::Acquire) < WATCHERS as u64 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn start_threads(&self, receivers: Receivers) -> io::Result<()> {
        let shared = &self.shared;
        let mut entrance = Entrance::new(Arc::clone(shared))?;
        let home = std::fs::File::open("/proc/thread-self/ns/net")?.into();
        entrance.enter(shared.home.key, home, false, Witness::Home);
        let garbage = Arc::new(Mutex::new(receivers.garbage));
        for _ in 0..reaper::THREADS {
            let (shared, garbage) = (Arc::clone(shared), Arc::clone(&garbage));
            let reap = move || reaper::run(&garbage, &shared.reaping_is_over);
            spawn(&self.reapers, "reaper", reap)?;
        }
        for index in 0..shared.metering.len() {
            let shared = Arc::clone(shared);
            self.spawn("metering", move || metering::run(&shared, index))?;
        }
        let control = Control::new(Arc::clone(shared), receivers.jobs);
        self.spawn("control", move || control.run())?;
        let (opening, reading) = (Arc::clone(shared), Arc::clone(shared));
        self.spawn("opener", move || opener::run(&opening, &receivers.rings))?;
        let filling = Arc::clone(shared);
        self.spawn("pools", move || refill::run(&filling))?;
        self.spawn("lookback", move || lookback::run(&reading))?;
        for index in 0..shared.watchers.len() {
            let watcher = Watcher::new(Arc::clone(shared), index)?;
            self.spawn("watcher", move || watcher.run())?;
        }
        self.spawn("namespaces", move || entrance.run())
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        spawn(&self.threads, name, work)
    }

    /// Readable when `events` has something.
    pub fn event_fd(&self) -> RawFd {
        self.shared.events.wake.as_raw_fd()
    }

    pub fn events(&self) -> Vec<Event> {
        self.shared.events.take()
    }

    /// Bind look-back taps to new links from now on, or no more.
    pub fn arm(&self, armed: bool) {
        self.shared.armed.store(armed, Ordering::Release);
        self.shared.pool_wake.signal();
    }

    /// Watch a namespace. `fd` stays the caller's. `existing` = its present links need no look-back.
    pub fn add_namespace(&self, key: u64, fd: RawFd, existing: bool) -> io::Result<()> {
        let file: OwnedFd = duplicate(fd)?;
        self.shared.namespace_orders.send(NamespaceOrder::Add {
            key,
            file,
            existing,
        });
        Ok(())
    }

    pub fn remove_namespace(&self, key: u64) {
        self.shared
            .namespace_orders
            .send(NamespaceOrder::Remove(key));
    }

    /// Start a capture on an interface; `Started` or `Failed` follows as an event. The error is a filter's mistake.
    pub fn start(
        &self,
        point: Point,
        ifname: String,
        node_tid: String,
        options: CaptureOptions,
        sinks: &[SinkSpec],
        way: Way,
    ) -> Result<(), String> {
        if !options.filter.trim().is_empty() {
            Filter::compile(&options.filter, 1)?;
        }
        self.shared.enter_news();
        let hold = {
            let taps = self.shared.taps.lock();
            let present = taps.by_key.get(&(point.netns, point.ifindex));
            present.filter(|_| way == Way::Packets).and_then(Hold::on)
        };
        let sinks = self.open_sinks(sinks, &point, &ifname)?;
        let request = StartRequest {
            sinks,
            point,
            ifname,
            node_tid,
            options,
            way,
            asked: Instant::now(),
            _hold: hold,
        };
        drop(self.shared.jobs.send(Job::Start(Box::new(request))));
        Ok(())
    }

    /// Open what a capture is sent on to. The error names the sink.
    fn open_sinks(
        &self,
        specs: &[SinkSpec],
        point: &Point,
        ifname: &str,
    ) -> Result<Vec<Arc<Sink>>, String> {
        let threads = &self.shared.sink_threads;
        let open = |spec: &SinkSpec| {
            Sink::open(spec, ifname, point, threads)
                .map(Arc::new)
                .map_err(|error| format!("{}: {error}", spec.name()))
        };
        specs.iter().map(open).collect()
    }

    /// Listen for what others see and send; returns the address bound. `Started` follows as an event. The error is a
    /// filter's mistake, a sink's, or the system's.
    pub fn listen(&self, request: ListenRequest, sinks: &[SinkSpec]) -> Result<SocketAddr, String> {
        let point = request.point.clone();
        let known = |one: &Arc<Collector>| one.point == point;
        let present = self
            .shared
            .collectors
            .lock()
            .iter()
            .find(|one| known(one))
            .cloned();
        if let Some(address) = present.and_then(|present| present.address) {
            return Ok(address);
        }
        let sinks = self.open_sinks(sinks, &point, &request.ifname)?;
        let shared = &self.shared;
        let collector = collector::open(shared, request, sinks)?;
        let (own, running) = (Arc::clone(&collector), Arc::clone(shared));
        self.spawn("collector", move || collector::run(&own, &running))
            .map_err(|error| error.to_string())?;
        let address = collector.address;
        shared.collectors.lock().push(collector);
        address.ok_or_else(|| "it listens nowhere".to_owned())
    }

    /// Stop a capture on an interface; its packets stay readable for some minutes. `Stopped` follows.
    pub fn stop(&self, point: Point) {
        drop(self.shared.jobs.send(Job::Stop(point)));
    }

    /// Give up the packets of a capture that was stopped.
    pub fn forget(&self, capture_id: String) {
        drop(self.shared.jobs.send(Job::Forget(capture_id)));
    }

    pub fn stats(&self) -> Vec<TapStats> {
        status::taps(&self.shared)
    }

    pub fn status(&self) -> Status {
        Status::of(&self.shared, self.descriptor_limit)
    }

    /// End all threads and close everything. What was not taken is lost. May be called more than once.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.pool_wake.signal();
        self.shared
            .watchers
            .iter()
            .for_each(|watcher| watcher.wake.signal());
        self.shared.namespace_orders.wake.signal();
        self.shared
            .metering
            .iter()
            .for_each(|metering| metering.wake.signal());
        let collectors = std::mem::take(&mut *self.shared.collectors.lock());
        collectors
            .iter()
            .for_each(|collector| drop(collector.stop()));
        join(&self.threads);
        self.shared.enter_news();
        let taps = std::mem::take(&mut *self.shared.taps.lock());
        for tap in taps.by_id.values() {
            tap.discard(&self.shared.garbage);
        }
        for namespace in self.shared.all_namespaces() {
            reaper::empty(&namespace.pool, |socket| {
                drop(self.shared.garbage.send(socket));
            });
        }
        self.shared.namespaces.lock().clear();
        self.shared.retired.lock().clear();
        self.wait_for_sinks();
        self.shared.reaping_is_over.store(true, Ordering::Release);
        join(&self.reapers);
    }
}

impl Core {
    /// Let sinks send or write what they hold, but not for long: a disk may hang.
    fn wait_for_sinks(&self) {
        let deadline = Instant::now() + LAST_WRITES;
        while self.shared.sink_threads.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

type Threads = Mutex<Vec<JoinHandle<()>>>;

fn spawn(threads: &Threads, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(format!("netsonde-{name}"));
    let thread = builder.spawn(work)?;
    let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
    // Captures that listen come and go, and a thread that is over holds its stack until it is let go.
    threads.retain(|one| !one.is_finished());
    threads.push(thread);
    Ok(())
}

fn join(threads: &Threads) {
    let all = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
    all.into_iter().for_each(|thread| drop(thread.join()));
}

pub(crate) fn build(config: Config) -> io::Result<(Arc<Shared>, Receivers)> {
    let (jobs, jobs_end) = channel();
    let (garbage, garbage_end) = channel();
    let (rings, rings_end) = channel();
    let memory = LookbackMemory {
        all: Budget::new(config.lookback_bytes),
        each: config.lookback_bytes_each,
    };
    let lookback_epoll = Epoll::new()?;
    let shared = Shared {
        home: Home::open()?,
        armed: AtomicBool::new(false),
        closing: AtomicBool::new(false),
        reaping_is_over: AtomicBool::new(false),
        namespaces: PiMutex::new(HashMap::new()),
        taps: PiMutex::new(Taps::default()),
        collectors: PiMutex::default(),
        sink_threads: Arc::default(),
        retired: PiMutex::new(VecDeque::new()),
        births: Births::new(&lookback_epoll)?,
        lookback_epoll,
        metering: (0..thread_count(config.threads))
            .map(|_| Metering::new())
            .collect::<io::Result<_>>()?,
        workers: Arc::new(Workers::new(config.threads)),
        events: Events::new()?,
        reports: BoundedQueue::new(config.report_bytes),
        lookback_memory: Arc::new(memory),
        kept_memory: Arc::new(Budget::new(config.kept_bytes)),
        ring_memory: Arc::new(Budget::new(config.ring_bytes)),
        pool_wake: EventFd::new()?,
        watchers: (0..WATCHERS)
            .map(|_| Inbox::new())
            .collect::<io::Result<_>>()?,
        claims: PiMutex::default(),
        namespace_orders: Inbox::new()?,
        jobs,
        garbage,
        rings,
        counters: Counters::default(),
        config,
    };
    let receivers = Receivers {
        jobs: jobs_end,
        garbage: garbage_end,
        rings: rings_end,
    };
    Ok((Arc::new(shared), receivers))
}
