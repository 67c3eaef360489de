// SPDX-License-Identifier: Apache-2.0
//! VXLAN (RFC 7348) on its own port and on the one that Linux used before there was one.

use crate::bytes::be32;
use crate::headers::Inner;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::VXLAN,
    found: &[Found::UdpTo(4789), Found::UdpTo(8472)],
    read,
    shown: "VXLAN",
    info: no_info,
    told: Told::Nothing,
};

const HAS_VNI: u8 = 0x08;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    match (data.first(), be32(data, 4)) {
        // RFC 7348 §5: the flag must be set; what else uses these ports does not.
        (Some(flags), _) if flags & HAS_VNI == 0 => Reading::Other,
        (_, Some(vni)) => {
            vni_and_payload(headers, data, vni >> 8, Layer::VXLAN, Inner::Ethernet);
            Reading::Mine
        }
        _ => {
            headers.truncated(Layer::VXLAN, 8, data.len());
            Reading::TooShort
        }
    }
}

/// Take the header of 8 bytes that VXLAN and its extension share.
pub(super) fn vni_and_payload<'a>(
    headers: &mut Headers<'a>,
    data: &'a [u8],
    vni: u32,
    layer: Layer,
    inner: Inner,
) {
    if headers.skip(layer, data, 8) {
        headers.layers.push(layer);
        headers.tunnel.add(vni, 24);
        headers.tunnel.any_source_port = true;
        headers.enter(layer, inner);
    }
}
