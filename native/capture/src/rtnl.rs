// SPDX-License-Identifier: Apache-2.0
//! Link messages of rtnetlink: only what the link watcher needs of them.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::sys::{check, own, setsockopt};

const RECEIVE_BUFFER: i32 = 16 * 1024 * 1024;
const HEADER: usize = 16;
const IFINFO: usize = 16;

/// A link that the kernel speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub ifindex: u32,
    pub up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// New or changed.
    Link(Link),
    Gone(u32),
}

pub enum Received {
    Messages(Vec<Message>),
    /// Nothing to read now.
    Empty,
    /// The kernel had to throw messages away (ENOBUFS): list what there is.
    Lost,
}

pub struct LinkSocket {
    fd: OwnedFd,
    buffer: Box<[u8]>,
}

impl LinkSocket {
    /// Subscribe to link changes in the namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers.
        let fd = own(check(unsafe {
            libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE)
        })?);
        if setsockopt(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            setsockopt(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        // SAFETY: all zeroes is a valid sockaddr_nl.
        let mut address: libc::sockaddr_nl = unsafe { zeroed() };
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_groups = libc::RTMGRP_LINK as u32;
        let length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: pointer and length describe `address`.
        check(unsafe { libc::bind(fd.as_raw_fd(), std::ptr::from_ref(&address).cast(), length) })?;
        Ok(Self {
            fd,
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
        })
    }

    /// Read one datagram.
    pub fn receive(&mut self) -> Received {
        let (pointer, length) = (self.buffer.as_mut_ptr().cast(), self.buffer.len());
        // SAFETY: pointer and length describe the buffer.
        let got = unsafe { libc::recv(self.fd.as_raw_fd(), pointer, length, libc::MSG_DONTWAIT) };
        if got >= 0 {
            return Received::Messages(parse(&self.buffer[..got as usize]));
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::ENOBUFS) => Received::Lost,
            Some(libc::EINTR) => Received::Messages(Vec::new()),
            _ => Received::Empty,
        }
    }
}

impl AsRawFd for LinkSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Translate a datagram. What is malformed or of another kind is left out.
pub fn parse(mut data: &[u8]) -> Vec<Message> {
    let mut messages = Vec::with_capacity(1);
    while let Some((header, _)) = data.split_first_chunk::<HEADER>() {
        let length = u32_at(header, 0) as usize;
        if length < HEADER || length > data.len() {
            break;
        }
        messages.extend(translate(u16_at(header, 4), &data[HEADER..length]));
        data = &data[length.next_multiple_of(4).min(data.len())..];
    }
    messages
}

fn translate(kind: u16, body: &[u8]) -> Option<Message> {
    let info = body.first_chunk::<IFINFO>()?;
    // AF_BRIDGE messages speak of bridge ports: one that leaves its bridge is not gone.
    if info[0] != libc::AF_UNSPEC as u8 {
        return None;
    }
    let ifindex = u32_at(info, 4);
    if kind == libc::RTM_DELLINK {
        return Some(Message::Gone(ifindex));
    }
    (kind == libc::RTM_NEWLINK).then(|| {
        Message::Link(Link {
            ifindex,
            up: u32_at(info, 8) & libc::IFF_UP as u32 != 0,
        })
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, family: u8, flags: u32, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(((HEADER + IFINFO + attributes.len()) as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend([family, 0, 1, 0]);
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn a_new_link_has_index_and_state() {
        let data = message(libc::RTM_NEWLINK, 0, 1, b"\x09\0\x03\0eth0\0\0\0\0");
        let link = Link {
            ifindex: 7,
            up: true,
        };
        assert_eq!(parse(&data), [Message::Link(link)]);
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_gone() {
        let bridge = message(libc::RTM_DELLINK, libc::AF_BRIDGE as u8, 0, b"");
        let link = message(libc::RTM_DELLINK, 0, 0, b"");
        assert_eq!(parse(&[bridge, link].concat()), [Message::Gone(7)]);
    }

    #[test]
    fn truncated_messages_are_left_out() {
        let data = message(libc::RTM_NEWLINK, 0, 1, b"\x09\0\x03\0eth0\0\0\0\0");
        for length in 0..data.len() {
            assert_eq!(parse(&data[..length]), []);
        }
        assert_eq!(
            parse(&message(libc::RTM_NEWLINK, 0, 0, b"\xff\xff\x03\0")).len(),
            1
        );
    }
}
