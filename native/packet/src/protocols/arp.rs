// SPDX-License-Identifier: Apache-2.0
//! ARP (RFC 826).

use crate::describe::control;
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::ARP,
    found: &[Found::EtherType(0x0806)],
    read,
    shown: "ARP",
    info: |headers| control::arp(headers.payload),
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.len() < 8 {
        headers.truncated(Layer::ARP, 8, data.len());
    } else {
        headers.layers.push(Layer::ARP);
    }
    Reading::Mine
}
