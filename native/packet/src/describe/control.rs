// SPDX-License-Identifier: Apache-2.0
//! ARP, ICMP, neighbour discovery, IGMP and TCP in one line each.

use crate::bytes::{be16, chunk};
use crate::{text, Headers, Icmp, IcmpKind, Tcp};

pub(crate) fn arp(data: &[u8]) -> String {
    // Only Ethernet over IPv4 has addresses where they are looked for here (RFC 826).
    let parts = (
        be16(data, 6),
        chunk::<6>(data, 8),
        chunk::<4>(data, 14),
        chunk::<4>(data, 24),
    );
    let (Some(operation), Some(sender_mac), Some(sender), Some(target)) = parts else {
        return "too short".to_owned();
    };
    let (sender, target) = (text::ipv4(sender), text::ipv4(target));
    match operation {
        1 if sender == target => format!("Announcement for {sender}"),
        1 if sender == "0.0.0.0" => format!("Who has {target}? (probe)"),
        1 => format!("Who has {target}? Tell {sender}"),
        2 => format!("{sender} is at {}", text::mac(sender_mac)),
        other => format!("Operation {other}"),
    }
}

pub(crate) fn icmp4(icmp: &Icmp) -> String {
    match (icmp.message_type, icmp.code) {
        (8, _) => format!("Echo request id={} seq={}", icmp.id, icmp.sequence),
        (0, _) => format!("Echo reply id={} seq={}", icmp.id, icmp.sequence),
        (3, code) => format!("Destination unreachable ({})", unreachable(code)),
        (11, 0) => "Time to live exceeded in transit".to_owned(),
        (11, _) => "Fragment reassembly time exceeded".to_owned(),
        (5, _) => "Redirect".to_owned(),
        (9, _) => "Router advertisement".to_owned(),
        (10, _) => "Router solicitation".to_owned(),
        (kind, code) => format!("{} type={kind} code={code}", icmp.kind.name()),
    }
}

fn unreachable(code: u8) -> &'static str {
    match code {
        0 => "network",
        1 => "host",
        2 => "protocol",
        3 => "port",
        4 => "fragmentation needed",
        9 | 10 | 13 => "administratively prohibited",
        _ => "other",
    }
}

pub(crate) fn icmp6(icmp: &Icmp, headers: &Headers<'_>) -> String {
    let target = || chunk(headers.payload, 0).map_or_else(|| "?".to_owned(), text::ipv6);
    match icmp.message_type {
        128 => format!("Echo request id={} seq={}", icmp.id, icmp.sequence),
        129 => format!("Echo reply id={} seq={}", icmp.id, icmp.sequence),
        133 => with_mac(
            "Router solicitation",
            "from",
            link_address(headers.payload, 1),
        ),
        134 => with_mac(
            &router(headers),
            "from",
            link_address(headers.payload.get(8..).unwrap_or_default(), 1),
        ),
        135 => {
            let options = headers.payload.get(16..).unwrap_or_default();
            with_mac(
                &format!("Neighbor solicitation for {}", target()),
                "from",
                link_address(options, 1),
            )
        }
        136 => {
            let options = headers.payload.get(16..).unwrap_or_default();
            with_mac(
                &format!("Neighbor advertisement {}", target()),
                "is at",
                link_address(options, 2),
            )
        }
        137 => "Redirect".to_owned(),
        130 => "Multicast listener query".to_owned(),
        131 | 143 => "Multicast listener report".to_owned(),
        132 => "Multicast listener done".to_owned(),
        1 => format!("Destination unreachable code={}", icmp.code),
        2 => "Packet too big".to_owned(),
        3 => "Hop limit exceeded in transit".to_owned(),
        kind if icmp.kind == IcmpKind::Unknown => format!("type={kind} code={}", icmp.code),
        _ => icmp.kind.name().to_owned(),
    }
}

/// The prefixes of a router advertisement (RFC 4861 §4.6.2).
fn router(headers: &Headers<'_>) -> String {
    let mut info = "Router advertisement".to_owned();
    for (kind, body) in NdOptions(headers.payload.get(8..).unwrap_or_default()) {
        if let (3, Some(&length), Some(prefix)) = (kind, body.first(), chunk(body, 14)) {
            info.push_str(&format!(" prefix {}/{length}", text::ipv6(prefix)));
        }
    }
    info
}

fn with_mac(info: &str, word: &str, mac: Option<[u8; 6]>) -> String {
    mac.map_or_else(
        || info.to_owned(),
        |mac| format!("{info} {word} {}", text::mac(mac)),
    )
}

/// Return the link-layer address option `wanted` (1 source, 2 target).
pub(crate) fn link_address(options: &[u8], wanted: u8) -> Option<[u8; 6]> {
    NdOptions(options)
        .find(|&(kind, _)| kind == wanted)
        .and_then(|(_, body)| chunk(body, 0))
}

/// Options of neighbour discovery: type, and body without type and length.
pub(crate) struct NdOptions<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for NdOptions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, &length) = (self.0.first()?, self.0.get(1)?);
        let length = usize::from(length) * 8;
        let body = self.0.get(2..length)?;
        self.0 = self.0.get(length..)?;
        Some((kind, body))
    }
}

pub(crate) fn tcp(tcp: &Tcp, payload_len: u32) -> String {
    const NAMES: [(u8, &str); 6] = [
        (Tcp::SYN, "SYN"),
        (Tcp::FIN, "FIN"),
        (Tcp::RST, "RST"),
        (Tcp::PSH, "PSH"),
        (Tcp::ACK, "ACK"),
        (Tcp::URG, "URG"),
    ];
    let flags: Vec<&str> = NAMES
        .iter()
        .filter(|(bit, _)| tcp.has(*bit))
        .map(|(_, name)| *name)
        .collect();
    let (source, destination) = tcp.ports.numbers();
    let mut info = format!(
        "{} → {} [{}] Seq={}",
        source,
        destination,
        flags.join(", "),
        tcp.sequence
    );
    if tcp.has(Tcp::ACK) {
        info.push_str(&format!(" Ack={}", tcp.acknowledgement));
    }
    info.push_str(&format!(" Win={} Len={payload_len}", tcp.window));
    info
}
