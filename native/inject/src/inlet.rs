// SPDX-License-Identifier: Apache-2.0
//! Lets frames enter through an interface, as if what hangs on it had sent them.
//!
//! What a packet socket sends goes out, towards the guest behind a tap; the switch never sees it. So the kernel runs,
//! once for each frame, a program of three lines that redirects it into the interface (bpf-helpers(7),
//! `bpf_clone_redirect` with BPF_F_INGRESS, run by BPF_PROG_TEST_RUN of bpf(2)). Nothing is attached to anything, no
//! device is made, and what captures and switches see is a frame that was received.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use netsonde_capture::netns::{Home, Namespace};
use netsonde_capture::sys::{check, own};

const PROG_LOAD: libc::c_int = 5;
const PROG_TEST_RUN: libc::c_int = 10;
const SCHED_CLS: u32 = 3;
/// Since Linux 4.12; what is behind is zero, which means "none" to every kernel.
const ATTRIBUTES: usize = 128;

pub struct Inlet {
    program: OwnedFd,
    home: Home,
    namespace: Namespace,
}

impl Inlet {
    /// Prepare to let frames in through an interface of a namespace; needs CAP_NET_ADMIN, and CAP_BPF or CAP_SYS_ADMIN.
    pub fn open(home: Home, namespace: Namespace, ifindex: u32) -> io::Result<Self> {
        let program = load(ifindex).map_err(|error| {
            let why = format!("the kernel lets no packets in through an interface (bpf): {error}");
            io::Error::new(error.kind(), why)
        })?;
        Ok(Self {
            program,
            home,
            namespace,
        })
    }

    /// Let a whole Ethernet frame in.
    pub fn enter(&self, frame: &[u8]) -> io::Result<()> {
        // The program looks the interface up in the namespace of whoever runs it.
        self.namespace
            .within(&self.home, || run(&self.program, frame))
    }
}

/// One instruction (linux/bpf.h, `struct bpf_insn`): code, registers, an immediate.
fn instruction(code: u8, target: u8, immediate: i32) -> [u8; 8] {
    let [a, b, c, d] = immediate.to_ne_bytes();
    [code, target, 0, 0, a, b, c, d]
}

fn load(ifindex: u32) -> io::Result<OwnedFd> {
    const MOVE: u8 = 0xb4;
    const CALL: u8 = 0x85;
    const EXIT: u8 = 0x95;
    const CLONE_REDIRECT: i32 = 13;
    const INGRESS: i32 = 1;
    // The first argument, the frame, is in place already.
    let program = [
        instruction(MOVE, 2, ifindex as i32),
        instruction(MOVE, 3, INGRESS),
        instruction(CALL, 0, CLONE_REDIRECT),
        instruction(EXIT, 0, 0),
    ];
    // The kernel gives the helper to programs that call themselves so.
    let license = c"GPL";
    let mut attributes = [0u8; ATTRIBUTES];
    put(&mut attributes, 0, &SCHED_CLS.to_ne_bytes());
    put(&mut attributes, 4, &(program.len() as u32).to_ne_bytes());
    put(&mut attributes, 8, &pointer(program.as_ptr().cast()));
    put(&mut attributes, 16, &pointer(license.as_ptr().cast()));
    let fd = bpf(PROG_LOAD, &mut attributes)?;
    Ok(own(fd))
}

fn run(program: &OwnedFd, frame: &[u8]) -> io::Result<()> {
    let mut attributes = [0u8; ATTRIBUTES];
    put(
        &mut attributes,
        0,
        &(program.as_raw_fd() as u32).to_ne_bytes(),
    );
    put(&mut attributes, 8, &(frame.len() as u32).to_ne_bytes());
    put(&mut attributes, 16, &pointer(frame.as_ptr()));
    bpf(PROG_TEST_RUN, &mut attributes).map_err(|error| match error.raw_os_error() {
        // It has to fit a page of memory with what the kernel keeps of it.
        Some(libc::EINVAL) => io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the kernel lets no frame of {} bytes in", frame.len()),
        ),
        _ => error,
    })?;
    let [a, b, c, d] = [4, 5, 6, 7].map(|at| attributes[at]);
    match i32::from_ne_bytes([a, b, c, d]) {
        0 => Ok(()),
        code if code < 0 => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(io::Error::other("the interface is down")),
    }
}

fn put(attributes: &mut [u8; ATTRIBUTES], at: usize, value: &[u8]) {
    attributes[at..at + value.len()].copy_from_slice(value);
}

fn pointer(to: *const u8) -> [u8; 8] {
    (to as u64).to_ne_bytes()
}

fn bpf(command: libc::c_int, attributes: &mut [u8; ATTRIBUTES]) -> io::Result<libc::c_int> {
    // SAFETY: the attributes are as long as is said, and what they point to outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_mut_ptr(),
            attributes.len(),
        )
    };
    check(result as libc::c_int)
}
