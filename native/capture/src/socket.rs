// SPDX-License-Identifier: Apache-2.0
//! Plain AF_PACKET sockets: the look-back taps, and the taps of interfaces that say little.
//!
//! Made with protocol 0, so that they are hooked nowhere until `bind`, which then takes microseconds; a socket made
//! with ETH_P_ALL, or a ring made on it, waits for an RCU grace period (packet(7), net/packet/af_packet.c). They cost
//! no memory and no timer while nothing arrives, carry a 64 KiB segmentation-offload frame whole, and what has not
//! been read waits in the kernel.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

use libc::c_int;

use netsonde_packet::LinkType;

use crate::frame::{Place, RawFrame};
use crate::scratch::{Scratch, BATCH};
use crate::sys::{check, getsockopt, now_ns, own, setsockopt};

/// What may wait unread: about 5,000 small frames.
const RECEIVE_BUFFER: c_int = 4 * 1024 * 1024;
/// `lo` in every namespace (LOOPBACK_IFINDEX, net/core/dev.c).
pub const LOOPBACK: u32 = 1;

pub struct PacketSocket {
    fd: OwnedFd,
    /// The kernel stamps its frames where they enter, and not this when it reads them.
    stamped: bool,
}

impl PacketSocket {
    /// Prepare a socket in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        // SAFETY: no pointers. Protocol 0: receives nothing before `bind`.
        let fd = check(unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
                0,
            )
        })?;
        let socket = own(fd);
        if setsockopt(
            &socket,
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            &RECEIVE_BUFFER,
        )
        .is_err()
        {
            setsockopt(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        setsockopt(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1i32)?;
        Ok(Self::from(socket))
    }

    /// Receive every frame of this interface from now on, both directions; of the loopback each once.
    ///
    /// Only then is the kernel asked to stamp frames: while one socket asks, it stamps each frame of the machine. It
    /// begins a moment later (`net_enable_timestamp` in net/core/dev.c leaves it to a kworker); what it has not
    /// stamped has the time at which it is read.
    pub fn bind(&self, ifindex: u32) -> io::Result<()> {
        bind(&self.fd, ifindex)?;
        // It cannot fail, and frames without stamps are better than none.
        drop(setsockopt(
            &self.fd,
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            &1i32,
        ));
        Ok(())
    }

    /// Whether another socket would see the same stamps: (time stamp, length) names a frame.
    pub fn is_stamped(&self) -> bool {
        self.stamped
    }

    /// Whether the link was down when this was bound to it: the kernel leaves ENETDOWN with the socket then
    /// (`packet_do_bind` in net/packet/af_packet.c). To be asked once, before anything is read.
    pub fn was_down(&self) -> bool {
        let left: io::Result<c_int> = getsockopt(&self.fd, libc::SOL_SOCKET, libc::SO_ERROR);
        left.is_ok_and(|error| error == libc::ENETDOWN)
    }

    /// Read what has arrived, at most `max` frames, in batches; returns how many. ENETDOWN (the link is down, or gone)
    /// is not an error: the socket goes on when the link comes up.
    pub fn drain(
        &mut self,
        scratch: &mut Scratch,
        max: usize,
        mut sink: impl FnMut(&[RawFrame<'_>]),
    ) -> usize {
        let mut total = 0;
        while total < max {
            let asked = (max - total).min(BATCH);
            let before_ns = if self.stamped { 0 } else { now_ns() };
            let got = scratch.receive(self.fd.as_raw_fd(), asked);
            if got < 0 {
                match io::Error::last_os_error().raw_os_error() {
                    Some(libc::ENETDOWN | libc::EINTR) => continue,
                    _ => break,
                }
            }
            let mut places: Vec<Place> = (0..got as usize)
                .filter_map(|index| scratch.place(index))
                .collect();
            if !self.stamped {
                put_in_order(&mut places);
            }
            let frames: Vec<_> = places.iter().map(|at| at.of(&scratch.data)).collect();
            if let Some(first) = frames.first() {
                self.stamped |= (1..before_ns).contains(&first.ts_ns);
                sink(&frames);
            }
            total += got as usize;
            if (got as usize) < asked {
                break;
            }
        }
        total
    }
}

impl From<OwnedFd> for PacketSocket {
    fn from(fd: OwnedFd) -> Self {
        Self { fd, stamped: false }
    }
}

impl IntoRawFd for PacketSocket {
    fn into_raw_fd(self) -> RawFd {
        self.fd.into_raw_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Frames come in the order in which they entered. One that entered before the kernel began to stamp has the time at
/// which it was read, and was there before the next one, which may have a stamp.
fn put_in_order(places: &mut [Place]) {
    let mut next_ns = i64::MAX;
    for place in places.iter_mut().rev() {
        place.ts_ns = place.ts_ns.min(next_ns);
        next_ns = place.ts_ns;
    }
}

/// Bind a prepared packet socket, plain or with a ring.
pub fn bind(fd: &impl AsRawFd, ifindex: u32) -> io::Result<()> {
    if ifindex == LOOPBACK {
        // Each packet leaves and arrives there; as tcpdump does, take it once. Kernels before 4.20 refuse, and double.
        drop(setsockopt(
            fd,
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            &1i32,
        ));
    }
    // SAFETY: all zeroes is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = ifindex as c_int;
    // SAFETY: pointer and length describe `address`.
    let result = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    check(result).map(drop)
}

/// Hardware type (ARPHRD_…) of the interface that a packet socket is bound to.
pub fn hardware(fd: &impl AsRawFd) -> io::Result<u16> {
    bound(fd).map(|address| address.sll_hatype)
}

/// The interface that a packet socket is bound to; not positive once that is gone.
pub fn ifindex(fd: &impl AsRawFd) -> io::Result<c_int> {
    bound(fd).map(|address| address.sll_ifindex)
}

fn bound(fd: &impl AsRawFd) -> io::Result<libc::sockaddr_ll> {
    // SAFETY: all zeroes is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: pointer and length describe `address`.
    let result = unsafe {
        libc::getsockname(
            fd.as_raw_fd(),
            std::ptr::from_mut(&mut address).cast(),
            &mut length,
        )
    };
    check(result)?;
    Ok(address)
}

/// How the frames of an interface begin.
pub fn link_type(hardware: u16) -> LinkType {
    const RAWIP: u16 = 519;
    const TUNNEL6: u16 = 769;
    /// LINKTYPE_USER0: nothing that a reader could know.
    const UNKNOWN: u16 = 147;
    const IP6GRE: u16 = 823;
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::Ethernet,
        libc::ARPHRD_NONE | RAWIP | libc::ARPHRD_TUNNEL | TUNNEL6 => LinkType::Raw,
        libc::ARPHRD_SIT | libc::ARPHRD_IPGRE | IP6GRE | libc::ARPHRD_PPP => LinkType::Raw,
        _ => LinkType::Other(UNKNOWN),
    }
}

/// Frames that the kernel could not store since the last call (PACKET_STATISTICS counts from zero each time).
pub fn take_drops(fd: &impl AsRawFd) -> u64 {
    getsockopt::<libc::tpacket_stats>(fd, libc::SOL_PACKET, libc::PACKET_STATISTICS)
        .map_or(0, |stats| u64::from(stats.tp_drops))
}

/// Attach a classic BPF program; it replaces the one before at once.
pub fn attach(fd: &impl AsRawFd, program: &[libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// Take every frame again, after `attach` or `seal`.
pub fn detach(fd: &impl AsRawFd) -> io::Result<()> {
    setsockopt(fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0i32)
}

/// Let nothing more in. Frames that other processors are just delivering may still arrive for a moment.
pub fn seal(fd: &impl AsRawFd) -> io::Result<()> {
    const RETURN_ZERO: u16 = 0x06;
    attach(
        fd,
        &[libc::sock_filter {
            code: RETURN_ZERO,
            jt: 0,
            jf: 0,
            k: 0,
        }],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    /// A socket as any other where stamps are concerned, and one that needs no rights.
    fn receiver() -> io::Result<(PacketSocket, UdpSocket)> {
        let receiver = UdpSocket::bind("127.0.0.1:0")?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        sender.connect(receiver.local_addr()?)?;
        Ok((PacketSocket::from(OwnedFd::from(receiver)), sender))
    }

    /// Send a frame, leave it where it is for a moment, and read it.
    fn read_late(socket: &mut PacketSocket, sender: &UdpSocket) -> io::Result<()> {
        sender.send(b"frame")?;
        let sent_ns = now_ns();
        while now_ns() <= sent_ns {}
        let mut scratch = Scratch::default();
        while socket.drain(&mut scratch, 1, |_| {}) == 0 {}
        Ok(())
    }

    #[test]
    fn a_frame_without_a_stamp_is_no_later_than_the_next_one() {
        let place = |ts_ns| Place {
            ts_ns,
            wire_len: 60,
            bytes: 0..60,
        };
        let mut places = [7, 9, 5, 6, 6].map(place);
        put_in_order(&mut places);
        assert_eq!(places.map(|place| place.ts_ns), [5, 5, 5, 6, 6]);
    }

    #[test]
    fn stamps_of_entering_are_told_from_none() -> io::Result<()> {
        let (mut socket, sender) = receiver()?;
        read_late(&mut socket, &sender)?;
        assert!(!socket.is_stamped());

        setsockopt(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1i32)?;
        // The kernel begins a moment after it is asked.
        while !socket.is_stamped() {
            read_late(&mut socket, &sender)?;
        }
        Ok(())
    }
}
