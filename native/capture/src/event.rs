// SPDX-License-Identifier: Apache-2.0
//! What happens to captures, told to whoever waits on one descriptor.

use crate::budget::BoundedQueue;
use crate::sys::{now_ns, EventFd};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The tap is open; look-back frames, if any, have been counted.
    Started,
    FirstPacket,
    /// A limit of the capture was reached; the reason says which.
    Finished,
    /// The capture could not start; the reason says why.
    Failed,
    /// The interface is gone and all that it had sent has been read.
    LinkGone,
    /// `stop` has been carried out.
    Stopped,
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::FirstPacket => "first_packet",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::LinkGone => "link_gone",
            Self::Stopped => "stopped",
        }
    }
}

/// One capture on one interface: (capture id, netns inode, ifindex).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    pub capture_id: String,
    pub netns: u64,
    pub ifindex: u32,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub kind: EventKind,
    pub point: Point,
    pub node_tid: String,
    pub ifname: String,
    /// Unix time in ns: of the first frame for `FirstPacket`, else of the event.
    pub time_ns: i64,
    pub reason: String,
    pub lookback_packets: u64,
    pub armed_before_up: bool,
}

impl Event {
    pub fn failed(point: Point, node_tid: &str, ifname: &str, reason: String) -> Self {
        Self {
            kind: EventKind::Failed,
            point,
            node_tid: node_tid.to_owned(),
            ifname: ifname.to_owned(),
            time_ns: now_ns(),
            reason,
            lookback_packets: 0,
            armed_before_up: false,
        }
    }
}

const EVENT_LIMIT: usize = 100_000;

pub struct Events {
    queue: BoundedQueue<Event>,
    pub wake: EventFd,
}

impl Events {
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            queue: BoundedQueue::new(EVENT_LIMIT),
            wake: EventFd::new()?,
        })
    }

    pub fn push(&self, event: Event) {
        self.queue.push(event, 1);
        self.wake.signal();
    }

    pub fn extend(&self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.push(event));
    }

    pub fn take(&self) -> Vec<Event> {
        self.wake.clear();
        self.queue.take_all()
    }

    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }
}
