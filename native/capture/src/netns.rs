// SPDX-License-Identifier: Apache-2.0
//! Network namespaces: entering them, and what is kept of each.
//!
//! A socket belongs to the namespace in which it was made, for ever; so a thread enters, makes its sockets and goes
//! back. Only threads of this crate do so, never one of Python's. An open socket keeps its namespace alive: all of a
//! namespace's sockets are closed as soon as its name is removed.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::pool::Pool;
use crate::socket::PacketSocket;
use crate::sys::{check, inode};

/// The namespace in which the agent itself runs.
pub struct Home {
    pub key: u64,
    file: File,
}

impl Home {
    pub fn open() -> io::Result<Self> {
        let file = File::open("/proc/thread-self/ns/net")?;
        Ok(Self {
            key: inode(&file)?,
            file,
        })
    }

    /// Run `work` in another namespace, in this thread, and come back.
    fn visit<T>(&self, there: &OwnedFd, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        enter(there)?;
        let result = work();
        enter(&self.file)?;
        result
    }
}

fn enter(namespace: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no pointers. Only the calling thread changes its namespace.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// Who says that a namespace is there: it is given up when nobody does any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The agent runs in it.
    Home = 1,
    /// A file in /run/netns names it.
    Name = 2,
    /// The netns probe, or whoever else calls `add_namespace`.
    Caller = 4,
}

pub struct Namespace {
    pub key: u64,
    file: OwnedFd,
    pub pool: Pool,
    pub closed: AtomicBool,
    witnesses: AtomicU8,
}

impl Namespace {
    pub fn new(key: u64, file: OwnedFd, pool_size: usize, witness: Witness) -> Self {
        Self {
            key,
            file,
            pool: Pool::new(pool_size),
            closed: AtomicBool::new(false),
            witnesses: AtomicU8::new(witness as u8),
        }
    }

    pub fn within<T>(&self, home: &Home, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.key == home.key {
            return work();
        }
        home.visit(&self.file, work)
    }

    pub fn add_witness(&self, witness: Witness) {
        self.witnesses.fetch_or(witness as u8, Ordering::Relaxed);
    }

    /// Returns whether nobody is left.
    pub fn remove_witness(&self, witness: Witness) -> bool {
        let bit = witness as u8;
        self.witnesses.fetch_and(!bit, Ordering::Relaxed) & !bit == 0
    }

    /// A prepared socket, or one made on the spot.
    pub fn socket(&self, home: &Home) -> io::Result<PacketSocket> {
        match self.pool.take() {
            Some(socket) => Ok(socket),
            None => self.within(home, PacketSocket::open),
        }
    }

    /// Fill the pool, at most `count` sockets.
    pub fn refill(&self, home: &Home, count: usize) -> io::Result<()> {
        if count == 0 || self.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.within(home, || {
            for _ in 0..count {
                if self.pool.put(PacketSocket::open()?).is_err() {
                    break;
                }
            }
            Ok(())
        })
    }
}
