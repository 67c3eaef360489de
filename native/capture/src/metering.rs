// SPDX-License-Identifier: Apache-2.0
//! Metering threads: read the taps that captures listen to, at ordinary priority, so that no traffic can starve the
//! machine; tick meters; ask for a ring where a plain socket is not enough.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use netsonde_meter::FlowBatch;

use crate::event::EventKind;
use crate::opener::{wanted_ring, OpenRing};
use crate::reaper::Garbage;
use crate::sched;
use crate::scratch::Scratch;
use crate::shared::{Metering, Shared};
use crate::sys::{mono_ns, now_ns, Ready};
use crate::tap::Tap;

const WAKE: u64 = u64::MAX;
const TURN: usize = 1024;
const TICK_NS: i64 = 250_000_000;
/// While a source is being replaced its ring fills up: look more often.
const CHANGING_WAIT_MS: i32 = 5;
const REST: Duration = Duration::from_millis(1);
/// Below so many frames a round it is worth to wait for more.
const BUSY: usize = 128;

struct Thread<'a> {
    shared: &'a Arc<Shared>,
    own: &'a Metering,
    index: usize,
    scratch: Scratch,
    sealed: HashMap<u64, Arc<Tap>>,
}

pub fn run(shared: &Arc<Shared>, index: usize) {
    sched::ordinary();
    let own = &shared.metering[index];
    if own.epoll.add(&own.wake, WAKE).is_err() {
        return;
    }
    let mut thread = Thread {
        shared,
        own,
        index,
        scratch: Scratch::default(),
        sealed: HashMap::new(),
    };
    let mut ready = Ready::new(256);
    let mut next_tick = mono_ns();
    while !shared.is_closing() {
        let wait = thread.wait_ms(next_tick);
        let ids: Vec<u64> = own.epoll.wait(&mut ready, wait).collect();
        let frames = thread.round(&ids);
        if mono_ns() >= next_tick {
            next_tick = mono_ns() + TICK_NS;
            thread.tick();
        }
        if frames > 0 && frames < BUSY {
            std::thread::sleep(REST);
        }
    }
    thread.tick();
}

impl Thread<'_> {
    fn wait_ms(&self, next_tick: i64) -> i32 {
        let until_tick = ((next_tick - mono_ns()) / 1_000_000).clamp(0, 1000) as i32;
        if self.sealed.is_empty() {
            until_tick
        } else {
            until_tick.min(CHANGING_WAIT_MS)
        }
    }

    fn round(&mut self, ids: &[u64]) -> usize {
        let mut frames = 0;
        for id in ids {
            if *id == WAKE {
                self.own.wake.clear();
                self.sealed = self.changing_taps();
            } else if let Some(tap) = self.shared.tap(*id) {
                frames += self.drain(&tap);
            }
        }
        for tap in self.sealed.values().cloned().collect::<Vec<_>>() {
            frames += self.drain(&tap);
        }
        frames
    }

    fn changing_taps(&self) -> HashMap<u64, Arc<Tap>> {
        let own = self.shared.taps_of(self.index).into_iter();
        own.filter(|tap| tap.inner.lock().feed.is_sealed())
            .map(|tap| (tap.id, tap))
            .collect()
    }

    fn drain(&mut self, tap: &Arc<Tap>) -> usize {
        let mut replaced = None;
        let frames = tap.drain(&mut self.scratch, TURN, &self.shared.events, &mut replaced);
        if let Some(old) = replaced {
            self.own.epoll.remove(&old);
            if let Some(source) = tap.inner.lock().feed.source() {
                drop(self.own.epoll.add(source, tap.id));
            }
            self.sealed.remove(&tap.id);
            drop(self.shared.garbage.send(Garbage::Source(old)));
        }
        frames
    }

    fn tick(&mut self) {
        let _in_order = self.own.reporting.lock();
        let mut reports = FlowBatch::new();
        for tap in self.shared.taps_of(self.index) {
            tap.tick(now_ns(), &self.shared.events, &mut reports);
            if tap.gone.load(Ordering::Acquire) {
                self.bury(&tap, &mut reports);
            } else {
                self.weigh(&tap);
            }
        }
        self.shared.report(reports);
    }

    /// Read a vanished link to its end, then close its captures' flows.
    fn bury(&mut self, tap: &Arc<Tap>, reports: &mut FlowBatch) {
        let mut inner = tap.inner.lock();
        let is_ring = inner
            .feed
            .source()
            .is_some_and(|source| source.ring_bytes() > 0);
        let sealed = inner.feed.is_sealed();
        drop(inner);
        // A ring's last block is handed over within its timeout, which is shorter than a tick: one tick later it is in.
        let first_look = !tap.mark_gone_seen();
        if self.drain(tap) > 0 || sealed || (is_ring && first_look) {
            return;
        }
        inner = tap.inner.lock();
        for subscription in inner.subscriptions.iter_mut().filter(|s| !s.link_gone) {
            subscription.link_gone = true;
            subscription.close(reports);
            self.shared
                .events
                .push(subscription.event(EventKind::LinkGone, "the interface is gone"));
        }
    }

    /// Ask for a larger ring where frames are many or were lost.
    fn weigh(&self, tap: &Arc<Tap>) {
        let frames = tap.frames.load(Ordering::Relaxed);
        let drops = tap.dropped.load(Ordering::Relaxed);
        let mut inner = tap.inner.lock();
        let (Some(source), false) = (inner.feed.source(), inner.feed.is_changing()) else {
            return;
        };
        // Until then the rate and the loss that ask for it stay noted.
        if !inner.feed.is_stamped() {
            return;
        }
        let (last_frames, last_drops, since) = inner.rate_mark;
        let elapsed = mono_ns() - since;
        let rate = (frames - last_frames) as f64 * 1e9 / elapsed.max(1) as f64;
        let wanted = wanted_ring(source.ring_bytes(), rate, drops > last_drops)
            .filter(|_| mono_ns() >= inner.no_ring_before_ns);
        inner.rate_mark = (frames, drops, mono_ns());
        if let Some(bytes) = wanted {
            inner.feed.expect_ring();
            drop(inner);
            drop(self.shared.rings.send(OpenRing {
                tap: Arc::clone(tap),
                bytes,
            }));
        }
    }
}

/// Where control leaves a tap that has its first capture.
pub fn adopt(shared: &Shared, tap: &Arc<Tap>) {
    let Some(reader) = idlest(&shared.metering) else {
        return;
    };
    let metering = &shared.metering[reader];
    let inner = tap.inner.lock();
    let source = inner.feed.source();
    if let Some(source) = source {
        shared.lookback_epoll.remove(source);
    }
    tap.give_to(reader);
    metering.taps.fetch_add(1, Ordering::Relaxed);
    if let Some(source) = source {
        drop(metering.epoll.add(source, tap.id));
    }
    drop(inner);
    metering.wake.signal();
}

/// Where control has taken a tap out of the table.
pub fn release(shared: &Shared, tap: &Tap) {
    if let Some(metering) = tap.reader().and_then(|reader| shared.metering.get(reader)) {
        metering.taps.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The thread that reads the fewest taps. Not by the numbers of taps: of the two ends of a veth, which get theirs one
/// after the other, often the same one is captured.
fn idlest(threads: &[Metering]) -> Option<usize> {
    let taps = |&index: &usize| threads[index].taps.load(Ordering::Relaxed);
    (0..threads.len()).min_by_key(taps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_goes_to_the_thread_that_reads_the_fewest() {
        let threads: Vec<_> = (0..3)
            .map(|_| Metering::new().expect("a descriptor"))
            .collect();
        let taps = |index: usize| &threads[index].taps;
        for _ in 0..5 {
            let reader = idlest(&threads).expect("there are threads");
            taps(reader).fetch_add(1, Ordering::Relaxed);
        }
        let dealt = [0, 1, 2].map(|index| taps(index).load(Ordering::Relaxed));
        assert_eq!(dealt, [2, 2, 1]);
        taps(1).store(0, Ordering::Relaxed);
        assert_eq!(idlest(&threads), Some(1));
    }
}
