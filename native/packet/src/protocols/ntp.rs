// SPDX-License-Identifier: Apache-2.0
//! NTP (RFC 5905): what is shorter than a header is none.

use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{text, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::NTP,
    found: &[Found::Udp(123)],
    read,
    shown: "NTP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.len() < 48 {
        return Reading::TooShort;
    }
    headers.layers.push(Layer::NTP);
    Reading::Mine
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let Some(&[first, stratum, ..]) = data.first_chunk::<16>() else {
        return facts;
    };
    facts.number("version", first >> 3 & 7);
    facts.text(
        "mode",
        match first & 7 {
            1 => "symmetric active",
            2 => "symmetric passive",
            3 => "client",
            4 => "server",
            5 => "broadcast",
            _ => "control",
        },
    );
    facts.number("stratum", stratum);
    if let (4, Some(reference)) = (first & 7, data.get(12..16)) {
        match (stratum, reference) {
            // The kind of clock, or why there is no answer.
            (0 | 1, word) => facts.bytes("reference", word.trim_ascii_end()),
            (_, &[a, b, c, d]) => facts.text("reference", text::ipv4([a, b, c, d])),
            _ => {}
        }
    }
    facts
}
