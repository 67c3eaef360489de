// SPDX-License-Identifier: Apache-2.0
//! GTP-U (3GPP TS 29.281): user traffic of mobile networks.

use crate::bytes::be32;
use crate::headers::Inner;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::GTPv1U,
    // TS 29.281 §4.4.2: packets go to this port, from any.
    found: &[Found::UdpTo(2152)],
    read,
    shown: "GTP-U",
    info: no_info,
    told: Told::Nothing,
};

/// Version 1, protocol type GTP.
const VERSION: u8 = 0xf0;
const VERSION_1: u8 = 0x30;
/// Extension header, sequence number, N-PDU number: any of them adds four bytes.
const OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;
const PACKET: u8 = 255;
/// More extension headers than any node writes.
const MAX_EXTENSIONS: usize = 8;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let (Some(&[flags, kind]), Some(teid)) = (data.first_chunk::<2>(), be32(data, 4)) else {
        headers.truncated(Layer::GTPv1U, 8, data.len());
        return Reading::TooShort;
    };
    if flags & VERSION != VERSION_1 {
        return Reading::Other;
    }
    let Some(length) = header_len(flags, data) else {
        headers.truncated(Layer::GTPv1U, data.len() + 4, data.len());
        return Reading::Mine;
    };
    if headers.skip(Layer::GTPv1U, data, length) {
        headers.layers.push(Layer::GTPv1U);
        if kind == PACKET {
            headers.tunnel.add(teid, 32);
            headers.tunnel.any_source_port = true;
            headers.enter(Layer::GTPv1U, Inner::Ip);
        }
    }
    Reading::Mine
}

/// Return the length with all extension headers, None when they are cut or go on for ever.
fn header_len(flags: u8, data: &[u8]) -> Option<usize> {
    if flags & OPTIONAL == 0 {
        return Some(8);
    }
    let mut length = 12;
    let mut next = if flags & EXTENSION != 0 {
        *data.get(11)?
    } else {
        0
    };
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return Some(length);
        }
        let units = usize::from(*data.get(length)?);
        if units == 0 {
            return None;
        }
        length += units * 4;
        next = *data.get(length - 1)?;
    }
    None
}
