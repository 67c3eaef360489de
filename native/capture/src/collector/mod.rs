// SPDX-License-Identifier: Apache-2.0
//! Captures that are told instead of tapping: datagrams of exporters, streams of packets, what the kernel counted. One
//! source and one thread each; the capture's meter and kept packets are those of any other.

mod datagrams;
mod open;
mod streams;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use netsonde_meter::FlowBatch;

use crate::ebpf::KernelMeter;
use crate::event::{Event, EventKind, Point};
use crate::pi_mutex::PiMutex;
use crate::sched;
use crate::shared::Shared;
use crate::subscription::{Counters, Subscription};
use crate::sys::{mono_ns, now_ns, Epoll, EventFd, Ready};

use datagrams::Datagrams;
use streams::Streams;

pub use datagrams::Told;
pub use open::{counting, open, ListenRequest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    SFlow,
    /// NetFlow v5, v9 and IPFIX. One packet in so many was seen, of exporters that do not tell.
    Records {
        default_rate: u32,
    },
    /// pcap and pcapng over TCP.
    Streams,
}

pub struct Collector {
    pub point: Point,
    /// As bound; none where the kernel counts.
    pub address: Option<SocketAddr>,
    /// Monotonic time.
    pub bound_ns: i64,
    pub inner: PiMutex<Inner>,
    source: Source,
    stopping: AtomicBool,
    epoll: Epoll,
    wake: EventFd,
}

/// What a source has lost by now, and how much exporters told.
#[derive(Default)]
struct Losses {
    dropped: u64,
    lost: u64,
    refused: u64,
    told: u64,
}

impl Losses {
    fn show(self, counters: &mut Counters) {
        let Self {
            dropped,
            lost,
            refused,
            told,
        } = self;
        (counters.dropped, counters.lost) = (dropped, lost);
        (counters.refused, counters.told) = (refused, told);
    }
}

pub struct Inner {
    pub subscription: Subscription,
}

enum Source {
    Datagrams(Datagrams),
    Streams(Streams),
    Kernel(KernelMeter),
}

const SOCKET: u64 = 0;
const WAKE: u64 = 1;
const TICK_NS: i64 = 250_000_000;

/// Read until the capture is stopped. `Started` comes first, `Stopped` when `Collector::stop` has given back all.
pub fn run(own: &Arc<Collector>, shared: &Arc<Shared>) {
    sched::ordinary();
    own.tell_started(shared);
    let mut ready = Ready::new(4);
    let mut next_tick = mono_ns();
    while !own.is_stopping() && !shared.is_closing() {
        let wait_ms = ((next_tick - mono_ns()) / 1_000_000).clamp(0, 1000) as i32;
        let has_data = own
            .epoll
            .wait(&mut ready, wait_ms)
            .any(|token| token == SOCKET);
        if has_data && !own.is_stopping() {
            own.read(shared);
        }
        if mono_ns() >= next_tick && !own.is_stopping() {
            own.tick(shared);
            next_tick = mono_ns() + own.pause_ns();
        }
    }
}

impl Collector {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Under the lock, which a stop takes after it has said so: nothing starts that is over.
    fn tell_started(&self, shared: &Shared) {
        let inner = self.inner.lock();
        if !self.is_stopping() {
            let started = inner.subscription.event(EventKind::Started, "");
            shared.events.push(started);
        }
    }

    fn read(self: &Arc<Self>, shared: &Arc<Shared>) {
        match &self.source {
            Source::Datagrams(datagrams) => {
                let mut happened = Vec::new();
                datagrams.read(self, &mut happened);
                shared.events.extend(happened);
            }
            Source::Streams(streams) => streams.accept(self, shared),
            Source::Kernel(_) => {}
        }
    }

    fn pause_ns(&self) -> i64 {
        match &self.source {
            Source::Kernel(kernel) => kernel.pause_ns(),
            _ => TICK_NS,
        }
    }

    fn tick(&self, shared: &Shared) {
        let mut reports = FlowBatch::new();
        let mut happened: Vec<Event> = Vec::new();
        let is_gone = match &self.source {
            Source::Kernel(kernel) => kernel.read(&self.inner, &mut happened),
            _ => false,
        };
        let losses = self.losses();
        let mut inner = self.inner.lock();
        let subscription = &mut inner.subscription;
        losses
            .into_iter()
            .for_each(|losses| losses.show(&mut subscription.counters));
        subscription.tick(now_ns(), &mut happened, &mut reports);
        if is_gone && !self.is_stopping() {
            subscription.link_gone = true;
            subscription.close(&mut reports);
            happened.push(subscription.event(EventKind::LinkGone, "the interface is gone"));
        }
        drop(inner);
        // Who hears of an end may ask for the last reports at once.
        shared.report(reports);
        shared.events.extend(happened);
    }

    /// Taken before the capture's own lock, which whoever reads takes while it holds the decoder's.
    fn losses(&self) -> Option<Losses> {
        match &self.source {
            Source::Datagrams(datagrams) => Some(datagrams.losses()),
            Source::Streams(streams) => Some(Losses {
                refused: streams.refused(),
                ..Losses::default()
            }),
            // Counted with what was read.
            Source::Kernel(_) => None,
        }
    }

    /// What exporters have counted themselves; None where nothing of the kind is sent.
    pub fn told(&self) -> Option<Told> {
        match &self.source {
            Source::Datagrams(datagrams) => datagrams.told(),
            Source::Streams(_) | Source::Kernel(_) => None,
        }
    }

    /// Let go of what keeps a namespace alive.
    pub fn leave(&self) {
        if let Source::Kernel(kernel) = &self.source {
            kernel.leave();
        }
    }

    /// End reading, and give back what was captured; None if that was done before.
    pub fn stop(&self) -> Option<Subscription> {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.wake.signal();
        match &self.source {
            Source::Streams(streams) => streams.close(),
            Source::Kernel(kernel) => kernel.finish(&self.inner, &mut Vec::new()),
            Source::Datagrams(_) => {}
        }
        // A datagram that is being read is read to its end before this; none is afterwards.
        let losses = self.losses();
        let mut inner = self.inner.lock();
        let subscription = &mut inner.subscription;
        losses
            .into_iter()
            .for_each(|losses| losses.show(&mut subscription.counters));
        let successor = inner.subscription.successor();
        Some(std::mem::replace(&mut inner.subscription, successor))
    }
}
