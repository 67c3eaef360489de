// SPDX-License-Identifier: Apache-2.0
//! SCTP (RFC 9260): ports, and the kind of the first chunk.

use crate::headers::Transport;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::SCTP,
    found: &[Found::IpProtocol(132)],
    read,
    shown: "SCTP",
    info: no_info,
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some((h, chunks)) = data.split_first_chunk::<12>() else {
        headers.truncated(Layer::SCTP, 12, data.len());
        return Reading::Mine;
    };
    headers.layers.push(Layer::SCTP);
    headers.transport = Transport::Sctp {
        source: u16::from_be_bytes([h[0], h[1]]),
        destination: u16::from_be_bytes([h[2], h[3]]),
    };
    headers.payload = chunks;
    headers.payload_len = headers.payload_len.saturating_sub(12);
    if let Some(&kind) = chunks.first() {
        headers.layers.push(chunk(kind));
    }
    Reading::Mine
}

fn chunk(kind: u8) -> Layer {
    match kind {
        0 => Layer::SCTPData,
        1 => Layer::SCTPInit,
        2 => Layer::SCTPInitAck,
        3 => Layer::SCTPSack,
        4 => Layer::SCTPHeartbeat,
        5 => Layer::SCTPHeartbeatAck,
        6 => Layer::SCTPAbort,
        7 => Layer::SCTPShutdown,
        8 => Layer::SCTPShutdownAck,
        9 => Layer::SCTPError,
        10 => Layer::SCTPCookieEcho,
        11 => Layer::SCTPCookieAck,
        14 => Layer::SCTPShutdownComplete,
        _ => Layer::SCTPUnknownChunkType,
    }
}
