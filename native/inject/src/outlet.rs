// SPDX-License-Identifier: Apache-2.0
//! Frames that go out through an interface, by the run's own socket.

use std::io;
use std::os::fd::AsRawFd;

use netsonde_capture::socket::PacketSocket;
use netsonde_packet::LinkType;

use crate::frame::ETHERNET;

/// Send a frame; through an interface without Ethernet, what is behind its header.
pub(crate) fn send(
    socket: &PacketSocket,
    ifindex: u32,
    frame: &[u8],
    link: LinkType,
) -> io::Result<()> {
    let ether_type = frame.get(ETHERNET - 2..ETHERNET).unwrap_or(&[0, 0]);
    let bytes = if link == LinkType::Ethernet {
        frame
    } else {
        frame.get(ETHERNET..).unwrap_or(&[])
    };
    // SAFETY: all zeroes is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = u16::from_ne_bytes([ether_type[0], ether_type[1]]);
    address.sll_ifindex = ifindex as i32;
    address.sll_halen = 6;
    // SAFETY: pointers and lengths describe the frame and the address.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            0,
            std::ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if sent < 0 {
        return Err(refusal(io::Error::last_os_error()));
    }
    Ok(())
}

/// Say of the interface what the kernel says of "the network".
fn refusal(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENETDOWN) => io::Error::new(error.kind(), "the interface is down"),
        _ => error,
    }
}

/// The interface is gone, or may not be used: further packets would fare no better.
pub(crate) fn is_final(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENODEV | libc::ENXIO | libc::EPERM | libc::EACCES)
    )
}
