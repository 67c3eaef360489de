// SPDX-License-Identifier: Apache-2.0
//! Encrypted IP (RFC 4303): nothing behind the header can be read.

use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::IPSecESP,
    found: &[Found::IpProtocol(50)],
    read,
    shown: "IPSecESP",
    info: no_info,
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::IPSecESP);
    Reading::Mine
}
