// SPDX-License-Identifier: Apache-2.0
//! Spanning tree: STP, RSTP and MSTP (IEEE 802.1Q §14), found by LLC.

use crate::bytes::{be16, be32, chunk};
use crate::facts::{line, Facts};
use crate::registry::{Protocol, Reading, Told};
use crate::{text, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::STP,
    found: &[],
    read,
    shown: "STP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

pub(crate) fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    match be16(data, 0) {
        Some(0) => headers.layers.push(Layer::STP),
        Some(_) => {}
        None => headers.truncated(Layer::STP, 4, data.len()),
    }
    Reading::Mine
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let (Some(&version), Some(&kind)) = (data.get(2), data.get(3)) else {
        return facts;
    };
    facts.text(
        "protocol",
        match version {
            0 => "STP",
            2 => "RSTP",
            3 => "MSTP",
            _ => "unknown",
        },
    );
    if kind == 0x80 {
        facts.text("type", "topology change");
        return facts;
    }
    let bridge = |at: usize| Some((be16(data, at)?, chunk::<6>(data, at + 2)?));
    let (Some(&flags), Some(root), Some(cost), Some(sender), Some(port)) = (
        data.get(4),
        bridge(5),
        be32(data, 13),
        bridge(17),
        be16(data, 25),
    ) else {
        return facts;
    };
    let named = |(priority, mac): (u16, [u8; 6])| format!("{priority}/{}", text::mac(mac));
    facts.text("type", "configuration");
    facts.text("root", named(root));
    facts.number("root_cost", cost);
    facts.text("bridge", named(sender));
    facts.number("port", port);
    facts.flag("topology_change", flags & 1 != 0);
    facts
}
