// SPDX-License-Identifier: Apache-2.0
//! IGMP 1 to 3 (RFC 9776), and what its IPv6 counterpart MLD (RFC 9777) says of groups.

use crate::bytes::{be16, chunk};
use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{text, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::IGMP,
    found: &[Found::IpProtocol(2)],
    read,
    shown: "IGMP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::IGMP);
    Reading::Mine
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let Some((&kind, group)) = data.first().zip(chunk::<4>(data, 4)) else {
        return facts;
    };
    let (word, version) = match kind {
        // A query of version 3 is longer.
        0x11 if data.len() >= 12 => ("query", 3u8),
        0x11 => ("query", 2),
        0x12 => ("report", 1),
        0x16 => ("report", 2),
        0x17 => ("leave", 2),
        0x22 => ("report", 3),
        _ => ("unknown", 0),
    };
    facts.text("type", word);
    facts.number("version", version);
    if kind == 0x22 {
        let records = data.get(8..).unwrap_or_default();
        facts.list("groups", groups::<4>(records).map(text::ipv4).collect());
    } else if group != [0; 4] {
        facts.list("groups", vec![text::ipv4(group)]);
    }
    facts
}

/// What MLD 1 says: `data` is behind the eight bytes that all ICMPv6 messages have here.
pub(crate) fn mld_1(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    if let Some(group) = chunk::<16>(data, 0).filter(|group| *group != [0; 16]) {
        facts.list("groups", vec![text::ipv6(group)]);
    }
    facts
}

/// What a report of MLD 2 says.
pub(crate) fn mld_2(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    facts.list("groups", groups::<16>(data).map(text::ipv6).collect());
    facts
}

/// The groups of the records of a report, whose addresses have `N` bytes.
fn groups<const N: usize>(mut records: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    std::iter::from_fn(move || {
        let auxiliary = usize::from(*records.get(1)?) * 4;
        let sources = usize::from(be16(records, 2)?) * N;
        let group = chunk(records, 4)?;
        records = records
            .get(4 + N + sources + auxiliary..)
            .unwrap_or_default();
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_tell_their_groups() {
        assert_eq!(
            line(&told(&[0x16, 0, 0, 0, 239, 1, 1, 1])),
            "type report version 2 groups 239.1.1.1"
        );
        let two = [
            0x22, 0, 0, 0, 0, 0, 0, 2, 4, 1, 0, 1, 239, 1, 1, 1, 10, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0,
            0, 239, 2, 2, 2,
        ];
        assert_eq!(
            line(&told(&two)),
            "type report version 3 groups 239.1.1.1,239.2.2.2"
        );
    }

    #[test]
    fn a_general_query_names_no_group() {
        assert_eq!(
            line(&told(&[0x11, 100, 0, 0, 0, 0, 0, 0])),
            "type query version 2"
        );
        let mut group = [0; 20];
        group[0] = 4;
        (group[4], group[19]) = (0xff, 2);
        assert_eq!(line(&mld_2(&group)), "groups ff00::2");
        assert_eq!(line(&mld_1(&group[4..])), "groups ff00::2");
    }
}
