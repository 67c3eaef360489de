// SPDX-License-Identifier: Apache-2.0
//! WireGuard (wireguard.com/protocol): kind and peers' indexes; all else is encrypted.

use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::WireGuard,
    found: &[Found::Udp(51820)],
    read,
    shown: "WireGuard",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

/// Kind, three zeros, and lengths that are all their own.
fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&[kind, zeros @ ..]) = data.first_chunk::<4>() else {
        return Reading::TooShort;
    };
    let right = match (kind, headers.payload_len) {
        (1, 148) | (2, 92) | (3, 64) => true,
        (4, length) => length >= 32 && length % 16 == 0,
        _ => false,
    };
    if !right || zeros != [0; 3] {
        return Reading::Other;
    }
    headers.layers.push(Layer::WireGuard);
    Reading::Mine
}

/// Indexes are little-endian, as all of WireGuard.
fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let index = |at: usize| {
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let (word, sender, receiver) = match data.first() {
        Some(1) => ("initiation", index(4), None),
        Some(2) => ("response", index(4), index(8)),
        Some(3) => ("cookie", None, index(4)),
        Some(4) => ("data", None, index(4)),
        _ => return facts,
    };
    facts.text("type", word);
    for (name, index) in [("sender", sender), ("receiver", receiver)] {
        if let Some(index) = index {
            facts.number(name, index);
        }
    }
    facts
}
