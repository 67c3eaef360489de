// SPDX-License-Identifier: Apache-2.0
//! BFD (RFC 5880) over one hop and over several (RFC 5881, RFC 5883).

use crate::bytes::be32;
use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::BFD,
    found: &[Found::UdpTo(3784), Found::UdpTo(4784)],
    read,
    shown: "BFD",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

const STATES: [&str; 4] = ["AdminDown", "Down", "Init", "Up"];
const DIAGNOSTICS: [&str; 9] = [
    "none",
    "detection time expired",
    "echo failed",
    "neighbor signaled down",
    "forwarding plane reset",
    "path down",
    "concatenated path down",
    "administratively down",
    "reverse concatenated path down",
];

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&[first, _, multiplier, length, ..]) = data.first_chunk::<24>() else {
        return Reading::TooShort;
    };
    // §6.8.6: what is discarded unseen.
    if first >> 5 != 1 || length < 24 || multiplier == 0 {
        return Reading::Other;
    }
    headers.layers.push(Layer::BFD);
    Reading::Mine
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let Some(&[first, state, multiplier, ..]) = data.first_chunk::<24>() else {
        return facts;
    };
    let named = |names: &[&'static str], index: u8| names.get(usize::from(index)).copied();
    facts.text("state", named(&STATES, state >> 6).unwrap_or_default());
    let diagnostic = named(&DIAGNOSTICS, first & 0x1f).unwrap_or("reserved");
    facts.text("diagnostic", diagnostic);
    facts.number("detect_multiplier", multiplier);
    for (name, at) in [
        ("my_discriminator", 4),
        ("your_discriminator", 8),
        ("desired_tx_us", 12),
        ("required_rx_us", 16),
    ] {
        facts.number(name, be32(data, at).unwrap_or(0));
    }
    facts
}
