// SPDX-License-Identifier: Apache-2.0
//! bpf(2): maps, programs and links, as linux/bpf.h describes them (Linux 5.10; links to tcx since 6.6).

use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::sys::own;

const MAP_CREATE: libc::c_long = 0;
const MAP_LOOKUP_ELEM: libc::c_long = 1;
const MAP_UPDATE_ELEM: libc::c_long = 2;
const PROG_LOAD: libc::c_long = 5;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const MAP_LOOKUP_AND_DELETE_BATCH: libc::c_long = 25;
const LINK_CREATE: libc::c_long = 28;

pub const HASH: u32 = 1;
pub const PERCPU_ARRAY: u32 = 6;
pub const ARRAY_OF_MAPS: u32 = 12;

pub const SOCKET_FILTER: u32 = 1;
pub const SCHED_CLS: u32 = 3;

pub const TCX_INGRESS: u32 = 46;
pub const TCX_EGRESS: u32 = 47;
/// Before all that are there: what others drop or redirect is counted too.
const BEFORE: u32 = 1 << 3;

/// Room for the verifier's words when it refuses.
const LOG: usize = 256 * 1024;
/// What is told of them.
const LOG_TOLD: usize = 200;

/// Shown by `bpftool`: who looks for what runs on a machine finds us.
const NAME: [u8; 16] = *b"netsonde\0\0\0\0\0\0\0\0";

#[repr(C)]
#[derive(Default)]
pub struct MapSpec {
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
    /// Of a map of maps: one like those that it will hold.
    pub inner: u32,
    pub numa_node: u32,
    pub name: [u8; 16],
}

#[repr(C)]
struct Element {
    map: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

#[repr(C)]
struct Program {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

#[repr(C)]
struct Link {
    program: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative: u32,
    pad: u32,
    expected_revision: u64,
}

#[repr(C)]
struct InfoRequest {
    fd: u32,
    length: u32,
    info: u64,
}

/// The beginning of struct bpf_link_info, of a link to tcx.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    pad: u32,
    ifindex: u32,
    attach_type: u32,
}

fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: pointer and size describe `attributes`; what these point to is valid by each caller's words. The kernel
    // takes attributes shorter than its own union, and fills the rest with zeroes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as i32)
}

fn address<T: ?Sized>(value: &T) -> u64 {
    std::ptr::from_ref(value).cast::<u8>() as u64
}

pub fn create_map(spec: MapSpec) -> io::Result<OwnedFd> {
    let mut spec = MapSpec { name: NAME, ..spec };
    bpf(MAP_CREATE, &mut spec).map(own)
}

/// A descriptor as attributes and instructions name it.
pub fn number(fd: &impl AsRawFd) -> u32 {
    fd.as_raw_fd() as u32
}

/// Read an element into `value`, which has the size of one, of a per-processor map of those of all processors.
pub fn lookup(map: &OwnedFd, key: u32, value: &mut [u64]) -> io::Result<()> {
    let mut element = Element {
        map: number(map),
        pad: 0,
        key: address(&key),
        value: value.as_mut_ptr() as u64,
        flags: 0,
    };
    bpf(MAP_LOOKUP_ELEM, &mut element).map(drop)
}

/// Put a map into a map of maps; returns when no program uses the one that was there (`maybe_wait_bpf_programs`).
pub fn put_map(outer: &OwnedFd, key: u32, inner: &OwnedFd) -> io::Result<()> {
    let value = number(inner);
    let mut element = Element {
        map: number(outer),
        pad: 0,
        key: address(&key),
        value: address(&value),
        flags: 0,
    };
    bpf(MAP_UPDATE_ELEM, &mut element).map(drop)
}

/// Where the next batch goes on.
#[derive(Default)]
pub struct Cursor {
    bucket: u32,
    started: bool,
}

/// Move elements out of a hash map, as many as the buffers hold; returns how many, and whether there may be more.
pub fn take_batch<K, V>(
    map: &OwnedFd,
    cursor: &mut Cursor,
    keys: &mut [K],
    values: &mut [V],
) -> io::Result<(usize, bool)> {
    let mut next = 0u32;
    let mut batch = Batch {
        in_batch: if cursor.started {
            address(&cursor.bucket)
        } else {
            0
        },
        out_batch: std::ptr::from_mut(&mut next) as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: keys.len().min(values.len()) as u32,
        map: number(map),
        element_flags: 0,
        flags: 0,
    };
    let result = bpf(MAP_LOOKUP_AND_DELETE_BATCH, &mut batch);
    let ended = match result {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    // SAFETY: the kernel wrote to `next` through its address.
    cursor.bucket = unsafe { std::ptr::read_volatile(&next) };
    cursor.started = true;
    Ok((batch.count as usize, !ended))
}

/// Load a program of which no helper asks for a licence. The error says what the kernel, or its verifier, objects to.
pub fn load(kind: u32, instructions: &[u64]) -> io::Result<OwnedFd> {
    const LICENCE: &[u8; 11] = b"Apache-2.0\0";
    let program = |log: &[u8]| Program {
        kind,
        count: instructions.len() as u32,
        instructions: address(instructions),
        licence: address(LICENCE),
        log_level: u32::from(!log.is_empty()),
        log_size: log.len() as u32,
        log: if log.is_empty() { 0 } else { address(log) },
        kernel_version: 0,
        flags: 0,
        name: NAME,
    };
    let refused = match bpf(PROG_LOAD, &mut program(&[])).map(own) {
        Err(refused) if matches!(refused.raw_os_error(), Some(libc::EACCES | libc::EINVAL)) => {
            refused
        }
        result => return result,
    };
    let mut log = vec![0u8; LOG];
    // The kernel writes into it.
    let pointer = log.as_mut_ptr() as u64;
    let mut again = program(&log);
    again.log = pointer;
    match bpf(PROG_LOAD, &mut again).map(own) {
        Ok(loaded) => Ok(loaded),
        Err(_) => Err(io::Error::new(
            refused.kind(),
            format!("the verifier refused the program: {}", told(&log)),
        )),
    }
}

/// The last lines of a log that say why.
fn told(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default());
    let statistics = |line: &&str| line.starts_with("processed ") || line.trim().is_empty();
    let lines: Vec<&str> = text.lines().filter(|line| !statistics(line)).collect();
    let last = lines.len().saturating_sub(2);
    let told: String = lines[last..].join("; ").chars().take(LOG_TOLD).collect();
    if told.is_empty() {
        "it does not say why".to_owned()
    } else {
        told
    }
}

/// Attach to an interface of the calling thread's namespace; the link ends with its descriptor, and with the interface.
pub fn attach_tcx(program: &OwnedFd, ifindex: u32, direction: u32) -> io::Result<OwnedFd> {
    let mut link = Link {
        program: number(program),
        ifindex,
        attach_type: direction,
        flags: BEFORE,
        relative: 0,
        pad: 0,
        expected_revision: 0,
    };
    bpf(LINK_CREATE, &mut link).map(own)
}

/// The interface of a link to tcx; 0 once it is gone.
pub fn linked_to(link: &OwnedFd) -> io::Result<u32> {
    let mut info = LinkInfo::default();
    let mut request = InfoRequest {
        fd: number(link),
        length: size_of_val(&info) as u32,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut request)?;
    // SAFETY: the kernel wrote to `info` through its address.
    Ok(unsafe { std::ptr::read_volatile(&info.ifindex) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_verifiers_words_the_last_ones_are_told() {
        let log =
            b"0: (b7) r0 = 1\n1: (79) r1 = *(u64 *)(r9 +0)\nR9 !read_ok\nprocessed 2 insns\n\0\0";
        assert_eq!(told(log), "1: (79) r1 = *(u64 *)(r9 +0); R9 !read_ok");
        assert_eq!(told(b"\0"), "it does not say why");
        assert_eq!(told(&[b'x'; 5000]).len(), LOG_TOLD);
    }
}
