// SPDX-License-Identifier: Apache-2.0
//! Addresses as text, appended without allocation.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// As a whole: each flow has two, and a text that grows letter by letter takes its time.
pub fn push_mac(mac: [u8; 6], out: &mut String) {
    let mut text = *b"00:00:00:00:00:00";
    for (byte, place) in mac.into_iter().zip(text.chunks_mut(3)) {
        if let [high, low, ..] = place {
            *high = HEX[usize::from(byte >> 4)];
            *low = HEX[usize::from(byte & 15)];
        }
    }
    out.push_str(std::str::from_utf8(&text).unwrap_or_default());
}

pub fn push_hex(byte: u8, out: &mut String) {
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

pub fn push_ipv4(address: [u8; 4], out: &mut String) {
    for (index, byte) in address.into_iter().enumerate() {
        if index > 0 {
            out.push('.');
        }
        push_small(byte, out);
    }
}

fn push_small(byte: u8, out: &mut String) {
    if byte >= 100 {
        out.push(char::from(b'0' + byte / 100));
    }
    if byte >= 10 {
        out.push(char::from(b'0' + byte / 10 % 10));
    }
    out.push(char::from(b'0' + byte % 10));
}

pub fn push_ipv6(address: [u8; 16], out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", Ipv6Addr::from(address));
}

pub fn ipv4(address: [u8; 4]) -> String {
    Ipv4Addr::from(address).to_string()
}

pub fn ipv6(address: [u8; 16]) -> String {
    Ipv6Addr::from(address).to_string()
}

pub fn mac(address: [u8; 6]) -> String {
    let mut out = String::with_capacity(17);
    push_mac(address, &mut out);
    out
}
