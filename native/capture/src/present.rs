// SPDX-License-Identifier: Apache-2.0
//! The links that a namespace has, listed without the kernel's rtnl lock.
//!
//! Source: /proc/net/dev, then SIOCGIFINDEX and SIOCGIFFLAGS for each name; the kernel answers all three under RCU
//! (net/core/net-procfs.c, net/core/dev_ioctl.c). An RTM_GETLINK dump takes the rtnl lock, in the thread that asks:
//! whoever moves a link holds it for a grace period, 15 ms and more, in which a watcher would be deaf.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::rtnl::Link;
use crate::sys::check;

/// Of the namespace of the calling thread, not of the process.
const TABLE: &str = "/proc/thread-self/net/dev";
const HEADER_LINES: usize = 2;

/// List the links of the calling thread's namespace; `socket` is any socket made in it. What goes meanwhile is left out.
pub fn present(socket: &impl AsRawFd) -> io::Result<Vec<Link>> {
    let table = fs::read(TABLE)?;
    let found = names(&table).filter_map(|name| look_up(socket.as_raw_fd(), name).ok());
    Ok(found.collect())
}

fn names(table: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = table.split(|byte| *byte == b'\n').skip(HEADER_LINES);
    lines.filter_map(|line| {
        let end = line.iter().position(|byte| *byte == b':')?;
        Some(line[..end].trim_ascii_start())
    })
}

fn look_up(socket: RawFd, name: &[u8]) -> io::Result<Link> {
    // SAFETY: all zeroes is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    // SAFETY: `request` is a valid ifreq with a name that ends in zero; the kernel fills the rest.
    check(unsafe { libc::ioctl(socket, libc::SIOCGIFINDEX, &mut request) })?;
    // SAFETY: SIOCGIFINDEX has set this member.
    let ifindex = unsafe { request.ifr_ifru.ifru_ifindex } as u32;
    // SAFETY: as above.
    check(unsafe { libc::ioctl(socket, libc::SIOCGIFFLAGS, &mut request) })?;
    // SAFETY: SIOCGIFFLAGS has set this member.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    let up = flags & libc::IFF_UP != 0;
    Ok(Link { ifindex, up })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn names_are_taken_as_the_kernel_pads_them() {
        let table = b"Inter-|\n face |\n    lo:  1 2\nlongest-name-15: 0 0\n";
        let found: Vec<_> = names(table).collect();
        assert_eq!(found, [&b"lo"[..], b"longest-name-15"]);
    }

    #[test]
    fn the_loopback_is_listed_with_its_index() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let found = present(&socket).expect("Linux");
        assert!(found.contains(&Link {
            ifindex: 1,
            up: true
        }));
    }

    #[test]
    fn a_name_that_no_link_can_have_is_left_out() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        assert!(look_up(socket.as_raw_fd(), b"sixteen-letters!").is_err());
    }
}
