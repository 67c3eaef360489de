// SPDX-License-Identifier: Apache-2.0
//! Prepared packet sockets of one namespace, taken by the watcher without a lock.

use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::socket::PacketSocket;
use crate::sys::own;

const EMPTY: i32 = -1;

/// Slots with descriptors. Any thread may put, any may take; nobody ever waits.
pub struct Pool(Vec<AtomicI32>);

impl Pool {
    pub fn new(size: usize) -> Self {
        Self((0..size).map(|_| AtomicI32::new(EMPTY)).collect())
    }

    pub fn level(&self) -> usize {
        self.0
            .iter()
            .filter(|slot| slot.load(Ordering::Relaxed) != EMPTY)
            .count()
    }

    pub fn missing(&self) -> usize {
        self.0.len() - self.level()
    }

    pub fn take(&self) -> Option<PacketSocket> {
        self.0.iter().find_map(|slot| {
            if slot.load(Ordering::Relaxed) == EMPTY {
                return None;
            }
            let fd = slot.swap(EMPTY, Ordering::AcqRel);
            (fd != EMPTY).then(|| PacketSocket::from(own(fd)))
        })
    }

    /// Give a socket to the pool; it comes back when the pool is full.
    pub fn put(&self, socket: PacketSocket) -> Result<(), PacketSocket> {
        let fd = socket.into_raw_fd();
        for slot in &self.0 {
            if slot
                .compare_exchange(EMPTY, fd, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return Ok(());
            }
        }
        Err(PacketSocket::from(own(fd)))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}
