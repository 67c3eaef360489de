// SPDX-License-Identifier: Apache-2.0
//! IGMP (RFC 3376).

use crate::describe::control;
use crate::registry::{Found, Protocol, Reading};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::IGMP,
    found: &[Found::IpProtocol(2)],
    read,
    shown: "IGMP",
    info: |headers| control::igmp(headers.payload),
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::IGMP);
    Reading::Mine
}
