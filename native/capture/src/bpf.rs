// SPDX-License-Identifier: Apache-2.0
//! Filters in tcpdump's language, compiled by libpcap and run in user space.
//!
//! Several captures share a tap, each with its own filter, so the filter that counts runs here, on the frame with its
//! VLAN tag back in place. A tap with one capture gets its filter in the kernel as well, to save the copies.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void, CStr, CString};
use std::ptr::NonNull;

use netsonde_packet::LinkType;

const SNAPLEN: c_int = 262_144;
const OPTIMIZE: c_int = 1;
/// Unknown netmask: `ip broadcast` is then refused with a message.
const NETMASK_UNKNOWN: c_uint = 0xffff_ffff;

#[repr(C)]
struct Compiled {
    length: c_uint,
    instructions: *mut Instruction,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    operand: u32,
}

#[link(name = "pcap")]
extern "C" {
    fn pcap_open_dead(link_type: c_int, snaplen: c_int) -> *mut c_void;
    fn pcap_close(handle: *mut c_void);
    fn pcap_compile(
        handle: *mut c_void,
        program: *mut Compiled,
        text: *const c_char,
        optimize: c_int,
        netmask: c_uint,
    ) -> c_int;
    fn pcap_geterr(handle: *mut c_void) -> *const c_char;
    fn pcap_freecode(program: *mut Compiled);
    fn bpf_filter(
        program: *const Instruction,
        packet: *const c_uchar,
        wire_len: c_uint,
        captured_len: c_uint,
    ) -> c_uint;
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub struct Filter(Vec<Instruction>);

struct Handle(NonNull<c_void>);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: opened by pcap_open_dead, closed once.
        unsafe { pcap_close(self.0.as_ptr()) };
    }
}

impl Filter {
    /// Compile `text` for frames of `link_type` (a DLT number). The error is libpcap's own words.
    pub fn compile(text: &str, link_type: i32) -> Result<Self, String> {
        let source =
            CString::new(text).map_err(|_| "a filter cannot contain a zero byte".to_owned())?;
        // SAFETY: no pointers; returns null when out of memory.
        let handle = NonNull::new(unsafe { pcap_open_dead(link_type, SNAPLEN) })
            .map(Handle)
            .ok_or("libpcap has no memory for a filter")?;
        let mut compiled = Compiled {
            length: 0,
            instructions: std::ptr::null_mut(),
        };
        // SAFETY: the handle is open, the text ends in zero, `compiled` is filled on success.
        let result = unsafe {
            pcap_compile(
                handle.0.as_ptr(),
                &mut compiled,
                source.as_ptr(),
                OPTIMIZE,
                NETMASK_UNKNOWN,
            )
        };
        if result != 0 {
            // SAFETY: a zero-terminated text that lives as long as the handle.
            let message = unsafe { CStr::from_ptr(pcap_geterr(handle.0.as_ptr())) };
            return Err(message.to_string_lossy().into_owned());
        }
        let length = compiled.length as usize;
        // SAFETY: libpcap returned so many instructions; they are copied before being freed.
        let instructions =
            unsafe { std::slice::from_raw_parts(compiled.instructions, length) }.to_vec();
        // SAFETY: filled by pcap_compile, freed once.
        unsafe { pcap_freecode(&mut compiled) };
        Ok(Self(instructions))
    }

    pub fn matches(&self, data: &[u8], wire_len: u32) -> bool {
        // SAFETY: libpcap's compiler ends every path in a return and bpf_filter checks loads against the lengths.
        unsafe {
            bpf_filter(
                self.0.as_ptr(),
                data.as_ptr(),
                wire_len,
                data.len() as c_uint,
            ) != 0
        }
    }

    /// The same for SO_ATTACH_FILTER. The kernel sees frames without their VLAN tag, so whatever had one passes
    /// and is judged here.
    pub fn kernel_program(&self) -> Vec<libc::sock_filter> {
        const LOAD_WORD: u16 = 0x20;
        const JUMP_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        const VLAN_TAG_PRESENT: u32 = (-0x1000i32 + 48) as u32;
        let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let mut program = vec![
            instruction(LOAD_WORD, 0, 0, VLAN_TAG_PRESENT),
            instruction(JUMP_EQUAL, 1, 0, 0),
            instruction(RETURN, 0, 0, SNAPLEN as u32),
        ];
        program.extend(
            self.0
                .iter()
                .map(|i| instruction(i.code, i.jump_true, i.jump_false, i.operand)),
        );
        program
    }
}

/// libpcap's number for frames of a link type.
pub fn dlt(link_type: LinkType) -> i32 {
    const DLT_RAW: i32 = 12;
    match link_type {
        LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 => DLT_RAW,
        other => i32::from(other.number()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ether_type: u16) -> [u8; 60] {
        let mut frame = [0; 60];
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        frame
    }

    #[test]
    fn a_filter_takes_what_it_names() {
        let arp = Filter::compile("arp", 1).expect("valid");
        assert!(arp.matches(&frame(0x0806), 60));
        assert!(!arp.matches(&frame(0x0800), 60));
        assert!(!arp.matches(&[], 60));
    }

    #[test]
    fn an_empty_filter_takes_all() {
        assert!(Filter::compile("", 1)
            .expect("valid")
            .matches(&frame(1), 60));
    }

    #[test]
    fn a_mistake_is_told_in_the_words_of_libpcap() {
        let message = Filter::compile("tcp prot 80", 1).expect_err("invalid");
        assert!(message.contains("syntax error"), "{message}");
        assert!(Filter::compile("a\0b", 1).is_err());
    }

    #[test]
    fn raw_ip_frames_have_no_link_header() {
        let ip = Filter::compile("icmp", dlt(LinkType::Raw)).expect("valid");
        let mut packet = [0u8; 28];
        (packet[0], packet[9]) = (0x45, 1);
        assert!(ip.matches(&packet, 28));
    }

    #[test]
    fn the_kernel_passes_tagged_frames_on() {
        let program = Filter::compile("arp", 1).expect("valid").kernel_program();
        assert_eq!((program[1].jt, program[2].code), (1, 6));
    }
}
