// SPDX-License-Identifier: Apache-2.0
//! Where a capture is sent on to while it is analysed here: exporters of flows, files, mirrors. Each has a bounded
//! queue and a thread of its own, so that a slow disk or a full network costs its own packets, counted, and nothing
//! else.

mod export;
mod files;
mod mirror;
mod queue;
mod spec;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use netsonde_exports::FlowRecord;
use netsonde_packet::LinkType;

use crate::event::Point;
use crate::frame::RawFrame;

use queue::{start, Queue};

pub use files::FileSpec;
pub use spec::SinkSpec;

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
}
