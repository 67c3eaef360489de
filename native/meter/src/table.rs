// SPDX-License-Identifier: Apache-2.0
//! The flow table: flows in fixed chunks (growing moves nothing), an index over them, second-chance eviction.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::flow::{mark, Flow};
use crate::key::FlowKey;
use crate::tcp::TcpState;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

pub(crate) struct FlowTable {
    seed: u64,
    index: HashTable<u32>,
    chunks: Vec<Vec<Flow>>,
    /// The place of each slot's flow in the order of beginnings, where that is wanted.
    opened: Vec<u64>,
    free: Vec<u32>,
    /// Where the search for a victim goes on.
    hand: u32,
    used: usize,
}

impl FlowTable {
    pub(crate) fn new() -> Self {
        Self::with_seed(RandomState::new().hash_one(0u64))
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            index: HashTable::new(),
            chunks: Vec::new(),
            opened: Vec::new(),
            free: Vec::new(),
            hand: 0,
            used: 0,
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Number of slots, free ones included: the bound of a walk by index.
    pub(crate) fn slots(&self) -> u32 {
        match self.chunks.last() {
            Some(last) => ((self.chunks.len() - 1) << CHUNK_BITS) as u32 + last.len() as u32,
            None => 0,
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        key.hash(self.seed)
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        self.index
            .find(hash, |&at| {
                self.slot(at).is_some_and(|flow| flow.key == *key)
            })
            .copied()
    }

    /// Return the slot where a flow of this hash most likely is; u32::MAX = there is none.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> u32 {
        self.index.find(hash, |_| true).copied().unwrap_or(u32::MAX)
    }

    /// Load what a packet of this slot's flow will need.
    #[inline]
    pub(crate) fn touch(&self, at: u32) -> u64 {
        self.slot(at).map_or(0, |flow| {
            flow.key.touch() ^ flow.packets[0] ^ flow.tcp().map_or(0, TcpState::touch)
        })
    }

    #[inline]
    fn slot(&self, at: u32) -> Option<&Flow> {
        self.chunks
            .get((at >> CHUNK_BITS) as usize)?
            .get(at as usize & (CHUNK - 1))
    }

    #[inline]
    fn slot_mut(&mut self, at: u32) -> Option<&mut Flow> {
        self.chunks
            .get_mut((at >> CHUNK_BITS) as usize)?
            .get_mut(at as usize & (CHUNK - 1))
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&Flow> {
        self.slot(at).filter(|flow| flow.marks & mark::USED != 0)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut Flow> {
        self.slot_mut(at)
            .filter(|flow| flow.marks & mark::USED != 0)
    }

    pub(crate) fn insert(&mut self, hash: u64, flow: Flow) -> u32 {
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(slot) = self.slot_mut(at) {
                    *slot = flow;
                }
                at
            }
            None => self.append(flow),
        };
        self.used += 1;
        let (chunks, seed) = (&self.chunks, self.seed);
        self.index.insert_unique(hash, at, |&at| {
            let chunk = chunks.get((at >> CHUNK_BITS) as usize);
            chunk
                .and_then(|chunk| chunk.get(at as usize & (CHUNK - 1)))
                .map_or(0, |flow| flow.key.hash(seed))
        });
        at
    }

    fn append(&mut self, flow: Flow) -> u32 {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let at = self.slots();
        if let Some(last) = self.chunks.last_mut() {
            last.push(flow);
        }
        at
    }

    /// Put a flow in the place of one with the same key, which is returned.
    pub(crate) fn replace(&mut self, at: u32, flow: Flow) -> Option<Flow> {
        let slot = self.slot_mut(at)?;
        Some(std::mem::replace(slot, flow))
    }

    /// Note where a flow stands in the order of beginnings.
    pub(crate) fn set_opened(&mut self, at: u32, opened: u64) {
        let at = at as usize;
        if self.opened.len() <= at {
            self.opened.resize(at + 1, 0);
        }
        self.opened[at] = opened;
    }

    pub(crate) fn opened(&self, at: u32) -> u64 {
        self.opened.get(at as usize).copied().unwrap_or(0)
    }

    /// The flows in use, as (place in the order of beginnings, slot).
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let used = |at: &u32| self.get(*at).is_some();
        (0..self.slots())
            .filter(used)
            .map(|at| (self.opened(at), at))
    }

    /// Take the flow out of the index and free its slot; its last state stays readable until the slot is reused.
    pub(crate) fn remove(&mut self, at: u32) {
        let Some(key) = self.get(at).map(|flow| flow.key) else {
            return;
        };
        let hash = self.hash(&key);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.leave(at);
        self.free.push(at);
    }

    /// Take a flow out of its slot, but not out of the index: the first half of `remove`, or of `clear` for each flow.
    pub(crate) fn leave(&mut self, at: u32) {
        if let Some(flow) = self.slot_mut(at) {
            flow.marks = 0;
            flow.conversation = crate::flow::Conversation::None;
        }
        self.used -= 1;
    }

    /// Forget all slots, once every flow has left.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.chunks.clear();
        self.opened.clear();
        self.free.clear();
        self.hand = 0;
    }

    /// Return a flow without a packet since the last search passed it: about the least recently used one.
    pub(crate) fn victim(&mut self) -> Option<u32> {
        let slots = self.slots();
        for _ in 0..2 * u64::from(slots) {
            let at = self.hand;
            self.hand = if at + 1 < slots { at + 1 } else { 0 };
            if let Some(flow) = self.get_mut(at) {
                if flow.marks & mark::RECENT == 0 {
                    return Some(at);
                }
                flow.marks &= !mark::RECENT;
            }
        }
        None
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flow> {
        self.chunks
            .iter()
            .flatten()
            .filter(|flow| flow.marks & mark::USED != 0)
    }
}
