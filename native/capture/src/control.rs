// SPDX-License-Identifier: Apache-2.0
//! The control thread: starts and stops captures in the order asked, reaps taps whose time is over.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netsonde_meter::FlowBatch;

use crate::collector::{self, Collector};
use crate::ebpf::{Hook, KernelMeter};
use crate::event::{Event, EventKind, Point};
use crate::metering::{adopt, release};
use crate::netns::Namespace;
use crate::reaper::Garbage;
use crate::sched;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::sink::Sink;
use crate::socket::{hardware, link_type};
use crate::subscription::{CaptureOptions, Identity, Subscription};
use crate::sys::mono_ns;
use crate::tap::{Birth, Hold, Key, Tap};

/// How a capture gets to know of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are read.
    Packets,
    /// The kernel counts them.
    Counts(Hook),
}

pub struct StartRequest {
    pub point: Point,
    pub ifname: String,
    pub node_tid: String,
    pub options: CaptureOptions,
    pub sinks: Vec<Arc<Sink>>,
    pub way: Way,
    pub asked: Instant,
    pub _hold: Option<Hold>,
}

pub enum Job {
    Start(Box<StartRequest>),
    Stop(Point),
    /// Give up kept packets of stopped captures.
    Forget(String),
    NamespaceGone(u64),
}

/// Frames read at a time of a tap that is about to be captured.
const TURN: usize = 4096;
const HOUSEKEEPING: Duration = Duration::from_millis(50);
/// A namespace that has just been announced is entered by another thread.
const NAMESPACE_PATIENCE: Duration = Duration::from_secs(2);

pub struct Control {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    /// Starts that wait for their namespace.
    waiting: Vec<StartRequest>,
    scratch: Scratch,
    /// Those that read what the kernel counts.
    threads: Vec<JoinHandle<()>>,
}

enum NoTap {
    /// The namespace may yet be entered.
    Later,
    Failed(String),
}

impl Control {
    pub fn new(shared: Arc<Shared>, jobs: Receiver<Job>) -> Self {
        Self {
            shared,
            jobs,
            waiting: Vec::new(),
            scratch: Scratch::default(),
            threads: Vec::new(),
        }
    }

    pub fn run(mut self) {
        sched::ordinary();
        let mut next = Instant::now();
        while !self.shared.is_closing() {
            match self
                .jobs
                .recv_timeout(next.saturating_duration_since(Instant::now()))
            {
                Ok(job) => self.obey(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= next {
                self.keep_house();
                next = Instant::now() + HOUSEKEEPING;
            }
        }
        for thread in self.threads {
            drop(thread.join());
        }
    }

    fn obey(&mut self, job: Job) {
        match job {
            Job::Start(request) => self.start(*request),
            Job::Stop(point) => self.stop(&point),
            Job::Forget(capture_id) => {
                self.shared
                    .retired
                    .lock()
                    .retain(|r| r.0.identity.point.capture_id != capture_id);
            }
            Job::NamespaceGone(key) => self.leave(key),
        }
    }

    fn start(&mut self, request: StartRequest) {
        let key = (request.point.netns, request.point.ifindex);
        let found = match request.way {
            Way::Packets => self.tap_for(key).map(|tap| self.subscribe(&tap, &request)),
            Way::Counts(hook) => self
                .shared
                .namespace(key.0)
                .ok_or(NoTap::Later)
                .map(|namespace| self.count_in_kernel(&namespace, hook, &request)),
        };
        let started = match found {
            Ok(started) => started,
            Err(NoTap::Later) if request.asked.elapsed() < NAMESPACE_PATIENCE => {
                self.waiting.push(request);
                return;
            }
            Err(NoTap::Later) => Err(format!("network namespace {} cannot be entered", key.0)),
            Err(NoTap::Failed(reason)) => Err(reason),
        };
        if let Err(reason) = started {
            let StartRequest {
                point,
                node_tid,
                ifname,
                ..
            } = request;
            self.shared
                .events
                .push(Event::failed(point, &node_tid, &ifname, reason));
        }
    }

    /// The open tap of an interface, a look-back tap for preference; else a new one.
    fn tap_for(&self, key: Key) -> Result<Arc<Tap>, NoTap> {
        self.shared.enter_news();
        let present = self.shared.taps.lock().by_key.get(&key).cloned();
        let usable =
            |tap: &Arc<Tap>| !tap.gone.load(Ordering::Acquire) || tap.window_is_open(mono_ns());
        if let Some(tap) = present.filter(usable) {
            return Ok(tap);
        }
        let namespace = self.shared.namespace(key.0).ok_or(NoTap::Later)?;
        self.open_tap(&namespace, key).map_err(|error| {
            NoTap::Failed(match error.raw_os_error() {
                Some(libc::ENODEV | libc::ENXIO) => "the interface is gone".to_owned(),
                Some(libc::EPERM) => "packet sockets need the capability NET_RAW".to_owned(),
                _ => format!("no packet socket could be opened: {error}"),
            })
        })
    }

    fn open_tap(&self, namespace: &Arc<Namespace>, key: Key) -> std::io::Result<Arc<Tap>> {
        let socket = namespace.socket(&self.shared.home)?;
        if let Err(error) = socket.bind(key.1) {
            // Nothing has happened to the socket. Many interfaces may go at once, and each close waits for a grace period.
            if let Err(socket) = namespace.pool.put(socket) {
                drop(self.shared.garbage.send(Garbage::Socket(socket)));
            }
            return Err(error);
        }
        let link_type = link_type(hardware(&socket)?);
        let birth = Birth {
            link_type,
            before_up: false,
            delay_ns: 0,
            bound_ns: mono_ns(),
            window_end_ns: 0,
        };
        let memory = Arc::clone(&self.shared.lookback_memory);
        let tap = Arc::new(Tap::new(self.shared.tap_id(), key, birth, socket, memory));
        self.shared.taps.lock().insert(&tap);
        Ok(tap)
    }

    fn subscribe(&mut self, tap: &Arc<Tap>, request: &StartRequest) -> Result<(), String> {
        let identity = Identity {
            point: request.point.clone(),
            ifname: request.ifname.clone(),
            node_tid: request.node_tid.clone(),
            host: self.shared.config.host.clone(),
            link_type: tap.birth.link_type,
            armed_before_up: tap.birth.before_up,
        };
        if tap.has_capture(&request.point.capture_id) {
            return Ok(());
        }
        if tap.reader().is_none() {
            // What still waits in the socket was sent before the match.
            let shared = &self.shared;
            while tap.drain(&mut self.scratch, TURN, &shared.events, &mut None) == TURN {}
        }
        let memory = Arc::clone(&self.shared.kept_memory);
        let subscription = Subscription::new(
            identity,
            request.options.clone(),
            memory,
            request.sinks.clone(),
            Arc::clone(&self.shared.workers),
        )?;
        if tap.window_is_open(mono_ns()) {
            // The look-back gives the same packets once more.
            self.shared
                .retired
                .lock()
                .retain(|r| r.0.identity.point != request.point);
        }
        tap.subscribe(subscription, &self.shared.events);
        if tap.reader().is_none() {
            adopt(&self.shared, tap);
        }
        if tap.birth.window_end_ns > 0 {
            self.shared
                .counters
                .promoted
                .fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Let the kernel count on an interface, and a thread read what it did.
    fn count_in_kernel(
        &mut self,
        namespace: &Namespace,
        hook: Hook,
        request: &StartRequest,
    ) -> Result<(), String> {
        let shared = &self.shared;
        let is_present = |one: &Arc<Collector>| one.point == request.point;
        if shared.collectors.lock().iter().any(is_present) {
            return Ok(());
        }
        let flows = request.options.max_flows;
        let (kernel, link_type) =
            KernelMeter::open(shared, namespace, request.point.ifindex, hook, flows)?;
        let identity = Identity {
            point: request.point.clone(),
            ifname: request.ifname.clone(),
            node_tid: request.node_tid.clone(),
            host: shared.config.host.clone(),
            link_type,
            armed_before_up: false,
        };
        let memory = Arc::clone(&shared.kept_memory);
        let (options, sinks) = (request.options.clone(), request.sinks.clone());
        let collector = collector::counting(identity, options, memory, sinks, kernel)?;
        let (own, running) = (Arc::clone(&collector), Arc::clone(shared));
        let thread = std::thread::Builder::new()
            .name("netsonde-counts".to_owned())
            .spawn(move || collector::run(&own, &running))
            .map_err(|error| error.to_string())?;
        shared.collectors.lock().push(collector);
        self.threads.retain(|one| !one.is_finished());
        self.threads.push(thread);
        Ok(())
    }

    fn stop(&mut self, point: &Point) {
        self.waiting.retain(|request| request.point != *point);
        let mut taps = self.shared.all_taps();
        taps.retain(|tap| tap.key == (point.netns, point.ifindex));
        // Of two interfaces that had the same index one after the other, the capture is over on the older one first.
        taps.sort_by_key(|tap| tap.id);
        let tapped = taps
            .iter()
            .find_map(|tap| Some((tap.unsubscribe(&point.capture_id)?, tap.reader())));
        if let Some((subscription, reader)) = tapped {
            let reader = reader.and_then(|reader| self.shared.metering.get(reader));
            let _in_order = reader.map(|metering| metering.reporting.lock());
            self.end(subscription);
            return;
        }
        let mut collectors = self.shared.collectors.lock();
        let Some(at) = collectors.iter().position(|one| one.point == *point) else {
            return;
        };
        let collector = collectors.swap_remove(at);
        drop(collectors);
        if let Some(subscription) = collector.stop() {
            self.end(subscription);
        }
    }

    /// Close the flows of a capture that is over; its packets stay readable for a while.
    fn end(&self, mut subscription: Subscription) {
        let mut reports = FlowBatch::new();
        subscription.close(&mut reports);
        self.shared.report(reports);
        let stopped = subscription.event(EventKind::Stopped, "");
        let retired = (subscription, Instant::now());
        self.shared.retired.lock().push_back(retired);
        self.shared.events.push(stopped);
    }

    /// A namespace is given up: read what is there, then close its sockets so that the kernel can free it.
    fn leave(&mut self, key: u64) {
        self.shared.enter_news();
        for tap in self.shared.all_taps().iter().filter(|tap| tap.key.0 == key) {
            while tap.drain(
                &mut self.scratch,
                usize::MAX,
                &self.shared.events,
                &mut None,
            ) > 0
            {}
            tap.gone.store(true, Ordering::Release);
            tap.discard(&self.shared.garbage);
            self.shared.wake_reader(tap);
        }
        for collector in self.shared.all_collectors() {
            if collector.point.netns == key {
                collector.leave();
            }
        }
    }

    fn keep_house(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            self.start(request);
        }
        self.reap();
        self.shared.trim_retired();
    }

    fn reap(&self) {
        let now = mono_ns();
        for tap in self.shared.all_taps() {
            {
                let mut taps = self.shared.taps.lock();
                if tap.captures.load(Ordering::Relaxed) > 0 || tap.window_is_open(now) {
                    continue;
                }
                taps.remove(&tap);
            }
            tap.discard(&self.shared.garbage);
            release(&self.shared, &tap);
            let counters = &self.shared.counters;
            counters
                .reaped_frames
                .fetch_add(tap.frames.load(Ordering::Relaxed), Ordering::Relaxed);
            counters
                .reaped_drops
                .fetch_add(tap.dropped.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
