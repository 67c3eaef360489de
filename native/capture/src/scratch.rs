// SPDX-License-Identifier: Apache-2.0
//! What plain packet sockets are read into: frames, and what the kernel says beside each.

use std::mem::zeroed;
use std::os::fd::RawFd;

use libc::{c_int, c_void, iovec, mmsghdr};

use crate::frame::{insert_vlan, Place, VLAN_ROOM};

/// Largest frame taken whole: a 64 KiB offload frame with its headers and tags.
const FRAME_MAX: usize = 68 * 1024;
/// Frames read at once.
pub const BATCH: usize = 64;
const CONTROL: usize = 128;

/// Buffers of one reading thread, used for all of its sockets in turn.
pub struct Scratch {
    pub data: Box<[u8]>,
    control: Box<[[u64; CONTROL / 8]; BATCH]>,
    vectors: Box<[iovec; BATCH]>,
    headers: Box<[mmsghdr; BATCH]>,
}

// SAFETY: the pointers inside lead to the boxes beside them, which move with the struct.
unsafe impl Send for Scratch {}

impl Default for Scratch {
    fn default() -> Self {
        let mut scratch = Self {
            data: vec![0; BATCH * (VLAN_ROOM + FRAME_MAX)].into_boxed_slice(),
            control: Box::new([[0; CONTROL / 8]; BATCH]),
            // SAFETY: all zeroes is valid for these C structs.
            vectors: Box::new(unsafe { zeroed() }),
            // SAFETY: as above.
            headers: Box::new(unsafe { zeroed() }),
        };
        for (index, slot) in scratch
            .data
            .chunks_exact_mut(VLAN_ROOM + FRAME_MAX)
            .enumerate()
        {
            scratch.vectors[index].iov_base = slot[VLAN_ROOM..].as_mut_ptr().cast::<c_void>();
            scratch.vectors[index].iov_len = FRAME_MAX;
            scratch.headers[index].msg_hdr.msg_iov = &mut scratch.vectors[index];
            scratch.headers[index].msg_hdr.msg_iovlen = 1;
            scratch.headers[index].msg_hdr.msg_control =
                scratch.control[index].as_mut_ptr().cast::<c_void>();
        }
        scratch
    }
}

impl Scratch {
    pub fn receive(&mut self, fd: RawFd, count: usize) -> c_int {
        for header in &mut self.headers[..count] {
            header.msg_hdr.msg_controllen = CONTROL;
        }
        // SAFETY: the first `count` headers lead to buffers of this struct with their true lengths.
        unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                count as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        }
    }

    /// Put a frame in its place, with its tag.
    pub fn place(&mut self, index: usize) -> Option<Place> {
        let length = (self.headers[index].msg_len as usize).min(FRAME_MAX);
        let notes = Notes::of(&self.headers[index].msg_hdr);
        let start = index * (VLAN_ROOM + FRAME_MAX);
        let end = start + VLAN_ROOM + length;
        let wire_len = notes.wire_len.max(length as u32);
        let (start, wire_len) = match notes.vlan {
            Some((tpid, tci)) => {
                insert_vlan(&mut self.data[start..end], tpid, tci)?;
                (start, wire_len + VLAN_ROOM as u32)
            }
            None => (start + VLAN_ROOM, wire_len),
        };
        Some(Place {
            ts_ns: notes.ts_ns,
            wire_len,
            bytes: start..end,
        })
    }
}

/// What the kernel says beside a frame.
#[derive(Default)]
struct Notes {
    ts_ns: i64,
    wire_len: u32,
    vlan: Option<(u16, u16)>,
}

impl Notes {
    fn of(header: &libc::msghdr) -> Self {
        let mut notes = Self::default();
        // SAFETY: recvmmsg filled the control buffer; the CMSG macros stay inside msg_controllen.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
        while !next.is_null() {
            // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a complete header inside the buffer.
            let (level, kind, data) =
                unsafe { ((*next).cmsg_level, (*next).cmsg_type, libc::CMSG_DATA(next)) };
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    // SAFETY: the kernel writes a timespec for this type.
                    let stamp = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                    notes.ts_ns = stamp.tv_sec * 1_000_000_000 + stamp.tv_nsec;
                }
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    // SAFETY: the kernel writes a tpacket_auxdata for this type.
                    let auxiliary =
                        unsafe { data.cast::<libc::tpacket_auxdata>().read_unaligned() };
                    notes.wire_len = auxiliary.tp_len;
                    notes.vlan = vlan_of(
                        auxiliary.tp_status,
                        auxiliary.tp_vlan_tpid,
                        auxiliary.tp_vlan_tci,
                    );
                }
                _ => {}
            }
            // SAFETY: `next` is a header of `header`.
            next = unsafe { libc::CMSG_NXTHDR(header, next) };
        }
        notes
    }
}

/// The tag that the kernel took out of a frame, if it took one: (TPID, TCI).
pub fn vlan_of(status: u32, tpid: u16, tci: u16) -> Option<(u16, u16)> {
    const ETH_P_8021Q: u16 = 0x8100;
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    Some((if known { tpid } else { ETH_P_8021Q }, tci))
}
