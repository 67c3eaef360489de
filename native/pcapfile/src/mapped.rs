// SPDX-License-Identifier: Apache-2.0
//! A file mapped into memory: of each packet only the headers are touched, so most of the file is never copied.
//!
//! Only for commands that a person runs on a file of his own: when another process shortens the file meanwhile, the
//! kernel ends this process with SIGBUS. Services read through `ReadAhead`.

use std::fs::File;
use std::io;
use std::sync::Arc;

use memmap2::{Advice, Mmap};

use crate::scout::Scout;

pub(crate) struct Mapped {
    map: Arc<Mmap>,
    scout: Option<Scout>,
}

impl Mapped {
    #[allow(unsafe_code)]
    pub(crate) fn open(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only and private to this struct. The file may change under it; all reads are
        // bounds-checked against the length mapped, and no invariant depends on reading the same bytes twice.
        let map = unsafe { Mmap::map(file)? };
        // A hint to read ahead; a file system that does not know it is no obstacle.
        let _ = map.advise(Advice::Sequential);
        Ok(Self {
            map: Arc::new(map),
            scout: None,
        })
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Let a scout go ahead from `at` on; see `Scout`.
    pub(crate) fn send_scout(
        &mut self,
        at: usize,
        order: crate::fields::Order,
        record_header: usize,
    ) {
        self.scout = Scout::start(Arc::clone(&self.map), at, order, record_header).ok();
    }

    #[inline]
    pub(crate) fn reached(&self, at: usize) {
        if let Some(scout) = &self.scout {
            scout.follow(at);
        }
    }
}
