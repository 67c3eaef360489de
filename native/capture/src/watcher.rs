// SPDX-License-Identifier: Apache-2.0
//! The link watcher: binds a tap to every new interface before it is up, some 15 µs after the kernel told of it.
//!
//! Source: RTM_NEWLINK and RTM_DELLINK, one socket per namespace. Runs above everything else (SCHED_FIFO 50), so it
//! takes no lock without priority inheritance, makes no ring, closes nothing and leaves the books to others (`births`).
//! There are two, on two processors, each with its own sockets; whichever is first takes care of a link.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::births::News;
use crate::netns::Namespace;
use crate::reaper::Garbage;
use crate::rtnl::{Link, LinkSocket, Message, Received};
use crate::sched;
use crate::shared::{NamespaceOrder, Shared, WatcherOrder};
use crate::socket::{hardware, link_type, PacketSocket};
use crate::sys::{mono_ns, Epoll, Ready};
use crate::tap::Birth;

const INBOX: u64 = 0;

struct Watched {
    namespace: Arc<Namespace>,
    links: Box<LinkSocket>,
    known: HashSet<u32>,
    /// Set from the loss of messages until the list of what there is arrives.
    resync: Option<Resync>,
}

/// What the messages say while the list is under way: they are younger than it.
#[derive(Default)]
struct Resync {
    came: HashSet<u32>,
    went: HashSet<u32>,
    /// Messages were lost once more: list again.
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
                    present,
                    fresh,
                } => self.add(namespace, links, &present, fresh),
                WatcherOrder::Present { key, links } => {
                    if let Some(watched) = self.watched.get_mut(&key) {
                        watched.compare(&self.shared, self.index, links);
                    }
                }
                WatcherOrder::Remove(key) => {
                    if let Some(gone) = self.watched.remove(&key) {
                        self.epoll.remove(&*gone.links);
                        retire(&self.shared, gone);
                    }
                }
            }
        }
    }

    fn add(
        &mut self,
        namespace: Arc<Namespace>,
        links: Box<LinkSocket>,
        present: &[Link],
        fresh: bool,
    ) {
        let key = namespace.key;
        if self.epoll.add(&*links, key).is_err() {
            self.shared
                .counters
                .namespaces_missed
                .fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut watched = Watched {
            namespace,
            links,
            known: HashSet::new(),
            resync: None,
        };
        let seen_ns = mono_ns();
        for link in present {
            if watched.known.insert(link.ifindex) && fresh {
                appear(&self.shared, &watched.namespace, link, seen_ns);
            }
        }
        self.watched.insert(key, watched);
        if key == self.shared.home.key {
            let watching = &self.shared.counters.watching;
            watching.fetch_add(1, Ordering::Release);
        }
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
                Received::Lost => watched.resync(&self.shared, self.index),
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
                if let Some(resync) = &mut self.resync {
                    resync.came.insert(link.ifindex);
                    resync.went.remove(&link.ifindex);
                }
                if self.known.insert(link.ifindex) {
                    appear(shared, &self.namespace, &link, seen_ns);
                }
            }
            Message::Gone(ifindex) => {
                if let Some(resync) = &mut self.resync {
                    resync.came.remove(&ifindex);
                    resync.went.insert(ifindex);
                }
                self.vanish(shared, ifindex);
            }
        }
    }

    fn vanish(&mut self, shared: &Shared, ifindex: u32) {
        self.known.remove(&ifindex);
        let key = (self.namespace.key, ifindex);
        shared.claims.lock().remove(&key);
        shared.leave_news(News::Gone(key));
    }

    /// Messages were lost: have the links listed by another thread, since this one must not be kept.
    fn resync(&mut self, shared: &Shared, watcher: usize) {
        shared.counters.resyncs.fetch_add(1, Ordering::Relaxed);
        if let Some(resync) = &mut self.resync {
            resync.again = true;
            return;
        }
        self.resync = Some(Resync::default());
        let key = self.namespace.key;
        shared
            .namespace_orders
            .send(NamespaceOrder::List { key, watcher });
    }

    /// Make what is known equal to a list, except for what messages have said since it was asked for.
    fn compare(&mut self, shared: &Shared, watcher: usize, links: Option<Vec<Link>>) {
        let Some(resync) = self.resync.take() else {
            return;
        };
        // A namespace that cannot be listed is going away.
        let Some(links) = links else { return };
        let present: HashSet<u32> = links.iter().map(|link| link.ifindex).collect();
        let known: Vec<u32> = self.known.difference(&present).copied().collect();
        for ifindex in known {
            if !resync.came.contains(&ifindex) {
                self.vanish(shared, ifindex);
            }
        }
        let seen_ns = mono_ns();
        for link in &links {
            if !resync.went.contains(&link.ifindex) && self.known.insert(link.ifindex) {
                appear(shared, &self.namespace, link, seen_ns);
            }
        }
        if resync.again {
            self.resync(shared, watcher);
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
        // Nothing has happened to it. Whoever closes waits for a grace period.
        if let Err(socket) = namespace.pool.put(socket) {
            drop(shared.garbage.send(Garbage::Socket(socket)));
        }
        return;
    }
    let now = mono_ns();
    let birth = Birth {
        link_type: link_type(hardware(&socket).unwrap_or(libc::ARPHRD_ETHER)),
        // What the message says was true when it was sent; it may have been read late.
        before_up: !link.up && socket.was_down(),
        delay_ns: now - seen_ns,
        bound_ns: now,
        window_end_ns: now + shared.config.lookback_ns,
    };
    shared.leave_news(News::Bound { key, birth, socket });
    shared.pool_wake.signal();
    let counters = &shared.counters;
    counters.bound.fetch_add(1, Ordering::Relaxed);
    counters
        .bound_before_up
        .fetch_add(u64::from(birth.before_up), Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::build;
    use crate::netns::Witness;
    use crate::shared::Config;

    fn link(ifindex: u32) -> Link {
        Link { ifindex, up: false }
    }

    fn watched(known: [u32; 2]) -> Watched {
        let file = std::fs::File::open("/proc/thread-self/ns/net").expect("Linux");
        Watched {
            namespace: Arc::new(Namespace::new(7, file.into(), 0, Witness::Caller)),
            links: Box::new(LinkSocket::open().expect("rtnetlink")),
            known: known.into(),
            resync: None,
        }
    }

    #[test]
    fn a_list_decides_except_where_messages_are_younger() {
        let (shared, _receivers) = build(Config::default()).expect("descriptors");
        let mut watched = watched([1, 2]);

        watched.resync(&shared, 0);
        watched.apply(&shared, Message::Link(link(3)), 0);
        watched.apply(&shared, Message::Link(link(4)), 0);
        watched.apply(&shared, Message::Gone(4), 0);
        watched.compare(&shared, 0, Some(vec![link(1), link(4), link(5)]));

        assert_eq!(watched.known, HashSet::from([1, 3, 5]));
        assert!(watched.resync.is_none());
    }

    #[test]
    fn a_loss_during_a_resync_lists_once_more() {
        let (shared, _receivers) = build(Config::default()).expect("descriptors");
        let mut watched = watched([1, 2]);

        watched.resync(&shared, 0);
        watched.resync(&shared, 0);
        assert_eq!(shared.namespace_orders.take().len(), 1);
        watched.compare(&shared, 0, Some(vec![link(1)]));

        assert_eq!(shared.namespace_orders.take().len(), 1);
        assert!(watched.resync.is_some());
    }
}
