// SPDX-License-Identifier: Apache-2.0
//! Numbered frames, and the sockets that send them.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Local experimental Ethertype (IEEE 802).
pub const ETHERTYPE: u16 = 0x88b5;
pub const MAGIC: [u8; 4] = *b"NsFr";
pub const LENGTH: usize = 64;

/// One frame: addresses, type, magic, sender, number in its stream (both big-endian).
pub fn numbered(sender: u32, number: u32) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    frame[12..14].copy_from_slice(&ETHERTYPE.to_be_bytes());
    frame[14..18].copy_from_slice(&MAGIC);
    frame[18..22].copy_from_slice(&sender.to_be_bytes());
    frame[22..26].copy_from_slice(&number.to_be_bytes());
    frame
}

/// A packet socket that sends through one interface and receives nothing.
pub struct Sender {
    socket: OwnedFd,
    address: libc::sockaddr_ll,
}

impl Sender {
    /// Open in the namespace of the calling thread.
    pub fn open(ifindex: u32) -> io::Result<Self> {
        // SAFETY: no pointers. Protocol 0 receives nothing.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all zeroes is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = ETHERTYPE.to_be();
        address.sll_ifindex = ifindex as i32;
        address.sll_halen = 6;
        // SAFETY: just opened, nobody else holds it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { socket, address })
    }

    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: pointers and lengths describe the frame and the address.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                std::ptr::from_ref(&self.address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Monotonic time in ns.
pub fn now_ns() -> i64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Processor time of this process in ns, work of the kernel for it included.
pub fn processor_ns() -> i64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid, and so are both clocks.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
