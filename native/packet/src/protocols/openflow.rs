// SPDX-License-Identifier: Apache-2.0
//! OpenFlow (Open Networking Foundation, 1.0 to 1.5): the version that both sides speak.

use crate::facts::Facts;
use crate::registry::{no_info, not_over_packets, Found, Protocol, Reading, Told};
use crate::Layer;

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::OpenFlow,
    found: &[Found::StreamOn(&PORTS, begins)],
    read: not_over_packets,
    shown: "OpenFlow",
    info: no_info,
    told: Told::Start(|data, _| Some(told(data))),
};

/// That of IANA, and the one before.
const PORTS: [u16; 2] = [6653, 6633];
const GREATEST_TYPE: u8 = 35;

fn begins(data: &[u8]) -> Reading {
    let Some(&[version, kind, high, low, ..]) = data.first_chunk::<8>() else {
        return Reading::TooShort;
    };
    let length = u16::from_be_bytes([high, low]);
    if (1..=6).contains(&version) && kind <= GREATEST_TYPE && length >= 8 {
        Reading::Mine
    } else {
        Reading::Other
    }
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    if let Some(version) = data.first().and_then(|version| version.checked_sub(1)) {
        facts.text("version", format!("1.{version}"));
    }
    facts
}
