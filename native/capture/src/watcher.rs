// SPDX-License-Identifier: Apache-2.0
//! The link watcher: binds a tap to every new interface before it is up, some 15 µs after the kernel told of it.
//!
//! Source: RTM_NEWLINK and RTM_DELLINK, one socket per namespace. Runs above everything else (SCHED_FIFO 50), so it
//! takes no lock without priority inheritance, makes no ring and closes nothing. There are two, on two processors, each
//! with its own sockets; whichever is first takes care of a link.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::netns::Namespace;
use crate::reaper::Garbage;
use crate::rtnl::{Link, LinkSocket, Message, Received};
use crate::sched;
use crate::shared::{Shared, WatcherOrder};
use crate::socket::{link_type, PacketSocket};
use crate::sys::{mono_ns, Epoll, Ready};
use crate::tap::{Birth, Tap};

const INBOX: u64 = 0;

struct Watched {
    namespace: Arc<Namespace>,
    links: Box<LinkSocket>,
    known: HashSet<u32>,
    /// Links seen by the dump that is under way.
    dump: Option<HashSet<u32>>,
    /// Links found by the first dump are there already, and need no look-back tap.
    quiet: bool,
    /// Messages were lost while a dump was under way: dump once more.
    again: bool,
}

pub struct Watcher {
    shared: Arc<Shared>,
    index: usize,
    epoll: Epoll,
    watched: HashMap<u64, Watched>,
}

impl Watcher {
    pub fn new(shared: Arc<Shared>, index: usize) -> std::io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&shared.watchers[index].wake, INBOX)?;
        Ok(Self {
            shared,
            index,
            epoll,
            watched: HashMap::new(),
        })
    }

    pub fn run(mut self) {
        sched::pin(self.index);
        self.shared.got_class(
            "watcher",
            sched::raise(sched::WATCHER, self.shared.config.realtime),
        );
        let mut ready = Ready::new(64);
        while !self.shared.is_closing() {
            let keys: Vec<u64> = self.epoll.wait(&mut ready, -1).collect();
            for key in keys {
                if key == INBOX {
                    self.obey();
                } else {
                    self.follow(key);
                }
            }
        }
        self.watched
            .drain()
            .for_each(|(_, gone)| retire(&self.shared, gone));
    }

    fn obey(&mut self) {
        for order in self.shared.watchers[self.index].take() {
            match order {
                WatcherOrder::Add {
                    namespace,
                    links,
                    fresh,
                } => self.add(namespace, links, fresh),
                WatcherOrder::Remove(key) => {
                    if let Some(gone) = self.watched.remove(&key) {
                        self.epoll.remove(&*gone.links);
                        retire(&self.shared, gone);
                    }
                }
            }
        }
    }

    fn add(&mut self, namespace: Arc<Namespace>, links: Box<LinkSocket>, fresh: bool) {
        let key = namespace.key;
        if self.epoll.add(&*links, key).is_err() || links.request_dump().is_err() {
            self.shared
                .counters
                .namespaces_missed
                .fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (known, dump) = (HashSet::new(), Some(HashSet::new()));
        self.watched.insert(
            key,
            Watched {
                namespace,
                links,
                known,
                dump,
                quiet: !fresh,
                again: false,
            },
        );
        self.follow(key);
    }

    /// Read all that a namespace's socket has.
    fn follow(&mut self, key: u64) {
        let Some(watched) = self.watched.get_mut(&key) else {
            return;
        };
        loop {
            match watched.links.receive() {
                Received::Messages(messages) => {
                    let seen_ns = mono_ns();
                    for message in messages {
                        watched.apply(&self.shared, message, seen_ns);
                    }
                }
                Received::Lost => watched.resync(&self.shared),
                Received::Empty => return,
            }
        }
    }
}

/// Closing sockets takes time: not here.
fn retire(shared: &Shared, watched: Watched) {
    drop(shared.garbage.send(Garbage::Links(watched.links)));
}

impl Watched {
    fn apply(&mut self, shared: &Shared, message: Message, seen_ns: i64) {
        match message {
            Message::Link(link) => {
                if let Some(dump) = &mut self.dump {
                    dump.insert(link.ifindex);
                }
                if self.known.insert(link.ifindex) && !self.quiet {
                    appear(shared, &self.namespace, &link, seen_ns);
                }
            }
            Message::Gone(ifindex) => self.vanish(shared, ifindex),
            Message::Done => self.end_of_dump(shared),
        }
    }

    fn vanish(&mut self, shared: &Shared, ifindex: u32) {
        self.known.remove(&ifindex);
        let key = (self.namespace.key, ifindex);
        shared.claims.lock().remove(&key);
        if let Some(dump) = &mut self.dump {
            dump.remove(&ifindex);
        }
        let tap = shared.taps.lock().by_key.get(&key).cloned();
        if let Some(tap) = tap {
            tap.gone.store(true, Ordering::Release);
            shared.metering_of(&tap).wake.signal();
        }
    }

    fn resync(&mut self, shared: &Shared) {
        shared.counters.resyncs.fetch_add(1, Ordering::Relaxed);
        if self.dump.is_some() {
            self.again = true;
        } else if self.links.request_dump().is_ok() {
            self.dump = Some(HashSet::new());
        }
    }

    fn end_of_dump(&mut self, shared: &Shared) {
        if std::mem::take(&mut self.quiet) && self.namespace.key == shared.home.key {
            shared.counters.watching.fetch_add(1, Ordering::Release);
        }
        let present = self.dump.take().unwrap_or_default();
        let gone: Vec<u32> = self.known.difference(&present).copied().collect();
        gone.into_iter()
            .for_each(|ifindex| self.vanish(shared, ifindex));
        if std::mem::take(&mut self.again) {
            self.resync(shared);
        }
    }
}

/// A link is there that was not there before: bind first, keep books after. The other watcher may have been faster.
fn appear(shared: &Shared, namespace: &Arc<Namespace>, link: &Link, seen_ns: i64) {
    if !shared.armed.load(Ordering::Relaxed) || shared.config.lookback_ns == 0 {
        return;
    }
    let key = (namespace.key, link.ifindex);
    if !shared.claims.lock().insert(key) {
        return;
    }
    let Some(socket) = take(shared, namespace) else {
        return;
    };
    if socket.bind(link.ifindex).is_err() {
        shared
            .counters
            .bind_failures
            .fetch_add(1, Ordering::Relaxed);
        drop(shared.garbage.send(Garbage::Socket(socket)));
        return;
    }
    let now = mono_ns();
    let birth = Birth {
        link_type: link_type(link.hardware),
        before_up: !link.up,
        delay_ns: now - seen_ns,
        bound_ns: now,
        window_end_ns: now + shared.config.lookback_ns,
    };
    let memory = Arc::clone(&shared.lookback_memory);
    let tap = Arc::new(Tap::new(shared.tap_id(), key, birth, socket, memory));
    shared.taps.lock().insert(&tap);
    if let Some(source) = tap.inner.lock().feed.source() {
        // Registered last: the reader finds the tap by its id.
        drop(shared.lookback_epoll.add(source, tap.id));
    }
    shared.pool_wake.signal();
    let counters = &shared.counters;
    counters.bound.fetch_add(1, Ordering::Relaxed);
    counters
        .bound_before_up
        .fetch_add(u64::from(birth.before_up), Ordering::Relaxed);
    counters.delays.lock().add(birth.delay_ns);
}

fn take(shared: &Shared, namespace: &Arc<Namespace>) -> Option<PacketSocket> {
    if let Some(socket) = namespace.pool.take() {
        return Some(socket);
    }
    shared.counters.pool_misses.fetch_add(1, Ordering::Relaxed);
    let made = namespace.socket(&shared.home);
    if made.is_err() {
        shared
            .counters
            .bind_failures
            .fetch_add(1, Ordering::Relaxed);
    }
    made.ok()
}
