// SPDX-License-Identifier: Apache-2.0
//! Enters network namespaces: named ones the moment they exist, others when told to.
//!
//! Source: inotify on /run/netns. `ip netns add` makes a file there and then mounts the namespace on it, which inotify
//! does not tell; so a new file is looked at every 30 µs until it is a namespace. Every socket that the watcher needs
//! is made here, since the first `socket()` in a fresh namespace can take 10 ms.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::netns::{Namespace, Witness};
use crate::present::present;
use crate::reaper;
use crate::rtnl::LinkSocket;
use crate::sched;
use crate::shared::{NamespaceOrder, Shared, WatcherOrder, NAMESPACE_POOL};
use crate::socket::PacketSocket;
use crate::sys::{check, inode, mono_ns, own};

const PARENT: &str = "/run";
const FOLDER: &str = "/run/netns";
const NSFS_MAGIC: i64 = 0x6e73_6673;
/// How long a new file is waited for, in ns.
const PATIENCE_NS: i64 = 10_000_000_000;

struct Pending {
    path: PathBuf,
    since_ns: i64,
}

pub struct Entrance {
    shared: Arc<Shared>,
    inotify: OwnedFd,
    folder_watched: bool,
    pending: Vec<Pending>,
    names: HashMap<PathBuf, u64>,
}

impl Entrance {
    pub fn new(shared: Arc<Shared>) -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
        let (pending, names) = (Vec::new(), HashMap::new());
        let mut entrance = Self {
            shared,
            inotify: own(fd),
            folder_watched: false,
            pending,
            names,
        };
        entrance.watch(PARENT, libc::IN_CREATE | libc::IN_ONLYDIR);
        entrance.watch_folder();
        Ok(entrance)
    }

    fn watch(&self, path: &str, mask: u32) -> bool {
        let Ok(path) = std::ffi::CString::new(path) else {
            return false;
        };
        // SAFETY: the path ends in zero.
        unsafe { libc::inotify_add_watch(self.inotify.as_raw_fd(), path.as_ptr(), mask) >= 0 }
    }

    /// Watch /run/netns once it exists, then look at what it already has.
    fn watch_folder(&mut self) {
        let mask = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_TO | libc::IN_MOVED_FROM;
        if self.folder_watched || !self.watch(FOLDER, mask | libc::IN_ONLYDIR) {
            return;
        }
        self.folder_watched = true;
        for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
            self.enter_name(&entry.path(), false);
        }
    }

    pub fn run(mut self) {
        self.shared.got_class(
            "namespaces",
            sched::raise(sched::WATCHER, self.shared.config.realtime),
        );
        while !self.shared.is_closing() {
            self.wait();
            self.obey();
            self.read_events();
            self.look_at_pending();
        }
    }

    fn wait(&self) {
        let poll_for = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut fds = [
            poll_for(self.inotify.as_raw_fd()),
            poll_for(self.shared.namespace_orders.wake.as_raw_fd()),
        ];
        let pause = self.pause_ns();
        let timeout = libc::timespec {
            tv_sec: pause / 1_000_000_000,
            tv_nsec: pause % 1_000_000_000,
        };
        // SAFETY: two initialised pollfds, a valid timeout, no signal mask.
        unsafe { libc::ppoll(fds.as_mut_ptr(), 2, &timeout, std::ptr::null()) };
    }

    /// Between two looks at the youngest pending file: short while `ip netns add` is at work.
    fn pause_ns(&self) -> i64 {
        let youngest = self
            .pending
            .iter()
            .map(|pending| mono_ns() - pending.since_ns)
            .min();
        match youngest {
            None => 3_600_000_000_000,
            Some(age) if age < 50_000_000 => 30_000,
            Some(age) if age < 1_000_000_000 => 1_000_000,
            Some(_) => 20_000_000,
        }
    }

    fn obey(&mut self) {
        for order in self.shared.namespace_orders.take() {
            match order {
                NamespaceOrder::Add {
                    key,
                    file,
                    existing,
                } => {
                    self.enter(key, file, !existing, Witness::Caller);
                }
                NamespaceOrder::List { key, watcher } => self.list(key, watcher),
                NamespaceOrder::Remove(key) => self.leave(key, Witness::Caller),
            }
        }
    }

    fn read_events(&mut self) {
        let mut buffer = [0u8; 8192];
        // SAFETY: pointer and length describe the buffer.
        let got = unsafe {
            libc::read(
                self.inotify.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        let mut data = &buffer[..got.max(0) as usize];
        while let Some((mask, name, rest)) = split_event(data) {
            data = rest;
            self.notice(mask, &name);
        }
    }

    fn notice(&mut self, mask: u32, name: &Path) {
        let path = Path::new(FOLDER).join(name);
        if mask & libc::IN_Q_OVERFLOW != 0 {
            self.folder_watched = false;
            self.watch_folder();
        } else if mask & libc::IN_IGNORED != 0 {
            // The folder itself was removed.
            self.folder_watched = false;
        } else if mask & libc::IN_ISDIR != 0 {
            self.watch_folder();
        } else if mask & (libc::IN_CREATE | libc::IN_MOVED_TO) != 0 && self.folder_watched {
            if !self.enter_name(&path, true) {
                self.pending.push(Pending {
                    path,
                    since_ns: mono_ns(),
                });
            }
        } else if mask & (libc::IN_DELETE | libc::IN_MOVED_FROM) != 0 {
            self.pending.retain(|pending| pending.path != path);
            if let Some(key) = self.names.remove(&path) {
                self.leave(key, Witness::Name);
            }
        }
    }

    fn look_at_pending(&mut self) {
        let now = mono_ns();
        for pending in std::mem::take(&mut self.pending) {
            if self.enter_name(&pending.path, true) {
                continue;
            }
            if now - pending.since_ns < PATIENCE_NS {
                self.pending.push(pending);
            } else {
                self.shared
                    .counters
                    .namespaces_missed
                    .fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Enter the namespace mounted on a file; false when there is none yet.
    fn enter_name(&mut self, path: &Path, fresh: bool) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        if !is_namespace(&file) {
            return false;
        }
        let Ok(key) = inode(&file) else { return false };
        self.names.insert(path.to_owned(), key);
        self.enter(key, file.into(), fresh, Witness::Name);
        true
    }

    /// Make the sockets of a namespace and hand them to the watcher.
    pub fn enter(&mut self, key: u64, file: OwnedFd, fresh: bool, witness: Witness) {
        if let Some(present) = self.shared.namespace(key) {
            present.add_witness(witness);
            return;
        }
        let size = if witness == Witness::Home {
            self.shared.config.pool_size
        } else {
            NAMESPACE_POOL
        };
        let namespace = Arc::new(Namespace::new(key, file, size, witness));
        let armed = self.shared.armed.load(Ordering::Relaxed);
        let prepared = namespace.within(&self.shared.home, || {
            let watchers = self.shared.watchers.iter();
            let links: Vec<_> = watchers
                .map(|_| LinkSocket::open())
                .collect::<io::Result<_>>()?;
            if armed {
                drop(namespace.pool.put(PacketSocket::open()?));
                drop(namespace.pool.put(PacketSocket::open()?));
            }
            // Listed after subscribing: what appears in between is listed, told, or both.
            let listed = links.first().map(present).transpose()?.unwrap_or_default();
            Ok((links, listed))
        });
        match prepared {
            Ok((links, listed)) => {
                self.shared
                    .namespaces
                    .lock()
                    .insert(key, Arc::clone(&namespace));
                for (watcher, links) in self.shared.watchers.iter().zip(links) {
                    watcher.send(WatcherOrder::Add {
                        namespace: Arc::clone(&namespace),
                        links: Box::new(links),
                        present: listed.clone(),
                        fresh,
                    });
                }
                self.shared.pool_wake.signal();
            }
            Err(_) => drop(
                self.shared
                    .counters
                    .namespaces_missed
                    .fetch_add(1, Ordering::Relaxed),
            ),
        }
    }

    fn list(&self, key: u64, watcher: usize) {
        let namespace = self.shared.namespace(key);
        let links = namespace.and_then(|namespace| {
            let listed = namespace.within(&self.shared.home, || present(&LinkSocket::open()?));
            listed.ok()
        });
        self.shared.watchers[watcher].send(WatcherOrder::Present { key, links });
    }

    fn leave(&mut self, key: u64, witness: Witness) {
        let Some(namespace) = self.shared.namespace(key) else {
            return;
        };
        if !namespace.remove_witness(witness) {
            return;
        }
        namespace.closed.store(true, Ordering::Relaxed);
        self.shared.namespaces.lock().remove(&key);
        for watcher in &self.shared.watchers {
            watcher.send(WatcherOrder::Remove(key));
        }
        self.shared.claims.lock().retain(|claim| claim.0 != key);
        reaper::empty(&namespace.pool, |garbage| {
            drop(self.shared.garbage.send(garbage))
        });
        drop(
            self.shared
                .jobs
                .send(crate::control::Job::NamespaceGone(key)),
        );
    }
}

fn is_namespace(file: &File) -> bool {
    let mut status = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: `status` is large enough for what fstatfs writes.
    if unsafe { libc::fstatfs(file.as_raw_fd(), status.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: fstatfs succeeded.
    unsafe { status.assume_init() }.f_type == NSFS_MAGIC
}

/// Split the first inotify event off: (mask, file name, rest).
fn split_event(data: &[u8]) -> Option<(u32, PathBuf, &[u8])> {
    const HEADER: usize = 16;
    let (header, rest) = data.split_first_chunk::<HEADER>()?;
    let mask = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
    let length = u32::from_ne_bytes([header[12], header[13], header[14], header[15]]) as usize;
    let (name, rest) = rest.split_at_checked(length)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(length);
    Some((mask, PathBuf::from(OsStr::from_bytes(&name[..end])), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_where_its_length_says() {
        let mut data = vec![0u8; 16];
        data[4..8].copy_from_slice(&libc::IN_CREATE.to_ne_bytes());
        data[12] = 4;
        data.extend(b"ns1\0rest");
        let (mask, name, rest) = split_event(&data).expect("complete");
        assert_eq!(
            (mask, name.as_path(), rest),
            (libc::IN_CREATE, Path::new("ns1"), &b"rest"[..])
        );
        assert!(split_event(&data[..18]).is_none());
    }

    #[test]
    fn an_ordinary_file_is_no_namespace() {
        let namespace = File::open("/proc/self/ns/net").expect("Linux");
        let ordinary = File::open("/proc/self/status").expect("Linux");
        assert_eq!(
            (is_namespace(&namespace), is_namespace(&ordinary)),
            (true, false)
        );
    }
}
