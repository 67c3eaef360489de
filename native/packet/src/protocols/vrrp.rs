// SPDX-License-Identifier: Apache-2.0
//! VRRP (RFC 5798).

use crate::registry::{no_info, Found, Protocol, Reading};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::VRRP,
    found: &[Found::IpProtocol(112)],
    read,
    shown: "VRRP",
    info: no_info,
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::VRRP);
    Reading::Mine
}
