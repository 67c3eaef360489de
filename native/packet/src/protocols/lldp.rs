// SPDX-License-Identifier: Apache-2.0
//! LLDP (IEEE 802.1AB).

use crate::registry::{no_info, Found, Protocol, Reading};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::LinkLayerDiscovery,
    found: &[Found::EtherType(0x88cc)],
    read,
    shown: "LLDP",
    info: no_info,
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::LinkLayerDiscovery);
    Reading::Mine
}
