// SPDX-License-Identifier: Apache-2.0
//! NTP (RFC 5905): what is shorter than a header is none.

use crate::describe::application;
use crate::registry::{Found, Protocol, Reading};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::NTP,
    found: &[Found::Udp(123)],
    read,
    shown: "NTP",
    info: |headers| application::ntp(headers.payload),
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.len() < 48 {
        return Reading::TooShort;
    }
    headers.layers.push(Layer::NTP);
    Reading::Mine
}
