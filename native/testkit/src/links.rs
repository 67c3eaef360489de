// SPDX-License-Identifier: Apache-2.0
//! Makes, moves, raises and deletes links over rtnetlink.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_GROUP: u16 = 27;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// An rtnetlink socket of the namespace in which it was opened.
pub struct Links(OwnedFd);

struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: i32, ifindex: u32, up: bool) -> Self {
        let mut message = Self(vec![0; 4]);
        message.0.extend(kind.to_ne_bytes());
        message
            .0
            .extend(((libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16).to_ne_bytes());
        message.0.extend([0; 8]);
        message.info(ifindex, up);
        message
    }

    fn info(&mut self, ifindex: u32, up: bool) {
        let flags = if up { libc::IFF_UP as u32 } else { 0 };
        self.0.extend([0; 4]);
        self.0.extend(ifindex.to_ne_bytes());
        self.0.extend(flags.to_ne_bytes());
        self.0.extend(flags.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, data: &[u8]) {
        self.0.extend(((data.len() + 4) as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0, 0]);
        self.0.extend(kind.to_ne_bytes());
        fill(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    fn name(&mut self, name: &str) {
        self.attribute(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    }
}

impl Links {
    /// Open a socket in the namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, nobody else holds it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn ask(&self, mut message: Message) -> io::Result<()> {
        let length = message.0.len() as u32;
        message.0[..4].copy_from_slice(&length.to_ne_bytes());
        // SAFETY: pointer and length describe the message.
        let sent = unsafe {
            libc::send(
                self.0.as_raw_fd(),
                message.0.as_ptr().cast(),
                message.0.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut answer = [0u8; 8192];
        // SAFETY: pointer and length describe the buffer.
        let got = unsafe {
            libc::recv(
                self.0.as_raw_fd(),
                answer.as_mut_ptr().cast(),
                answer.len(),
                0,
            )
        };
        if got < 20 {
            return Err(io::Error::last_os_error());
        }
        match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(-code)),
        }
    }

    /// Make a veth pair. `up` raises the first end at once; the kernel has no peer yet to raise the other.
    pub fn add_veth(&self, name: &str, peer: &str, up: bool) -> io::Result<()> {
        let mut message = Message::new(
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            0,
            up,
        );
        message.name(name);
        message.nest(IFLA_LINKINFO, |info| {
            info.attribute(IFLA_INFO_KIND, b"veth");
            info.nest(IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |end| {
                    end.info(0, false);
                    end.name(peer);
                });
            });
        });
        self.ask(message)
    }

    pub fn up(&self, ifindex: u32) -> io::Result<()> {
        self.ask(Message::new(libc::RTM_NEWLINK, 0, ifindex, true))
    }

    pub fn move_to(&self, ifindex: u32, namespace: RawFd) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, 0, ifindex, false);
        message.attribute(IFLA_NET_NS_FD, &namespace.to_ne_bytes());
        self.ask(message)
    }

    pub fn set_group(&self, name: &str, group: u32) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, 0, 0, false);
        message.name(name);
        message.attribute(IFLA_GROUP, &group.to_ne_bytes());
        self.ask(message)
    }

    /// Delete many links at once: one by one each waits for grace periods, 30 ms and more.
    pub fn delete_group(&self, group: u32) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_DELLINK, 0, 0, false);
        message.attribute(IFLA_GROUP, &group.to_ne_bytes());
        self.ask(message)
    }

    pub fn delete(&self, name: &str) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_DELLINK, 0, 0, false);
        message.name(name);
        self.ask(message)
    }
}

/// Index of an interface of the calling thread's namespace.
pub fn ifindex(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    // SAFETY: the name ends in zero.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}
