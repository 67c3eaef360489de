// SPDX-License-Identifier: Apache-2.0
//! Counters of captures and of the watcher, as plain values.

use std::sync::atomic::{AtomicU64, Ordering};

use netsonde_meter::MeterStats;

use crate::event::Point;
use crate::shared::Shared;
use crate::sink::SinkStats;
use crate::subscription::{Counters, Subscription};
use crate::tap::Tap;

/// One capture on one interface.
#[derive(Clone, Debug)]
pub struct TapStats {
    pub point: Point,
    pub ifname: String,
    pub node_tid: String,
    pub counters: Counters,
    /// Packets that could not be kept for want of memory.
    pub not_kept: u64,
    pub meter: MeterStats,
    pub armed_before_up: bool,
    /// From link message to bound tap, ns; 0 for a tap without look-back.
    pub bind_delay_ns: i64,
    /// Monotonic time at which the tap was bound.
    pub bound_ns: i64,
    /// Bytes of the ring; 0 = a plain socket.
    pub ring_bytes: usize,
    pub finished: bool,
    pub link_gone: bool,
    pub sinks: Vec<SinkStats>,
}

pub fn taps(shared: &Shared) -> Vec<TapStats> {
    let mut stats = Vec::new();
    for tap in shared.all_taps() {
        if tap.captures.load(Ordering::Relaxed) > 0 {
            describe(&tap, &mut stats);
        }
    }
    stats.extend(shared.all_collectors().iter().map(|collector| {
        let inner = collector.inner.lock();
        TapStats {
            bound_ns: collector.bound_ns,
            ..TapStats::of(&inner.subscription)
        }
    }));
    stats
}

impl TapStats {
    fn of(subscription: &Subscription) -> Self {
        Self {
            point: subscription.identity.point.clone(),
            ifname: subscription.identity.ifname.clone(),
            node_tid: subscription.identity.node_tid.clone(),
            counters: subscription.counters,
            not_kept: subscription.refused(),
            meter: subscription.meter_stats(),
            armed_before_up: false,
            bind_delay_ns: 0,
            bound_ns: 0,
            ring_bytes: 0,
            finished: subscription.is_finished(),
            link_gone: subscription.link_gone,
            sinks: subscription.sinks(),
        }
    }
}

fn describe(tap: &Tap, stats: &mut Vec<TapStats>) {
    let mut inner = tap.inner.lock();
    tap.count_drops(&mut inner);
    let ring_bytes = inner.feed.source().map_or(0, |source| source.ring_bytes());
    stats.extend(inner.subscriptions.iter().map(|subscription| TapStats {
        armed_before_up: tap.birth.before_up,
        bind_delay_ns: tap.birth.delay_ns,
        bound_ns: tap.birth.bound_ns,
        ring_bytes,
        ..TapStats::of(subscription)
    }));
}

/// The watcher and its helpers, by name; see `CaptureCore.watcher_status`.
pub struct Status {
    pub armed: bool,
    pub classes: Vec<(&'static str, String)>,
    pub numbers: Vec<(&'static str, i64)>,
    /// (netns inode, prepared sockets).
    pub pools: Vec<(u64, usize)>,
}

impl Status {
    pub fn of(shared: &Shared, descriptor_limit: u64) -> Self {
        let classes = shared.counters.classes.lock();
        let namespaces = shared.all_namespaces();
        let mut numbers = numbers(shared);
        numbers.push(("descriptor_limit", descriptor_limit as i64));
        numbers.push(("namespaces", namespaces.len() as i64));
        numbers.extend(open_taps(shared));
        Self {
            armed: shared.armed.load(Ordering::Relaxed),
            classes: classes
                .iter()
                .map(|(name, class)| (*name, class.to_string()))
                .collect(),
            numbers,
            pools: namespaces
                .iter()
                .map(|namespace| (namespace.key, namespace.pool.level()))
                .collect(),
        }
    }
}

fn numbers(shared: &Shared) -> Vec<(&'static str, i64)> {
    let counters = &shared.counters;
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as i64;
    let delays = shared.delays();
    vec![
        ("bound", read(&counters.bound)),
        ("bound_before_up", read(&counters.bound_before_up)),
        ("bind_failures", read(&counters.bind_failures)),
        ("bind_delay_p50_ns", delays.quantile(0.5)),
        ("bind_delay_p99_ns", delays.quantile(0.99)),
        ("bind_delay_max_ns", delays.maximum),
        ("pool_misses", read(&counters.pool_misses)),
        ("promoted", read(&counters.promoted)),
        ("resyncs", read(&counters.resyncs)),
        ("namespaces_missed", read(&counters.namespaces_missed)),
        ("rings_opened", read(&counters.rings_opened)),
        ("rings_failed", read(&counters.rings_failed)),
        ("reaped_frames", read(&counters.reaped_frames)),
        ("reaped_drops", read(&counters.reaped_drops)),
        ("lookback_bytes", shared.lookback_memory.all.used() as i64),
        ("kept_bytes", shared.kept_memory.used() as i64),
        ("ring_bytes", shared.ring_memory.used() as i64),
        ("reports_dropped", shared.reports.dropped() as i64),
        ("events_dropped", shared.events.dropped() as i64),
    ]
}

fn open_taps(shared: &Shared) -> [(&'static str, i64); 5] {
    let (mut lookback, mut captured, mut frames, mut drops, mut lost) = (0, 0, 0, 0, 0);
    for tap in shared.all_taps() {
        if tap.captures.load(Ordering::Relaxed) > 0 {
            captured += 1;
            continue;
        }
        lookback += 1;
        frames += tap.frames.load(Ordering::Relaxed) as i64;
        drops += tap.dropped.load(Ordering::Relaxed) as i64;
        lost += tap.inner.lock().lookback_lost() as i64;
    }
    [
        ("lookback_taps", lookback),
        ("captured_taps", captured),
        ("lookback_frames", frames),
        ("lookback_drops", drops),
        ("lookback_overflow", lost),
    ]
}
