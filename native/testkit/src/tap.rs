// SPDX-License-Identifier: Apache-2.0
//! Tap and tun devices, as a hypervisor opens them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

/// Make a tap (Ethernet) or tun (IP) device; frames written to the file arrive on it.
pub fn open(name: &str, ethernet: bool) -> io::Result<File> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    // SAFETY: all zeroes is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (target, byte) in request.ifr_name.iter_mut().take(15).zip(name.bytes()) {
        *target = byte as libc::c_char;
    }
    let kind = if ethernet {
        libc::IFF_TAP
    } else {
        libc::IFF_TUN
    };
    request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI) as i16;
    // SAFETY: TUNSETIFF takes a pointer to an ifreq.
    if unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(device)
}
