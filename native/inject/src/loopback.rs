// SPDX-License-Identifier: Apache-2.0
//! Sends to the machine itself through the loopback.
//!
//! The kernel takes a packet for 127.0.0.0/8 only with the route that it gave it on the way out (a "martian" otherwise,
//! RFC 1812 §5.3.7), and what a packet socket sends has none. A raw socket's packets have (raw(7), IP_HDRINCL).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use netsonde_capture::sys::{check, own};

use crate::frame::ETHERNET;
use crate::probe::{Kind, Probe};

pub struct Loopback {
    socket: OwnedFd,
    target: Ipv4Addr,
}

/// Return the address that a probe can reach in no other way, when its interface has the type `hardware`.
pub fn target_of(probe: &Probe, hardware: u16) -> Option<Ipv4Addr> {
    match probe.target {
        IpAddr::V4(target)
            if hardware == libc::ARPHRD_LOOPBACK
                && target.is_loopback()
                && probe.kind != Kind::Arp =>
        {
            Some(target)
        }
        _ => None,
    }
}

impl Loopback {
    /// Open in the namespace of the thread; needs CAP_NET_RAW.
    pub fn open(target: Ipv4Addr) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = check(unsafe {
            libc::socket(
                libc::AF_INET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                libc::IPPROTO_RAW,
            )
        })?;
        Ok(Self {
            socket: own(fd),
            target,
        })
    }

    /// Send the IP packet of an Ethernet frame without a tag.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        let packet = frame.get(ETHERNET..).unwrap_or(&[]);
        // SAFETY: all zeroes is a valid sockaddr_in.
        let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_addr.s_addr = u32::from(self.target).to_be();
        // SAFETY: pointers and lengths describe the packet and the address.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                std::ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_in>() as libc::socklen_t,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
