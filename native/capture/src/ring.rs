// SPDX-License-Identifier: Apache-2.0
//! TPACKET_V3 rings: the taps of busy interfaces. Opening one waits for an RCU grace period (8 ms, 24 ms when busy),
//! so it happens in the opener thread, beside the socket that goes on receiving.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use libc::{c_int, c_uint, c_void, tpacket3_hdr, tpacket_block_desc, tpacket_req3};

use crate::budget::Budget;
use crate::frame::{insert_vlan, Place, RawFrame, VLAN_ROOM};
use crate::scratch::vlan_of;
use crate::socket::bind;
use crate::sys::{check, own, setsockopt};

/// A block holds a 64 KiB offload frame several times.
const BLOCK: usize = 256 * 1024;
/// How long a block with frames stays the kernel's before it is handed over half full.
pub const BLOCK_TIMEOUT_MS: u32 = 40;
const VERSION_3: c_int = 2;

pub struct Ring {
    socket: OwnedFd,
    map: NonNull<u8>,
    blocks: usize,
    /// Block that the kernel hands over next.
    current: usize,
    /// Frames already read of the current block, and where the next one is.
    position: Option<(u32, usize)>,
    /// Memory of `drain_block`.
    places: Vec<Place>,
    memory: Option<Arc<Budget>>,
}

// SAFETY: the map belongs to this struct alone; only its owner reads it, through &mut self.
unsafe impl Send for Ring {}

impl Ring {
    /// Make a ring of `bytes` in the namespace of the calling thread, and only then bind it. Its
    /// bytes, already taken from `memory`, are given back when it is dropped. Blocks for some 10 to 30 ms.
    pub fn open(ifindex: u32, bytes: usize, memory: Arc<Budget>) -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
                0,
            )
        })?;
        let socket = own(fd);
        setsockopt(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &VERSION_3)?;
        // Room before each frame for the tag that `insert_vlan` puts back.
        setsockopt(
            &socket,
            libc::SOL_PACKET,
            libc::PACKET_RESERVE,
            &(VLAN_ROOM as c_uint),
        )?;
        // Stamped like plain sockets, once per frame: doubles are recognised by it.
        setsockopt(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1i32)?;
        let blocks = (bytes / BLOCK).max(2);
        let request = tpacket_req3 {
            tp_block_size: BLOCK as c_uint,
            tp_block_nr: blocks as c_uint,
            tp_frame_size: BLOCK as c_uint,
            tp_frame_nr: blocks as c_uint,
            tp_retire_blk_tov: BLOCK_TIMEOUT_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        setsockopt(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let map = map_ring(&socket, blocks * BLOCK)?;
        let mut ring = Self {
            socket,
            map,
            blocks,
            current: 0,
            position: None,
            places: Vec::new(),
            memory: None,
        };
        bind(&ring.socket, ifindex)?;
        ring.memory = Some(memory);
        Ok(ring)
    }

    pub fn bytes(&self) -> usize {
        self.blocks * BLOCK
    }

    fn block(&self) -> *mut u8 {
        // SAFETY: current < blocks, and the map is blocks * BLOCK long.
        unsafe { self.map.as_ptr().add(self.current * BLOCK) }
    }

    fn status(&self) -> &AtomicU32 {
        let header = self.block().cast::<tpacket_block_desc>();
        // SAFETY: block_status is an aligned u32 inside the map; the kernel writes it concurrently, hence atomic.
        unsafe { AtomicU32::from_ptr(std::ptr::addr_of_mut!((*header).hdr.bh1.block_status)) }
    }

    /// Read finished blocks, at most `max` frames, those of each at once; returns how many.
    pub fn drain(&mut self, max: usize, mut sink: impl FnMut(&[RawFrame<'_>])) -> usize {
        let mut total = 0;
        while total < max && self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0 {
            total += self.drain_block(max - total, &mut sink);
        }
        total
    }

    fn drain_block(&mut self, max: usize, sink: &mut impl FnMut(&[RawFrame<'_>])) -> usize {
        let header = self.block().cast::<tpacket_block_desc>();
        // SAFETY: the block is ours (TP_STATUS_USER) and its header is filled.
        let (frames, first) = unsafe {
            (
                (*header).hdr.bh1.num_pkts,
                (*header).hdr.bh1.offset_to_first_pkt as usize,
            )
        };
        let (mut read, mut offset) = self.position.unwrap_or((0, first));
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        // SAFETY: the block is ours, so nobody else writes to it until it is released below.
        let block = unsafe { std::slice::from_raw_parts_mut(self.block(), BLOCK) };
        let mut count = 0;
        while read < frames && count < max {
            let Some(next) = place_frame(block, offset, &mut places) else {
                read = frames;
                break;
            };
            (read, offset, count) = (read + 1, offset + next, count + 1);
        }
        let found: Vec<_> = places.iter().map(|place| place.of(block)).collect();
        if !found.is_empty() {
            sink(&found);
        }
        self.places = places;
        if read < frames {
            self.position = Some((read, offset));
        } else {
            self.position = None;
            self.status()
                .store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.current = (self.current + 1) % self.blocks;
        }
        count
    }
}

/// Put one frame in its place, with its tag; returns the distance to the next one, None when the block makes no sense.
fn place_frame(block: &mut [u8], offset: usize, places: &mut Vec<Place>) -> Option<usize> {
    let bytes = block.get(offset..offset + size_of::<tpacket3_hdr>())?;
    // SAFETY: as many bytes as the C struct, of plain old data.
    let header = unsafe { bytes.as_ptr().cast::<tpacket3_hdr>().read_unaligned() };
    let start = offset + header.tp_mac as usize;
    let whole = start - VLAN_ROOM..start + header.tp_snaplen as usize;
    let buffer = block.get_mut(whole.clone())?;
    let ts_ns = i64::from(header.tp_sec) * 1_000_000_000 + i64::from(header.tp_nsec);
    let tag = vlan_of(
        header.tp_status,
        header.hv1.tp_vlan_tpid,
        header.hv1.tp_vlan_tci as u16,
    );
    let (bytes, wire_len) = match tag {
        Some((tpid, tci)) => (
            insert_vlan(buffer, tpid, tci).map(|_| whole),
            header.tp_len + VLAN_ROOM as u32,
        ),
        None => (Some(start..whole.end), header.tp_len),
    };
    places.extend(bytes.map(|bytes| Place {
        ts_ns,
        wire_len,
        bytes,
    }));
    Some(header.tp_next_offset as usize)
}

fn map_ring(socket: &OwnedFd, length: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let fd = socket.as_raw_fd();
    // SAFETY: a fresh shared mapping of the ring that was just made; the kernel checks the length.
    let map = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            protection,
            libc::MAP_SHARED,
            fd,
            0,
        )
    };
    if map == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(map.cast::<u8>()).ok_or_else(|| io::Error::other("ring mapped at address 0"))
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped in `open` with this length; nothing borrows it any more.
        unsafe { libc::munmap(self.map.as_ptr().cast::<c_void>(), self.bytes()) };
        if let Some(memory) = &self.memory {
            memory.give(self.bytes());
        }
    }
}
