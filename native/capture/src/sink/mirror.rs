// SPDX-License-Identifier: Apache-2.0
//! Packets sent on in a tunnel: ERSPAN type II (draft-foschiano-erspan-03 §4.2) and VXLAN (RFC 7348 §5).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use netsonde_packet::LinkType;

use super::{Copied, Outlet};
use crate::sys::{check, own};

/// A sender bound to any port of the target's family.
pub(super) fn connected(target: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if target.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(target)?;
    Ok(socket)
}

/// What is sent on must be a whole frame: whoever unpacks it looks for its addresses.
fn ethernet(frame: &Copied) -> io::Result<()> {
    if frame.link_type == LinkType::Ethernet {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "the interface has packets without Ethernet, which this tunnel cannot carry: use `pcapng`",
    ))
}

pub(super) struct Vxlan {
    socket: UdpSocket,
    header: [u8; 8],
    buffer: Vec<u8>,
}

impl Vxlan {
    pub(super) fn open(target: SocketAddr, vni: u32) -> io::Result<Self> {
        let [_, a, b, c] = vni.to_be_bytes();
        Ok(Self {
            socket: connected(target)?,
            // The flag says that the id counts.
            header: [0x08, 0, 0, 0, a, b, c, 0],
            buffer: Vec::new(),
        })
    }
}

impl Outlet for Vxlan {
    fn frame(&mut self, frame: &Copied) -> io::Result<u64> {
        ethernet(frame)?;
        self.buffer.clear();
        self.buffer.extend(self.header);
        self.buffer.extend(&frame.data);
        self.socket.send(&self.buffer).map(|_| 1)
    }
}

pub(super) struct Erspan {
    socket: OwnedFd,
    session: u16,
    /// Number of the mirrored port, 20 bits.
    index: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

/// Sequence number present (RFC 2890); protocol ERSPAN type II.
const GRE: [u8; 4] = [0x10, 0x00, 0x88, 0xbe];

impl Erspan {
    pub(super) fn open(target: Ipv4Addr, session: u16, ifindex: u32) -> io::Result<Self> {
        // SAFETY: no pointers.
        let socket = own(check(unsafe {
            libc::socket(
                libc::AF_INET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                libc::IPPROTO_GRE,
            )
        })?);
        let address = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: 0,
            sin_addr: libc::in_addr {
                s_addr: u32::from(target).to_be(),
            },
            sin_zero: [0; 8],
        };
        // SAFETY: pointer and length describe `address`, which outlives the call.
        check(unsafe {
            libc::connect(
                socket.as_raw_fd(),
                std::ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_in>() as libc::socklen_t,
            )
        })?;
        Ok(Self {
            socket,
            session,
            index: ifindex & 0xf_ffff,
            sequence: 0,
            buffer: Vec::new(),
        })
    }

    fn fill(&mut self, frame: &Copied) {
        let truncated = (frame.data.len() as u32) < frame.wire_len;
        let first = 1u32 << 28 | u32::from(truncated) << 10 | u32::from(self.session & 0x3ff);
        self.buffer.clear();
        self.buffer.extend(GRE);
        self.buffer.extend(self.sequence.to_be_bytes());
        self.buffer.extend(first.to_be_bytes());
        self.buffer.extend(self.index.to_be_bytes());
        self.buffer.extend(&frame.data);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

impl Outlet for Erspan {
    fn frame(&mut self, frame: &Copied) -> io::Result<u64> {
        ethernet(frame)?;
        self.fill(frame);
        // SAFETY: pointer and length describe the buffer.
        let sent = unsafe {
            libc::send(
                self.socket.as_raw_fd(),
                self.buffer.as_ptr().cast(),
                self.buffer.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_without_ethernet_are_not_sent_as_if_they_had_it() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let target = receiver.local_addr().expect("it is bound");
        let mut vxlan = Vxlan::open(target, 7).expect("a socket");
        let mut sent = |link_type| {
            let frame = Copied {
                ts_ns: 1,
                wire_len: 60,
                link_type,
                data: vec![0; 60],
            };
            vxlan.frame(&frame).ok()
        };
        assert_eq!(
            (sent(LinkType::Raw), sent(LinkType::Ethernet)),
            (None, Some(1))
        );
    }
}
