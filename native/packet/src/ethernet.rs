// SPDX-License-Identifier: Apache-2.0
//! Ethernet II with any number of 802.1Q, 802.1ad and QinQ tags.

use crate::headers::Ethernet;
use crate::protocols::llc;
use crate::{ip, registry, Headers, Layer};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Greater values of the type field are types (IEEE 802.3 §3.2.6).
const LONGEST_LENGTH: u16 = 1500;

/// Tags beyond the fifth are still skipped, but no longer fit the folded id.
const FOLDED_TAGS: u32 = 5;

#[inline]
pub(crate) fn ethernet<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some((&[addresses @ .., t0, t1], rest)) = data.split_first_chunk::<14>() else {
        headers.truncated(Layer::Ethernet, 14, data.len());
        return;
    };
    headers.link = Some(Ethernet::standing(addresses));
    headers.layers.push(Layer::Ethernet);
    headers.payload_len = headers.payload_len.saturating_sub(14);
    ether_type(headers, u16::from_be_bytes([t0, t1]), rest);
}

/// Read what follows an Ethernet type field, tags first.
pub(crate) fn ether_type<'a>(headers: &mut Headers<'a>, first_type: u16, mut data: &'a [u8]) {
    let mut kind = first_type;
    let mut tags = 0;
    while matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
        let Some((&[c0, c1, t0, t1], rest)) = data.split_first_chunk::<4>() else {
            headers.truncated(Layer::Dot1Q, 4, data.len());
            headers.payload = data;
            return;
        };
        if tags < FOLDED_TAGS {
            headers.vlan_ids |= u64::from(u16::from_be_bytes([c0, c1]) & 0x0fff) << (12 * tags);
        }
        tags += 1;
        headers.payload_len = headers.payload_len.saturating_sub(4);
        headers.layers.push(Layer::Dot1Q);
        kind = u16::from_be_bytes([t0, t1]);
        data = rest;
    }
    headers.payload = data;
    if kind <= LONGEST_LENGTH && headers.link.is_some() {
        // Frames of all lengths are of one kind.
        with_length(headers, kind, data);
        return;
    }
    headers.ether_type = kind;
    match kind {
        IPV4 => ip::ipv4(headers, data),
        IPV6 => ip::ipv6(headers, data),
        other => registry::by_ether_type(headers, other, data),
    }
}

/// Read a frame that tells its length instead of a type; what is behind is padding.
#[cold]
fn with_length<'a>(headers: &mut Headers<'a>, length: u16, data: &'a [u8]) {
    headers.payload = data.get(..length.into()).unwrap_or(data);
    headers.payload_len = headers.payload_len.min(length.into());
    llc::read(headers, headers.payload);
}
