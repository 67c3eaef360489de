// SPDX-License-Identifier: Apache-2.0
//! A frame as a socket delivers it, and the bounded store in which copies of frames wait.

use std::collections::VecDeque;
use std::ops::Range;

/// One frame with its VLAN tag in place. Borrowed from a socket's buffer.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame<'a> {
    /// Unix time in ns, as the kernel stamped it.
    pub ts_ns: i64,
    /// Length on the wire; `data` may be shorter.
    pub wire_len: u32,
    pub data: &'a [u8],
}

/// Where a frame lies in a buffer, while others are still being read into place there.
#[derive(Clone, Debug)]
pub struct Place {
    pub ts_ns: i64,
    pub wire_len: u32,
    pub bytes: Range<usize>,
}

impl Place {
    pub fn of<'a>(&self, buffer: &'a [u8]) -> RawFrame<'a> {
        RawFrame {
            ts_ns: self.ts_ns,
            wire_len: self.wire_len,
            data: buffer.get(self.bytes.clone()).unwrap_or_default(),
        }
    }
}

/// Bytes that a re-inserted 802.1Q tag needs before the frame.
pub const VLAN_ROOM: usize = 4;
const MACS: usize = 12;

/// Put a tag that the kernel had taken out back in its place. `buffer[VLAN_ROOM..]` is the frame; the result
/// starts at 0. Frames shorter than two addresses have no place for a tag: None.
pub fn insert_vlan(buffer: &mut [u8], tpid: u16, tci: u16) -> Option<&[u8]> {
    if buffer.len() < VLAN_ROOM + MACS {
        return None;
    }
    buffer.copy_within(VLAN_ROOM..VLAN_ROOM + MACS, 0);
    buffer[MACS..MACS + 2].copy_from_slice(&tpid.to_be_bytes());
    buffer[MACS + 2..MACS + 4].copy_from_slice(&tci.to_be_bytes());
    Some(buffer)
}

/// What a capture knows of a frame that it keeps. All zero in a look-back buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Position among the packets of the capture on this interface, from 0.
    pub number: u64,
    pub flow_uuid: u64,
    /// Seen before the capture's definition matched.
    pub lookback: bool,
}

const RECORD: usize = 8 + 4 + 4 + 8 + 8 + 1;
/// Blocks double from one to the next: most interfaces say little in their first seconds.
const FIRST_CHUNK: usize = 4 * 1024;
const LARGEST_CHUNK: usize = 128 * 1024;

/// Frames in order of arrival, appended at the end and given up from the start, in a few large blocks of memory.
#[derive(Default)]
pub struct FrameStore {
    chunks: VecDeque<Chunk>,
    frames: u64,
    bytes: usize,
}

#[derive(Default)]
struct Chunk {
    data: Vec<u8>,
    frames: u64,
}

impl FrameStore {
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Memory taken, unused ends of blocks included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that storing `length` more would add.
    pub fn growth(&self, length: usize) -> usize {
        let need = RECORD + length;
        match self.chunks.back() {
            Some(chunk) if chunk.data.capacity() - chunk.data.len() >= need => 0,
            _ => self.next_chunk(need),
        }
    }

    fn next_chunk(&self, need: usize) -> usize {
        let doubled = self
            .chunks
            .back()
            .map_or(0, |last| 2 * last.data.capacity());
        need.max(doubled.clamp(FIRST_CHUNK, LARGEST_CHUNK))
    }

    /// Append a copy of the first `snap` bytes.
    pub fn push(&mut self, frame: &RawFrame<'_>, snap: usize, tag: Tag) {
        let data = &frame.data[..frame.data.len().min(snap)];
        let growth = self.growth(data.len());
        if growth > 0 {
            self.chunks.push_back(Chunk {
                data: Vec::with_capacity(growth),
                frames: 0,
            });
            self.bytes += growth;
        }
        let Some(chunk) = self.chunks.back_mut() else {
            return;
        };
        chunk.data.extend_from_slice(&frame.ts_ns.to_ne_bytes());
        chunk.data.extend_from_slice(&frame.wire_len.to_ne_bytes());
        chunk
            .data
            .extend_from_slice(&(data.len() as u32).to_ne_bytes());
        chunk.data.extend_from_slice(&tag.number.to_ne_bytes());
        chunk.data.extend_from_slice(&tag.flow_uuid.to_ne_bytes());
        chunk.data.push(u8::from(tag.lookback));
        chunk.data.extend_from_slice(data);
        chunk.frames += 1;
        self.frames += 1;
    }

    /// Give up the oldest block; returns how many frames were in it.
    pub fn drop_oldest(&mut self) -> u64 {
        let Some(chunk) = self.chunks.pop_front() else {
            return 0;
        };
        self.frames -= chunk.frames;
        self.bytes -= chunk.data.capacity();
        chunk.frames
    }

    pub fn oldest_ns(&self) -> Option<i64> {
        self.iter().next().map(|(frame, _)| frame.ts_ns)
    }

    pub fn iter(&self) -> impl Iterator<Item = (RawFrame<'_>, Tag)> {
        self.chunks.iter().flat_map(|chunk| Records(&chunk.data))
    }
}

struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (RawFrame<'a>, Tag);

    fn next(&mut self) -> Option<Self::Item> {
        let ts_ns = i64::from_ne_bytes(self.take()?);
        let wire_len = u32::from_ne_bytes(self.take()?);
        let length = u32::from_ne_bytes(self.take()?) as usize;
        let number = u64::from_ne_bytes(self.take()?);
        let flow_uuid = u64::from_ne_bytes(self.take()?);
        let lookback = self.take::<1>()? != [0];
        let (data, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((
            RawFrame {
                ts_ns,
                wire_len,
                data,
            },
            Tag {
                number,
                flow_uuid,
                lookback,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ts_ns: i64, data: &[u8]) -> RawFrame<'_> {
        RawFrame {
            ts_ns,
            wire_len: data.len() as u32,
            data,
        }
    }

    #[test]
    fn frames_come_back_in_order_and_cut_to_the_snap() {
        let mut store = FrameStore::default();
        let long = vec![7u8; 3000];
        (0..1000).for_each(|n| {
            store.push(
                &frame(n, &long),
                100,
                Tag {
                    number: n as u64,
                    ..Tag::default()
                },
            )
        });
        let seen: Vec<_> = store
            .iter()
            .map(|(f, tag)| (f.ts_ns, f.wire_len, f.data.len(), tag.number))
            .collect();
        assert_eq!(seen.len(), 1000);
        assert!(seen
            .iter()
            .enumerate()
            .all(|(n, f)| *f == (n as i64, 3000, 100, n as u64)));
    }

    #[test]
    fn a_frame_larger_than_a_block_fits() {
        let mut store = FrameStore::default();
        let huge = vec![1u8; 300_000];
        store.push(&frame(1, &huge), usize::MAX, Tag::default());
        store.push(&frame(2, b"x"), usize::MAX, Tag::default());
        assert_eq!(
            store.iter().map(|(f, _)| f.data.len()).collect::<Vec<_>>(),
            [300_000, 1]
        );
    }

    #[test]
    fn giving_up_the_oldest_keeps_the_count_of_bytes_and_frames_true() {
        let mut store = FrameStore::default();
        (0..5000).for_each(|n| store.push(&frame(n, &[0; 100]), 100, Tag::default()));
        let mut given_up = 0;
        while store.bytes() > 0 {
            given_up += store.drop_oldest();
        }
        assert_eq!(
            (given_up, store.frames(), store.iter().count()),
            (5000, 0, 0)
        );
    }

    #[test]
    fn a_tag_goes_between_addresses_and_type() {
        let mut buffer = [0u8; 4 + 14];
        buffer[4..16].copy_from_slice(&[1; 12]);
        buffer[16..].copy_from_slice(&[8, 0]);
        let tagged = insert_vlan(&mut buffer, 0x8100, 5).map(<[u8]>::to_vec);
        let expected = [&[1u8; 12][..], &[0x81, 0, 0, 5, 8, 0]].concat();
        assert_eq!(tagged, Some(expected));
        assert_eq!(insert_vlan(&mut [0; 10], 0x8100, 5), None);
    }
}
