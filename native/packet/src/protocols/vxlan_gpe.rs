// SPDX-License-Identifier: Apache-2.0
//! VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN with a field that says what is inside.

use super::vxlan::vni_and_payload;
use crate::bytes::be32;
use crate::headers::Inner;
use crate::protocols::mpls;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::VXLANGPE,
    found: &[Found::UdpTo(4790)],
    read,
    shown: "VXLAN-GPE",
    info: no_info,
    told: Told::Nothing,
};

const HAS_VNI: u8 = 0x08;
const HAS_PROTOCOL: u8 = 0x04;
const VERSION: u8 = 0x30;

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let (Some(&[flags, _, _, protocol]), Some(vni)) = (data.first_chunk::<4>(), be32(data, 4))
    else {
        headers.truncated(Layer::VXLANGPE, 8, data.len());
        return Reading::TooShort;
    };
    if flags & VERSION != 0 {
        return Reading::Other;
    }
    let vni = if flags & HAS_VNI != 0 { vni >> 8 } else { 0 };
    vni_and_payload(headers, data, vni, Layer::VXLANGPE, inner(flags, protocol));
    Reading::Mine
}

fn inner(flags: u8, protocol: u8) -> Inner {
    match protocol {
        _ if flags & HAS_PROTOCOL == 0 => Inner::Ethernet,
        1 | 2 => Inner::Ip,
        3 => Inner::Ethernet,
        5 => Inner::EtherType(mpls::UNICAST),
        _ => Inner::None,
    }
}
