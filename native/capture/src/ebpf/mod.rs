// SPDX-License-Identifier: Apache-2.0
//! Captures that the kernel counts: an eBPF program on the interface, flows read out of its map instead of packets.
//!
//! `meter.c` is the program, `hook` where it runs, `pages` what it writes, `entry` one flow of it.

mod entry;
mod hook;
mod pages;
#[rustfmt::skip]
mod program;
mod syscall;

use std::io;

use netsonde_meter::Counted;
use netsonde_packet::LinkType;

use crate::collector;
use crate::event::Event;
use crate::netns::Namespace;
use crate::pi_mutex::PiMutex;
use crate::shared::Shared;
use crate::socket::link_type;
use crate::sys::{mono_ns, now_ns, thread_ns};

use entry::Entry;
pub use hook::Hook;
use hook::{hardware, Attached, Parameters};
use pages::Pages;

/// Time between two readings: short while they cost little, so that flows are told of at first sight, and shorter until
/// the pages have the size that the traffic needs.
const SOON_NS: i64 = 10_000_000;
const OFTEN_NS: i64 = 250_000_000;
const SELDOM_NS: i64 = 1_000_000_000;
/// Reading may take one part in so many of a processor.
const SHARE: i64 = 20;

/// The program on one interface, and what it counted. Its lock is taken before that of the capture.
pub struct KernelMeter {
    inner: PiMutex<Inner>,
}

struct Inner {
    pages: Pages,
    /// None once the capture is over, or the interface is gone.
    attached: Option<Attached>,
    link_type: LinkType,
    pause_ns: i64,
    /// Packets that found no room, as of the last reading.
    lost: u64,
    /// The interface is gone, and that has not been told.
    is_gone: bool,
    /// Readings that failed; what they should have read is still there.
    failures: u64,
}

impl KernelMeter {
    /// Attach to an interface of a namespace. The error is a sentence for users.
    pub fn open(
        shared: &Shared,
        namespace: &Namespace,
        ifindex: u32,
        hook: Hook,
        flows: usize,
    ) -> Result<(Self, LinkType), String> {
        let opened = namespace.within(&shared.home, || {
            let hardware = hardware(ifindex)?;
            let link_type = link_type(hardware);
            if matches!(link_type, LinkType::Other(_)) {
                let what = format!("it has no notion of frames of hardware type {hardware}");
                return Err(io::Error::other(what));
            }
            let pages = Pages::new(flows, &shared.ring_memory)?;
            let (page, totals) = pages.maps();
            let parameters = Parameters {
                pages: page,
                totals,
                link_type,
            };
            let attached = Attached::new(hook, parameters, ifindex, &shared.garbage)?;
            Ok(Inner {
                pages,
                attached: Some(attached),
                link_type,
                pause_ns: SOON_NS,
                lost: 0,
                is_gone: false,
                failures: 0,
            })
        });
        let inner = opened.map_err(|error| refusal(&error))?;
        let link_type = inner.link_type;
        Ok((
            Self {
                inner: PiMutex::new(inner),
            },
            link_type,
        ))
    }

    /// Move what was counted to a capture; returns true once, when the interface is gone.
    pub fn read(&self, capture: &PiMutex<collector::Inner>, happened: &mut Vec<Event>) -> bool {
        let mut inner = self.inner.lock();
        let began = thread_ns();
        if inner.attached.as_ref().is_some_and(Attached::is_gone) {
            inner.is_gone = true;
            inner.detach();
        }
        let before = inner.lost;
        inner.deliver(capture, happened);
        let cost_ns = thread_ns() - began;
        inner.pause_ns = next_pause_ns(inner.pause_ns, cost_ns, inner.lost > before);
        std::mem::take(&mut inner.is_gone)
    }

    /// Detach, and move the rest to the capture.
    pub fn finish(&self, capture: &PiMutex<collector::Inner>, happened: &mut Vec<Event>) {
        let mut inner = self.inner.lock();
        inner.detach();
        inner.deliver(capture, happened);
    }

    /// Detach because the namespace is given up; the next reading tells that the interface is gone.
    pub fn leave(&self) {
        let mut inner = self.inner.lock();
        inner.is_gone |= inner.attached.is_some();
        inner.detach();
    }

    /// Time until the next reading.
    pub fn pause_ns(&self) -> i64 {
        self.inner.lock().pause_ns
    }
}

impl Inner {
    fn detach(&mut self) {
        if let Some(attached) = self.attached.take() {
            attached.detach();
        }
    }

    /// Give what was counted to a capture, in the order in which it began.
    fn deliver(&mut self, capture: &PiMutex<collector::Inner>, happened: &mut Vec<Event>) {
        let mut entries = Vec::new();
        let taken = match self.attached {
            Some(_) => self.pages.take(&mut entries),
            None => self.pages.finish(&mut entries),
        };
        self.failures += u64::from(taken.is_err());
        entries.sort_unstable_by_key(Entry::first_ns);
        let offset_ns = now_ns() - mono_ns();
        let counted: Vec<Counted<'_>> = entries
            .iter()
            .map(|entry| entry.counted(self.link_type, offset_ns))
            .collect();
        self.lost = self.pages.totals().lost_packets;
        let mut capture = capture.lock();
        let counters = &mut capture.subscription.counters;
        (counters.dropped, counters.refused) = (self.lost, self.failures);
        capture.subscription.counted(&counted, happened);
    }
}

/// The pause after a reading that took so long: soon again where packets find no room, since pages grow by readings.
fn next_pause_ns(before_ns: i64, cost_ns: i64, has_lost: bool) -> i64 {
    let least = if has_lost {
        SOON_NS
    } else {
        (before_ns * 2).clamp(SOON_NS, OFTEN_NS)
    };
    (cost_ns * SHARE).clamp(least, SELDOM_NS)
}

/// Say why the kernel does not want to, and what to do about it.
fn refusal(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO) => "the interface is gone".to_owned(),
        Some(libc::EPERM) => {
            let locked = std::fs::read_to_string("/sys/kernel/security/lockdown")
                .is_ok_and(|text| text.contains("[confidentiality]"));
            let lockdown = if locked {
                "; the kernel is locked down (confidentiality)"
            } else {
                ""
            };
            format!("eBPF needs the capabilities BPF, NET_ADMIN and NET_RAW{lockdown}: grant them, or leave Type empty")
        }
        // What a kernel does not know makes no sense to it.
        Some(libc::EINVAL) => {
            "the kernel refuses; eBPF needs Linux 5.10: leave Type empty".to_owned()
        }
        Some(libc::ENOSYS) => "this kernel has no eBPF: leave Type empty".to_owned(),
        Some(libc::ERANGE) => {
            "the interface has as many programs at tcx as it can: set capture.ebpf_hook to socket"
                .to_owned()
        }
        _ => format!("eBPF: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_soon_until_they_are_large_enough() {
        let calm: Vec<i64> =
            std::iter::successors(Some(SOON_NS), |&pause| Some(next_pause_ns(pause, 0, false)))
                .take(7)
                .collect();
        assert_eq!(
            calm.iter().map(|ns| ns / 1_000_000).collect::<Vec<_>>(),
            [10, 20, 40, 80, 160, 250, 250]
        );
        assert_eq!(next_pause_ns(OFTEN_NS, 0, true), SOON_NS);
    }

    #[test]
    fn reading_takes_its_share_of_a_processor_at_most() {
        assert_eq!(next_pause_ns(SOON_NS, 2_000_000, true), 2_000_000 * SHARE);
        assert_eq!(next_pause_ns(OFTEN_NS, 80_000_000, false), SELDOM_NS);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let told = |number| refusal(&io::Error::from_raw_os_error(number));
        assert!(told(libc::EPERM).contains("capabilities BPF, NET_ADMIN and NET_RAW"));
        assert_eq!(told(libc::ENODEV), "the interface is gone");
        assert!(refusal(&io::Error::other(
            "the verifier refused the program: R9 !read_ok"
        ))
        .contains("R9"));
    }
}
