// SPDX-License-Identifier: Apache-2.0
//! What the watchers leave for others to enter in the books: sockets bound to new links, and links that went.
//!
//! A watcher waits for nobody. The table of taps is locked by ordinary threads too, and priority inheritance reaches
//! only as far as locks that have it: an ordinary thread that held the table while it waited for the allocator, whose
//! lock another one held when it lost its processor to a busy loop, kept both watchers off for 36 ms.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::pi_mutex::PiMutex;
use crate::shared::Shared;
use crate::socket::PacketSocket;
use crate::sys::{Epoll, EventFd};
use crate::tap::{Birth, Key, Tap};

/// Some seconds of links at the rate at which a kernel makes them.
const ROOM: usize = 4096;

/// What the look-back reader is told when there is news; no tap has this id.
pub const BIRTHS: u64 = u64::MAX;

pub enum News {
    Bound {
        key: Key,
        birth: Birth,
        socket: PacketSocket,
    },
    Gone(Key),
}

/// News in the order of each watcher; its memory is there from the start.
pub struct Births {
    queue: ArrayQueue<News>,
    /// Held by whoever enters news: others who need the books wait until all is in them.
    entering: PiMutex<()>,
    /// Wakes the look-back reader.
    pub wake: EventFd,
}

impl Births {
    /// `reader` is what the look-back reader waits for.
    pub fn new(reader: &Epoll) -> std::io::Result<Self> {
        let wake = EventFd::new()?;
        reader.add(&wake, BIRTHS)?;
        Ok(Self {
            queue: ArrayQueue::new(ROOM),
            entering: PiMutex::new(()),
            wake,
        })
    }
}

impl Shared {
    /// Leave news. Only with `ROOM` of them waiting is it entered here and now.
    pub fn leave_news(&self, news: News) {
        let mut left = Some(news);
        while let Some(news) = left.take() {
            if let Err(news) = self.births.queue.push(news) {
                self.enter_news();
                left = Some(news);
            }
        }
        self.births.wake.signal();
    }

    /// Bring the table of taps up to date. Whoever looks for the tap of an interface does this first.
    pub fn enter_news(&self) {
        let _one_at_a_time = self.births.entering.lock();
        while let Some(news) = self.births.queue.pop() {
            match news {
                News::Bound { key, birth, socket } => self.enter_tap(key, birth, socket),
                News::Gone(key) => self.mark_gone(key),
            }
        }
    }

    fn enter_tap(&self, key: Key, birth: Birth, socket: PacketSocket) {
        let memory = Arc::clone(&self.lookback_memory);
        let tap = Arc::new(Tap::new(self.tap_id(), key, birth, socket, memory));
        if let Some(source) = tap.inner.lock().feed.source() {
            // A reader that is told of it before it is in the table asks again. Should the kernel refuse it, for want
            // of memory, its socket holds the first frames until a capture reads it, and counts what it lost.
            drop(self.lookback_epoll.add(source, tap.id));
        }
        self.taps.lock().insert(&tap);
        self.counters.delays.lock().add(birth.delay_ns);
    }

    fn mark_gone(&self, key: Key) {
        let tap = self.taps.lock().by_key.get(&key).cloned();
        if let Some(tap) = tap {
            tap.gone.store(true, Ordering::Release);
            self.wake_reader(&tap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::build;
    use crate::shared::Config;

    fn bound(ifindex: u32) -> News {
        let birth = Birth {
            link_type: netsonde_packet::LinkType::Ethernet,
            before_up: true,
            delay_ns: 1,
            bound_ns: 1,
            window_end_ns: i64::MAX,
        };
        // Any descriptor will do: nothing is read.
        let null = std::fs::File::open("/dev/null").expect("Linux");
        News::Bound {
            key: (7, ifindex),
            birth,
            socket: PacketSocket::from(std::os::fd::OwnedFd::from(null)),
        }
    }

    #[test]
    fn a_link_that_came_and_went_is_found_gone() {
        let (shared, _receivers) = build(Config::default()).expect("descriptors");

        shared.leave_news(bound(1));
        shared.leave_news(News::Gone((7, 1)));
        shared.leave_news(bound(2));
        assert!(shared.all_taps().is_empty());
        shared.enter_news();

        let taps = shared.taps.lock();
        let gone = |ifindex| taps.by_key[&(7, ifindex)].gone.load(Ordering::Acquire);
        assert!(gone(1) && !gone(2));
    }

    #[test]
    fn more_news_than_there_is_room_for_is_entered_by_who_brings_it() {
        let (shared, _receivers) = build(Config::default()).expect("descriptors");

        (0..=ROOM as u32).for_each(|ifindex| shared.leave_news(bound(ifindex)));
        assert_eq!(shared.all_taps().len(), ROOM);
        shared.enter_news();

        assert_eq!(shared.all_taps().len(), ROOM + 1);
    }
}
