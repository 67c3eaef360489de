// SPDX-License-Identifier: Apache-2.0
//! EAP over LAN (IEEE 802.1X).

use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::EAPOL,
    found: &[Found::EtherType(0x888e)],
    read,
    shown: "EAPOL",
    info: no_info,
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::EAPOL);
    Reading::Mine
}
