// SPDX-License-Identifier: Apache-2.0
//! Who asks for an address on the link, and who says that it is theirs: ARP (RFC 826) and IPv6 neighbour discovery
//! (RFC 4861) read alike.

use crate::bytes::{be16, chunk};
use crate::describe::control::{link_address, NdOptions};
use crate::{text, Headers, Layer, Network, Transport};

const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
const PREFIX: u8 = 3;
/// RFC 4861 §4.6.2: hosts form addresses of their own in this prefix (SLAAC).
const AUTONOMOUS: u8 = 0x40;

/// One statement about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// True for a question, false for a claim, announcements among them.
    pub asks: bool,
    /// The address asked for, or claimed.
    pub address: String,
    /// Address of the one who speaks; empty while it has none (probes, duplicate address detection).
    pub speaker: String,
    /// Hardware address that is claimed, or of who asks; empty when the message does not say.
    pub mac: String,
}

/// Read a statement; `None` for everything else and for what is cut too short.
pub fn neighbour(headers: &Headers<'_>) -> Option<Neighbour> {
    match (headers.layers.last(), headers.transport) {
        (Some(Layer::ARP), _) => arp(headers.payload),
        (_, Transport::Icmp6(icmp)) if matches!(icmp.message_type, 135 | 136) => {
            discovery(headers, icmp.message_type == 135)
        }
        _ => None,
    }
}

fn arp(data: &[u8]) -> Option<Neighbour> {
    let (operation, mac) = (be16(data, 6)?, chunk::<6>(data, 8)?);
    let (sender, target) = (chunk::<4>(data, 14)?, chunk::<4>(data, 24)?);
    let announces = operation == 1 && sender == target;
    let asks = operation == 1 && !announces;
    (matches!(operation, 1 | 2)).then(|| Neighbour {
        asks,
        address: text::ipv4(if asks { target } else { sender }),
        speaker: if sender == [0; 4] {
            String::new()
        } else {
            text::ipv4(sender)
        },
        mac: text::mac(mac),
    })
}

fn discovery(headers: &Headers<'_>, asks: bool) -> Option<Neighbour> {
    let options = headers.payload.get(16..).unwrap_or_default();
    let wanted = if asks {
        SOURCE_LINK_ADDRESS
    } else {
        TARGET_LINK_ADDRESS
    };
    let mac = link_address(options, wanted).or(headers.link.map(|link| link.source()));
    let speaker = match headers.network {
        Network::V6 { source, .. } if source != [0; 16] => text::ipv6(source),
        _ => String::new(),
    };
    Some(Neighbour {
        asks,
        address: text::ipv6(chunk(headers.payload, 0)?),
        speaker,
        mac: mac.map_or_else(String::new, text::mac),
    })
}

/// Return the prefixes of a router advertisement in which hosts form addresses of their own.
pub fn autonomous_prefixes(headers: &Headers<'_>) -> Vec<String> {
    match headers.transport {
        Transport::Icmp6(icmp) if icmp.message_type == 134 => {
            let options = headers.payload.get(8..).unwrap_or_default();
            NdOptions(options).filter_map(prefix).collect()
        }
        _ => Vec::new(),
    }
}

fn prefix((kind, body): (u8, &[u8])) -> Option<String> {
    let (&length, &flags) = (body.first()?, body.get(1)?);
    (kind == PREFIX && flags & AUTONOMOUS != 0 && length <= 128)
        .then(|| Some(format!("{}/{length}", text::ipv6(chunk(body, 14)?))))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse, LinkType, Ports};

    fn read(frame: &[u8]) -> Option<Neighbour> {
        neighbour(&parse(
            LinkType::Ethernet,
            frame,
            frame.len() as u32,
            &Ports::default(),
        ))
    }

    fn arp_frame(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend([
            2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 1,
        ]);
        frame.extend(sender);
        frame.extend([0; 6]);
        frame.extend(target);
        frame
    }

    #[test]
    fn a_question_a_reply_and_an_announcement_are_told_apart() {
        let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let said = |asks, speaker: &str| Neighbour {
            asks,
            address: "10.0.0.1".to_owned(),
            speaker: speaker.to_owned(),
            mac: "02:00:00:00:00:01".to_owned(),
        };
        assert_eq!(read(&arp_frame(1, two, one)), Some(said(true, "10.0.0.2")));
        assert_eq!(read(&arp_frame(2, one, two)), Some(said(false, "10.0.0.1")));
        assert_eq!(read(&arp_frame(1, one, one)), Some(said(false, "10.0.0.1")));
        assert_eq!(read(&arp_frame(1, [0; 4], one)), Some(said(true, "")));
        assert_eq!(read(&arp_frame(9, one, two)), None);
    }

    #[test]
    fn what_is_cut_says_nothing() {
        let frame = arp_frame(2, [10, 0, 0, 1], [10, 0, 0, 2]);
        assert!((0..frame.len()).all(|length| read(&frame[..length]).is_none()));
    }
}
