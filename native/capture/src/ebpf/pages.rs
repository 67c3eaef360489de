// SPDX-License-Identifier: Apache-2.0
//! Pages of flows: the program writes one while the other is read and emptied.
//!
//! Deleting entries of a map that is being written loses what is counted in between, or counts it for whoever gets the
//! memory next. So a page is read only after another one took its place, and after every program that could still
//! write it has ended: replacing a map in a map of maps waits for that.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::entry::{Entry, Key, Value};
use super::syscall::{
    create_map, lookup, number, put_map, take_batch, Cursor, MapSpec, ARRAY_OF_MAPS, HASH,
    PERCPU_ARRAY,
};
use crate::budget::Budget;

/// Entries of the first page, and how much the next one has when one is too small.
const SMALLEST: u32 = 4096;
const STEP: u32 = 4;
/// Kernel memory of one entry: key, value, links, and its share of buckets.
const ENTRY_BYTES: usize = 64 + 176 + 48 + 16;
/// Entries moved by one system call.
const BATCH: usize = 1024;
/// A key for each direction of a flow.
const DIRECTIONS: u32 = 2;

/// struct totals: packets, octets, and those of both that found no room.
const TOTALS: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub packets: u64,
    pub lost_packets: u64,
}

struct Page {
    map: OwnedFd,
    entries: u32,
    memory: Arc<Budget>,
}

impl Page {
    fn new(entries: u32, memory: &Arc<Budget>) -> io::Result<Self> {
        let bytes = entries as usize * ENTRY_BYTES;
        if !memory.take(bytes) {
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                "the memory for rings and maps of captures is used up",
            ));
        }
        let spec = MapSpec {
            kind: HASH,
            key_size: size_of::<Key>() as u32,
            value_size: size_of::<Value>() as u32,
            max_entries: entries,
            ..MapSpec::default()
        };
        match create_map(spec) {
            Ok(map) => Ok(Self {
                map,
                entries,
                memory: Arc::clone(memory),
            }),
            Err(error) => {
                memory.give(bytes);
                Err(error)
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.memory.give(self.entries as usize * ENTRY_BYTES);
    }
}

pub struct Pages {
    outer: OwnedFd,
    totals: OwnedFd,
    memory: Arc<Budget>,
    written: Page,
    /// Empty.
    spare: Page,
    /// Entries that a page may have.
    most: u32,
    processors: usize,
    last: Totals,
    buffers: Buffers,
}

impl Pages {
    /// For at most `flows` at a time, as far as `memory` goes.
    pub fn new(flows: usize, memory: &Arc<Budget>) -> io::Result<Self> {
        let flows = u32::try_from(flows).unwrap_or(u32::MAX);
        let most = flows.saturating_mul(DIRECTIONS).clamp(16, 1 << 22);
        let written = Page::new(SMALLEST.min(most), memory)?;
        let spare = Page::new(SMALLEST.min(most), memory)?;
        let outer = create_map(MapSpec {
            kind: ARRAY_OF_MAPS,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            inner: number(&written.map),
            ..MapSpec::default()
        })?;
        put_map(&outer, 0, &written.map)?;
        let mut buffers = Buffers {
            keys: vec![Key::default(); BATCH],
            values: vec![Value::default(); BATCH],
        };
        if !TRIED.load(Ordering::Relaxed) {
            try_out(&outer, &written, &mut buffers)?;
            TRIED.store(true, Ordering::Relaxed);
        }
        let totals = create_map(MapSpec {
            kind: PERCPU_ARRAY,
            key_size: 4,
            value_size: (TOTALS * 8) as u32,
            max_entries: 1,
            ..MapSpec::default()
        })?;
        Ok(Self {
            outer,
            totals,
            memory: Arc::clone(memory),
            written,
            spare,
            most,
            processors: possible_processors()?,
            last: Totals::default(),
            buffers,
        })
    }

    /// Descriptors for the program: of the map of pages, and of the totals.
    pub fn maps(&self) -> (u32, u32) {
        (number(&self.outer), number(&self.totals))
    }

    /// What was counted since the beginning.
    pub fn totals(&self) -> Totals {
        let mut values = vec![0; TOTALS * self.processors];
        if lookup(&self.totals, 0, &mut values).is_err() {
            return self.last;
        }
        values
            .chunks_exact(TOTALS)
            .fold(Totals::default(), |sum, one| Totals {
                packets: sum.packets.saturating_add(one[0]),
                lost_packets: sum.lost_packets.saturating_add(one[2]),
            })
    }

    /// Move what was counted since the last call to `out`. Waits for an RCU grace period, unless there is nothing.
    pub fn take(&mut self, out: &mut Vec<Entry>) -> io::Result<()> {
        let totals = self.totals();
        if totals.packets == self.last.packets {
            return Ok(());
        }
        let lost = totals.lost_packets > self.last.lost_packets;
        self.last = totals;
        put_map(&self.outer, 0, &self.spare.map)?;
        std::mem::swap(&mut self.written, &mut self.spare);
        let before = out.len();
        self.buffers.empty(&self.spare.map, out)?;
        self.fit(out.len() - before, lost);
        Ok(())
    }

    /// Read what is there, once nothing writes any more.
    pub fn finish(&mut self, out: &mut Vec<Entry>) -> io::Result<()> {
        self.buffers.empty(&self.written.map, out)
    }

    /// Replace the page that is written next by one of the size that is needed.
    fn fit(&mut self, used: usize, lost: bool) {
        let wanted = wanted_entries(self.spare.entries, used, lost, self.most);
        if wanted == self.spare.entries {
            return;
        }
        // Where there is no memory for it, a small one must do; what finds no room is counted.
        if let Ok(page) = Page::new(wanted, &self.memory) {
            self.spare = page;
        }
    }
}

/// Whether this kernel can do what reading needs: asked once, as each answer takes a grace period.
static TRIED: AtomicBool = AtomicBool::new(false);

/// Do what reading will do. Older kernels let the program start and refuse this later: batches came with Linux 5.6,
/// pages of different sizes with 5.10.
fn try_out(outer: &OwnedFd, page: &Page, buffers: &mut Buffers) -> io::Result<()> {
    let other = Page::new(page.entries / 2, &page.memory)?;
    put_map(outer, 0, &other.map)?;
    put_map(outer, 0, &page.map)?;
    buffers.empty(&other.map, &mut Vec::new())
}

/// What one system call moves.
struct Buffers {
    keys: Vec<Key>,
    values: Vec<Value>,
}

impl Buffers {
    /// Move all entries of a map to `out`.
    fn empty(&mut self, map: &OwnedFd, out: &mut Vec<Entry>) -> io::Result<()> {
        let mut cursor = Cursor::default();
        loop {
            let (count, more) = take_batch(map, &mut cursor, &mut self.keys, &mut self.values)?;
            let found = self.keys.iter().zip(&self.values).take(count);
            out.extend(found.map(|(key, value)| Entry::new(key, value)));
            if !more {
                return Ok(());
            }
        }
    }
}

/// Entries of the page that should follow one of which `used` were needed, or more if packets were `lost`.
pub fn wanted_entries(entries: u32, used: usize, lost: bool, most: u32) -> u32 {
    if lost || used > entries as usize / 2 {
        entries.saturating_mul(STEP).min(most)
    } else if used < entries as usize / 64 && entries > SMALLEST {
        (entries / STEP).max(SMALLEST.min(most))
    } else {
        entries
    }
}

/// Processors for which a per-processor map has a value each.
fn possible_processors() -> io::Result<usize> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    last_processor(&text)
        .map(|last| last + 1)
        .ok_or_else(|| io::Error::other(format!("processors {:?}", text.trim())))
}

/// The last number of a list such as 0-3,8-11.
fn last_processor(text: &str) -> Option<usize> {
    text.trim().rsplit([',', '-']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_with_need_and_shrink_when_it_is_over() {
        let most = 200_000;
        assert_eq!(wanted_entries(SMALLEST, 100, false, most), SMALLEST);
        assert_eq!(wanted_entries(SMALLEST, 5000, false, most), 4 * SMALLEST);
        assert_eq!(wanted_entries(SMALLEST, 0, true, most), 4 * SMALLEST);
        assert_eq!(wanted_entries(100_000, 99_000, true, most), most);
        assert_eq!(wanted_entries(most, 99_000, true, most), most);
        assert_eq!(wanted_entries(most, 3000, false, most), 50_000);
        assert_eq!(wanted_entries(SMALLEST, 0, false, most), SMALLEST);
        assert_eq!(wanted_entries(16, 0, false, 16), 16);
    }

    #[test]
    fn processors_are_counted_by_the_last_one() {
        assert_eq!(last_processor("0-3\n"), Some(3));
        assert_eq!(last_processor("0-1,4-15"), Some(15));
        assert_eq!(last_processor("0"), Some(0));
        assert_eq!(last_processor(""), None);
    }
}
