// SPDX-License-Identifier: Apache-2.0
//! Where the program runs: at tcx, or as the filter of a packet socket that takes nothing. Both end with their
//! descriptors, whatever becomes of the process: nothing is pinned, and nothing has to be swept.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc::Sender;

use super::program;
use super::syscall::{
    attach_tcx, linked_to, load, SCHED_CLS, SOCKET_FILTER, TCX_EGRESS, TCX_INGRESS,
};
use crate::reaper::Garbage;
use crate::socket::{PacketSocket, LOOPBACK};
use crate::sys::{check, own, setsockopt};
use netsonde_packet::LinkType;

/// Which of the two is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hook {
    /// tcx where the kernel has it (Linux 6.6), else a socket.
    #[default]
    Best,
    Tcx,
    Socket,
}

const NO_TCX: &str =
    "this kernel has no tcx, which came with Linux 6.6: set capture.ebpf_hook to best";
/// TCX_NEXT: what stands behind us decides.
const NEXT: u64 = u32::MAX as u64;
/// Bytes that the socket takes.
const NOTHING: u64 = 0;
const ETHERNET: u64 = 14;

pub enum Attached {
    /// One for each direction; on the loopback, where each packet passes both, only one.
    Tcx(Vec<OwnedFd>),
    Socket(PacketSocket, Sender<Garbage>),
}

/// What the program is told when it is loaded: descriptors of its maps, and how frames begin.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    pub pages: u32,
    pub totals: u32,
    pub link_type: LinkType,
}

impl Attached {
    /// Attach to an interface of the calling thread's namespace.
    pub fn new(
        hook: Hook,
        parameters: Parameters,
        ifindex: u32,
        garbage: &Sender<Garbage>,
    ) -> io::Result<Self> {
        match hook {
            Hook::Tcx => tcx(parameters, ifindex).map_err(|error| {
                if error.raw_os_error() == Some(libc::EINVAL) {
                    io::Error::other(NO_TCX)
                } else {
                    error
                }
            }),
            Hook::Socket => socket(parameters, ifindex, garbage),
            Hook::Best => match tcx(parameters, ifindex) {
                // An older kernel knows no such links.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    socket(parameters, ifindex, garbage)
                }
                result => result,
            },
        }
    }

    /// Whether the interface is there no more.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Tcx(links) => links
                .iter()
                .any(|link| linked_to(link).is_ok_and(|ifindex| ifindex == 0)),
            Self::Socket(socket, _) => {
                crate::socket::ifindex(socket).is_ok_and(|ifindex| ifindex <= 0)
            }
        }
    }

    /// Let the program run no more. Some processors may be in it for a moment.
    pub fn detach(self) {
        if let Self::Socket(socket, garbage) = self {
            // Closing it waits for a grace period.
            drop(crate::socket::seal(&socket));
            drop(garbage.send(Garbage::Socket(socket)));
        }
    }
}

fn tcx(parameters: Parameters, ifindex: u32) -> io::Result<Attached> {
    let program = load(SCHED_CLS, &instructions(parameters, NEXT))?;
    let directions: &[u32] = if ifindex == LOOPBACK {
        &[TCX_INGRESS]
    } else {
        &[TCX_INGRESS, TCX_EGRESS]
    };
    let links = directions
        .iter()
        .map(|&direction| attach_tcx(&program, ifindex, direction))
        .collect::<io::Result<_>>()?;
    Ok(Attached::Tcx(links))
}

fn socket(parameters: Parameters, ifindex: u32, garbage: &Sender<Garbage>) -> io::Result<Attached> {
    let program = load(SOCKET_FILTER, &instructions(parameters, NOTHING))?;
    let socket = PacketSocket::open()?;
    setsockopt(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_BPF,
        &program.as_raw_fd(),
    )?;
    match socket.bind(ifindex) {
        Ok(()) => Ok(Attached::Socket(socket, garbage.clone())),
        Err(error) => {
            drop(garbage.send(Garbage::Socket(socket)));
            Err(error)
        }
    }
}

fn instructions(parameters: Parameters, verdict: u64) -> Vec<u64> {
    let mut instructions = program::INSTRUCTIONS.to_vec();
    fill_map(&mut instructions, program::PAGES, parameters.pages);
    fill_map(&mut instructions, program::TOTALS, parameters.totals);
    let link_length = match parameters.link_type {
        LinkType::Ethernet => ETHERNET,
        _ => 0,
    };
    fill(&mut instructions, program::LINK_LENGTH, link_length);
    fill(&mut instructions, program::VERDICT, verdict);
    instructions
}

/// Fill a program's wide immediate: both halves of an instruction of two slots.
fn fill(instructions: &mut [u64], at: usize, value: u64) {
    const IMMEDIATE: u64 = 0xffff_ffff << 32;
    for (slot, half) in [(at, value << 32), (at + 1, value & IMMEDIATE)] {
        if let Some(instruction) = instructions.get_mut(slot) {
            *instruction = *instruction & !IMMEDIATE | half;
        }
    }
}

/// Fill in a map.
fn fill_map(instructions: &mut [u64], at: usize, map: u32) {
    /// BPF_PSEUDO_MAP_FD, in the place of the source register.
    const IS_MAP: u64 = 1 << 12;
    fill(instructions, at, map.into());
    if let Some(instruction) = instructions.get_mut(at) {
        *instruction |= IS_MAP;
    }
}

/// The hardware type (ARPHRD_…) of an interface of the calling thread's namespace.
pub fn hardware(ifindex: u32) -> io::Result<u16> {
    // SAFETY: no pointers.
    let fd =
        check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    let socket = own(fd);
    // SAFETY: all zeroes is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_ifindex = ifindex as i32;
    for command in [libc::SIOCGIFNAME, libc::SIOCGIFHWADDR] {
        // SAFETY: the request is valid during the call; the first puts in the name that the second reads.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), command as _, &mut request) })?;
    }
    // SAFETY: SIOCGIFHWADDR has filled in this member.
    Ok(unsafe { request.ifr_ifru.ifru_hwaddr }.sa_family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_a_wide_instruction_are_filled_in() {
        let mut instructions = [0x1234_5678_0000_0118, 0x9999_9999_0000_0000, 7];
        fill(&mut instructions, 0, 0xaaaa_bbbb_cccc_dddd);
        assert_eq!(
            instructions,
            [0xcccc_dddd_0000_0118, 0xaaaa_bbbb_0000_0000, 7]
        );
        fill_map(&mut instructions, 0, 9);
        assert_eq!(instructions, [0x0000_0009_0000_1118, 0, 7]);
    }

    #[test]
    fn places_to_fill_in_are_wide_loads() {
        const LOAD_WIDE: u64 = 0x18;
        for place in [
            program::PAGES,
            program::TOTALS,
            program::LINK_LENGTH,
            program::VERDICT,
        ] {
            assert_eq!(program::INSTRUCTIONS[place] & 0xff, LOAD_WIDE);
            assert_eq!(program::INSTRUCTIONS[place + 1] & 0xffff_ffff, 0);
        }
    }
}
