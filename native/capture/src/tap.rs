// SPDX-License-Identifier: Apache-2.0
//! One tap per interface, shared by all captures on it.
//!
//! While the look-back window of a new interface lasts, its frames are kept beside being handed out, so that every
//! capture that starts within the window begins with the interface's first frame.

mod hold;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

use netsonde_meter::FlowBatch;
use netsonde_packet::LinkType;

use crate::budget::Budget;
use crate::event::{EventKind, Events};
use crate::frame::{FrameStore, RawFrame, Tag};
use crate::pi_mutex::PiMutex;
use crate::reaper::Garbage;
use crate::scratch::Scratch;
use crate::socket::{self, PacketSocket};
use crate::source::{Feed, Source};
use crate::subscription::Subscription;
use crate::sys::mono_ns;

pub use hold::Hold;

/// Frames kept whole in a look-back buffer; later ones are cut, so that a flood does not fill it at once.
const LOOKBACK_WHOLE: u64 = 1000;
const LOOKBACK_SNAP: usize = 1024;
/// So many full turns in a row are no calm stream whose ring hands over a block: the reader does not keep up.
const BEHIND: u32 = 3;
/// Frames given to a capture at once.
const LOOKBACK_BATCH: usize = 1024;

/// (netns inode, ifindex).
pub type Key = (u64, u32);

/// What was known when the tap was bound.
#[derive(Clone, Copy, Debug)]
pub struct Birth {
    pub link_type: LinkType,
    /// The link was not up yet when the tap was bound, so nothing can have been missed.
    pub before_up: bool,
    /// From the netlink message read to the tap bound; 0 for a tap without look-back.
    pub delay_ns: i64,
    /// Monotonic time of the bind.
    pub bound_ns: i64,
    /// Monotonic time until which frames are kept; 0 = no look-back.
    pub window_end_ns: i64,
}

pub struct Tap {
    pub id: u64,
    pub key: Key,
    pub birth: Birth,
    /// Set by the watcher when the kernel says that the link is gone.
    pub gone: AtomicBool,
    /// The metering thread has looked once since.
    gone_seen: AtomicBool,
    /// Captures on this tap, to be read without the lock.
    pub captures: AtomicUsize,
    /// Starts that were asked for while the window was open and have not had their turn.
    holds: AtomicUsize,
    /// The metering thread that reads it; unset = the look-back reader does. Set by control, once.
    reader: OnceLock<usize>,
    pub inner: PiMutex<Inner>,
    pub frames: AtomicU64,
    pub dropped: AtomicU64,
}

pub struct Inner {
    pub feed: Feed,
    lookback: Option<Lookback>,
    pub subscriptions: Vec<Subscription>,
    /// A filter is attached in the kernel.
    filtered: bool,
    /// Turns in a row that took all they may, so that more was left.
    full_turns: u32,
    /// Frames, drops and monotonic time at the last look at the rate.
    pub rate_mark: (u64, u64, i64),
    /// Monotonic time before which no ring is asked for, after one could not be opened.
    pub no_ring_before_ns: i64,
}

impl Tap {
    pub fn new(
        id: u64,
        key: Key,
        birth: Birth,
        socket: PacketSocket,
        memory: Arc<LookbackMemory>,
    ) -> Self {
        let lookback = (birth.window_end_ns > 0).then(|| Lookback::new(memory));
        let inner = Inner {
            feed: Feed::new(socket),
            lookback,
            subscriptions: Vec::new(),
            filtered: false,
            full_turns: 0,
            rate_mark: (0, 0, mono_ns()),
            no_ring_before_ns: 0,
        };
        Self {
            id,
            key,
            birth,
            gone: AtomicBool::new(false),
            gone_seen: AtomicBool::new(false),
            captures: AtomicUsize::new(0),
            holds: AtomicUsize::new(0),
            reader: OnceLock::new(),
            inner: PiMutex::new(inner),
            frames: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Note that the metering thread knows of the link's end; returns whether it knew before.
    pub fn mark_gone_seen(&self) -> bool {
        self.gone_seen.swap(true, Ordering::AcqRel)
    }

    /// Which metering thread reads it, if one does.
    pub fn reader(&self) -> Option<usize> {
        self.reader.get().copied()
    }

    /// Leave it to a metering thread for good.
    pub fn give_to(&self, reader: usize) {
        // Who has it keeps it: two threads would mix up the order of its frames.
        let _ = self.reader.set(reader);
    }

    pub fn has_capture(&self, capture_id: &str) -> bool {
        let inner = self.inner.lock();
        inner
            .subscriptions
            .iter()
            .any(|s| s.identity.point.capture_id == capture_id)
    }

    pub fn window_is_open(&self, now_mono_ns: i64) -> bool {
        now_mono_ns < self.birth.window_end_ns || self.holds.load(Ordering::SeqCst) > 0
    }

    /// Read what has arrived, at most `max` frames, into look-back buffer and captures.
    pub fn drain(
        &self,
        scratch: &mut Scratch,
        max: usize,
        events: &Events,
        replaced: &mut Option<Source>,
    ) -> usize {
        let mut inner = self.inner.lock();
        let mut happened = Vec::new();
        let Inner {
            feed,
            lookback,
            subscriptions,
            full_turns,
            ..
        } = &mut *inner;
        let is_behind = *full_turns >= BEHIND;
        let count = feed.drain(scratch, max, replaced, |frames| {
            if let Some(lookback) = lookback {
                frames.iter().for_each(|frame| lookback.push(frame));
            }
            for subscription in subscriptions.iter_mut() {
                subscription.is_behind = is_behind;
                subscription.offer(frames, false, &mut happened);
            }
        });
        *full_turns = if count < max { 0 } else { *full_turns + 1 };
        events.extend(happened);
        self.frames.fetch_add(count as u64, Ordering::Relaxed);
        if lookback.as_ref().is_some_and(Lookback::overflowed) && subscriptions.is_empty() {
            inner.pause();
        }
        if replaced.is_some() {
            inner.filtered = false;
        }
        count
    }

    /// Add a capture; it gets the frames of the look-back window first. Returns whether it is the first one.
    pub fn subscribe(&self, mut subscription: Subscription, events: &Events) -> bool {
        let mut inner = self.inner.lock();
        self.count_drops(&mut inner);
        let mut happened = Vec::new();
        if let Some(lookback) = &inner.lookback {
            let mut frames = lookback.store.iter().map(|(frame, _)| frame).peekable();
            while frames.peek().is_some() {
                let batch: Vec<_> = frames.by_ref().take(LOOKBACK_BATCH).collect();
                subscription.offer(&batch, true, &mut happened);
            }
            subscription.counters.dropped += self.dropped.load(Ordering::Relaxed) + lookback.lost;
        }
        // Who hears of the start may ask for the counters at once, so it is counted first; the lock makes them wait.
        let is_first = self.captures.fetch_add(1, Ordering::Relaxed) == 0;
        let started = subscription.event(EventKind::Started, "");
        inner.subscriptions.push(subscription);
        // Before the start is told: whoever hears of it may send at once what the filter of another keeps away.
        inner.adjust_filter(self.window_is_open(mono_ns()));
        events.push(started);
        events.extend(happened);
        is_first
    }

    /// Remove a capture; None when it is not here.
    pub fn unsubscribe(&self, capture_id: &str) -> Option<Subscription> {
        let mut inner = self.inner.lock();
        let found = |s: &Subscription| s.identity.point.capture_id == capture_id;
        let index = inner.subscriptions.iter().position(found)?;
        let subscription = inner.subscriptions.swap_remove(index);
        self.captures.fetch_sub(1, Ordering::Relaxed);
        inner.adjust_filter(self.window_is_open(mono_ns()));
        Some(subscription)
    }

    /// Collect the kernel's count of lost frames, for the tap and for each capture.
    pub fn count_drops(&self, inner: &mut Inner) {
        let drops = inner.feed.take_drops();
        if drops > 0 {
            self.dropped.fetch_add(drops, Ordering::Relaxed);
            inner
                .subscriptions
                .iter_mut()
                .for_each(|s| s.counters.dropped += drops);
        }
    }

    /// Give up the sockets; captures and kept frames stay.
    pub fn discard(&self, garbage: &Sender<Garbage>) {
        let mut inner = self.inner.lock();
        self.count_drops(&mut inner);
        let (source, ring) = inner.feed.take_sources();
        drop(inner);
        let all = source.map(Garbage::Source).into_iter();
        all.chain(ring.map(Garbage::Ring))
            .for_each(|sockets| drop(garbage.send(sockets)));
    }

    /// Let time pass: meters, limits, drops, the end of the look-back window. Appends due reports.
    pub fn tick(&self, now_ns: i64, events: &Events, reports: &mut FlowBatch) {
        let mut inner = self.inner.lock();
        self.count_drops(&mut inner);
        let mut happened = Vec::new();
        inner
            .subscriptions
            .iter_mut()
            .for_each(|s| s.tick(now_ns, &mut happened, reports));
        events.extend(happened);
        let open = self.window_is_open(mono_ns());
        if !open {
            inner.lookback = None;
        }
        inner.adjust_filter(open);
    }
}

impl Inner {
    /// Close the kernel's door: the look-back buffer is full and nobody listens.
    fn pause(&mut self) {
        if self.filtered || self.feed.is_changing() {
            return;
        }
        self.filtered = self
            .feed
            .source()
            .is_some_and(|source| socket::seal(source).is_ok());
    }

    /// Put the filter of a tap's only capture into the kernel, or take it out. While the window is open every frame
    /// may be wanted. While a ring is awaited a filter is taken out at once, or whoever comes meanwhile would miss what
    /// it keeps away; once the old source is sealed the filter slot is in use.
    fn adjust_filter(&mut self, window_is_open: bool) {
        let Some(source) = self.feed.source() else {
            return;
        };
        let only = match (self.subscriptions.as_slice(), window_is_open) {
            ([only], false) => only.filter(),
            _ => None,
        };
        match only {
            Some(filter) if !self.filtered && !self.feed.is_changing() => {
                self.filtered = socket::attach(source, &filter.kernel_program()).is_ok();
            }
            None if self.filtered && !self.feed.is_sealed() => {
                self.filtered = socket::detach(source).is_err();
            }
            _ => {}
        }
    }

    pub fn lookback_lost(&self) -> u64 {
        self.lookback.as_ref().map_or(0, |lookback| lookback.lost)
    }
}

/// Memory of all look-back buffers, and of each.
pub struct LookbackMemory {
    pub all: Budget,
    pub each: usize,
}

struct Lookback {
    store: FrameStore,
    memory: Arc<LookbackMemory>,
    /// Frames for which there was no room. The first ones matter, so the last ones are given up.
    lost: u64,
}

impl Lookback {
    fn new(memory: Arc<LookbackMemory>) -> Self {
        Self {
            store: FrameStore::default(),
            memory,
            lost: 0,
        }
    }

    fn push(&mut self, frame: &RawFrame<'_>) {
        let snap = if self.store.frames() < LOOKBACK_WHOLE {
            usize::MAX
        } else {
            LOOKBACK_SNAP
        };
        let growth = self.store.growth(frame.data.len().min(snap));
        // Once a frame is lost all later ones are: a capture gets the start without holes.
        let room = self.lost == 0 && self.store.bytes() + growth <= self.memory.each;
        if room && self.memory.all.take(growth) {
            self.store.push(frame, snap, Tag::default());
        } else {
            self.lost += 1;
        }
    }

    fn overflowed(&self) -> bool {
        self.lost > 0
    }
}

impl Drop for Lookback {
    fn drop(&mut self) {
        self.memory.all.give(self.store.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(window_end_ns: i64) -> Arc<Tap> {
        let file = std::fs::File::open("/dev/null").expect("a descriptor of any kind");
        let any = std::os::fd::OwnedFd::from(file);
        let birth = Birth {
            link_type: LinkType::Ethernet,
            before_up: true,
            delay_ns: 1,
            bound_ns: 1,
            window_end_ns,
        };
        let memory = Arc::new(LookbackMemory {
            all: Budget::new(1 << 20),
            each: 1 << 20,
        });
        Arc::new(Tap::new(1, (1, 1), birth, PacketSocket::from(any), memory))
    }

    #[test]
    fn a_start_asked_in_time_holds_the_window_open() {
        let end = mono_ns() + 60_000_000_000;
        let tap = tap(end);
        let hold = Hold::on(&tap);
        assert!(hold.is_some());
        assert!(tap.window_is_open(end + 1));
        drop(hold);
        assert!(!tap.window_is_open(end + 1));
    }

    #[test]
    fn a_start_asked_too_late_holds_nothing() {
        let tap = tap(mono_ns() - 1);
        assert!(Hold::on(&tap).is_none());
        assert!(!tap.window_is_open(mono_ns()));
    }
}
