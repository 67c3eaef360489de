// SPDX-License-Identifier: Apache-2.0
//! TCP (RFC 9293) and UDP (RFC 768).

use crate::headers::{PortPair, Tcp, Transport};
use crate::stream::may_begin;
use crate::{Headers, Layer};

#[inline]
pub(crate) fn tcp<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some(h) = data.first_chunk::<20>() else {
        headers.truncated(Layer::TCP, 20, data.len());
        return;
    };
    let header_len = usize::from(h[12] >> 4) * 4;
    if header_len < 20 {
        headers.malformed(Layer::TCP, "data offset");
        return;
    }
    headers.layers.push(Layer::TCP);
    let options = data.get(20..header_len).unwrap_or_default();
    let offered = if h[13] & Tcp::SYN != 0 {
        Offered::of(options)
    } else {
        Offered::default()
    };
    let stamps = stamps(options);
    let ports = PortPair::standing([h[0], h[1], h[2], h[3]]);
    headers.payload_len = headers.payload_len.saturating_sub(header_len as u32);
    headers.payload = data.get(header_len..).unwrap_or_default();
    headers.transport = Transport::Tcp(Tcp {
        ports,
        sequence: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        acknowledgement: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        flags: h[13],
        window: u16::from_be_bytes([h[14], h[15]]),
        segment_size: offered.segment_size,
        window_scale: offered.window_scale,
        is_stamped: stamps.is_some(),
        stamp: stamps.map_or(0, |stamps| stamps.0),
        echo: stamps.map_or(0, |stamps| stamps.1),
        may_begin: may_begin(headers.payload, ports.numbers()),
    });
}

/// TSval and TSecr, where they stand in front behind two no-operations: RFC 7323 appendix A recommends it, and what
/// others send is not looked for in each segment.
#[inline]
fn stamps(options: &[u8]) -> Option<(u32, u32)> {
    let &[1, 1, 8, 10, a, b, c, d, e, f, g, h] = options.first_chunk::<12>()? else {
        return None;
    };
    Some((
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    ))
}

/// Options of a SYN (RFC 9293 §3.2, RFC 7323 §2.2).
#[derive(Default)]
struct Offered {
    segment_size: u16,
    window_scale: u8,
}

impl Offered {
    #[cold]
    fn of(mut options: &[u8]) -> Self {
        let mut found = Self::default();
        while let Some((&kind, rest)) = options.split_first() {
            if kind == 0 {
                break;
            }
            // No operation: the only option without a length, besides the end.
            if kind == 1 {
                options = rest;
                continue;
            }
            let length = rest.first().map_or(0, |&length| usize::from(length));
            let Some(value) = options.get(2..length) else {
                break;
            };
            match (kind, value) {
                (2, &[high, low]) => found.segment_size = u16::from_be_bytes([high, low]),
                // RFC 7323 §2.3: more than 14 means 14.
                (3, &[shift]) => found.window_scale = shift.min(14),
                _ => {}
            }
            options = options.get(length..).unwrap_or_default();
        }
        found
    }
}

#[inline]
pub(crate) fn udp<'a>(headers: &mut Headers<'a>, data: &'a [u8]) {
    let Some((h, payload)) = data.split_first_chunk::<8>() else {
        headers.truncated(Layer::UDP, 8, data.len());
        return;
    };
    let (source, destination) = (
        u16::from_be_bytes([h[0], h[1]]),
        u16::from_be_bytes([h[2], h[3]]),
    );
    let length = usize::from(u16::from_be_bytes([h[4], h[5]]));
    headers.layers.push(Layer::UDP);
    headers.transport = Transport::Udp {
        source,
        destination,
    };
    headers.payload_len = headers.payload_len.saturating_sub(8);
    // A length below 8 is a lie, or a jumbogram's 0 (RFC 2675): believe the IP header then.
    headers.payload = match length.checked_sub(8) {
        Some(said) => payload.get(..said).unwrap_or(payload),
        None => payload,
    };
}
