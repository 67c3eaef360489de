// SPDX-License-Identifier: Apache-2.0
//! Recognises what answers a probe: the reply itself, or a router's word that it could not be delivered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netsonde_packet::{
    dhcpv4, next_hop_mtu, parse, Headers, Icmp, IcmpKind, LinkType, Network, Ports, Tcp, Transport,
};

use crate::frame::{ETHERNET, TAG};
use crate::probe::{Kind, Probe};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Reply,
    /// The port is closed; the host is there.
    Reset,
    Unreachable,
    TimeExceeded,
    TooBig,
    /// A further answer to a question that everybody hears, after the first.
    Another,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::TimeExceeded => "time-exceeded",
            Self::TooBig => "too-big",
            Self::Another => "another",
        }
    }

    /// Tell whether the target itself answered.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Reply | Self::Reset)
    }
}

/// Which packet it is that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Index(u64),
    /// What `key_of` gave for it.
    Key(u64),
    /// The protocol does not say; the latest one is the best guess.
    Latest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub which: Which,
    pub verdict: Verdict,
    pub from: IpAddr,
    /// What the answer says beyond that it came: an address offered, a code of DNS, a MAC address.
    pub note: String,
}

/// Tell whether everybody on the link hears the question, so that several may answer it.
pub fn is_heard_by_all(probe: &Probe) -> bool {
    matches!(probe.kind, Kind::Arp | Kind::Nd | Kind::Dhcp4)
}

/// What an answer to packet `index` repeats of it.
pub fn key_of(probe: &Probe, index: u64) -> u64 {
    match probe.kind {
        Kind::Icmp => echo_key(probe.icmp_id_of(index), index as u16),
        Kind::Tcp => u64::from(probe.sequence_of(index)),
        Kind::Dns => u64::from(probe.transaction_of(index) as u16),
        Kind::Dhcp4 => u64::from(probe.transaction_of(index)),
        Kind::Udp | Kind::Arp | Kind::Nd => u64::from(Probe::identification_of(index)),
    }
}

fn echo_key(id: u16, sequence: u16) -> u64 {
    u64::from(id) << 16 | u64::from(sequence)
}

/// Read a frame; None when it is nothing to this probe.
pub fn read(
    probe: &Probe,
    ports: &Ports,
    link: LinkType,
    data: &[u8],
    wire_len: u32,
) -> Option<Seen> {
    let headers = parse(link, data, wire_len, ports);
    if headers.ether_type == 0x0806 {
        return arp(probe, data);
    }
    let (from, _) = addresses(&headers)?;
    match headers.transport {
        Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
            control(probe, ports, data, &headers, icmp, from)
        }
        Transport::Tcp(tcp) => syn_answer(probe, tcp, from),
        Transport::Udp {
            source,
            destination,
        } => datagram(probe, headers.payload, (source, destination), from),
        Transport::None | Transport::Sctp { .. } => None,
    }
}

fn addresses(headers: &Headers<'_>) -> Option<(IpAddr, IpAddr)> {
    match headers.network {
        Network::V4 {
            source,
            destination,
        } => Some((
            Ipv4Addr::from(source).into(),
            Ipv4Addr::from(destination).into(),
        )),
        Network::V6 {
            source,
            destination,
        } => Some((
            Ipv6Addr::from(source).into(),
            Ipv6Addr::from(destination).into(),
        )),
        Network::None => None,
    }
}

/// Many answer a group, each with its own address.
fn may_answer(probe: &Probe, from: IpAddr) -> bool {
    from == probe.target || is_group(probe.target)
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn seen(which: Which, verdict: Verdict, from: IpAddr, note: String) -> Option<Seen> {
    Some(Seen {
        which,
        verdict,
        from,
        note,
    })
}

fn control(
    probe: &Probe,
    ports: &Ports,
    data: &[u8],
    headers: &Headers<'_>,
    icmp: Icmp,
    from: IpAddr,
) -> Option<Seen> {
    const ADVERTISEMENT: u8 = 136;
    let verdict = match icmp.kind {
        IcmpKind::Echo if probe.kind == Kind::Icmp && !icmp.request && may_answer(probe, from) => {
            let key = Which::Key(echo_key(icmp.id, icmp.sequence));
            return seen(key, Verdict::Reply, from, String::new());
        }
        IcmpKind::Neighbor if probe.kind == Kind::Nd && icmp.message_type == ADVERTISEMENT => {
            return advertisement(probe, headers.payload, from);
        }
        IcmpKind::DestinationUnreachable | IcmpKind::PacketTooBig => Verdict::Unreachable,
        IcmpKind::TimeExceeded => Verdict::TimeExceeded,
        _ => return None,
    };
    let which = quoted(probe, ports, headers.payload)?;
    match next_hop_mtu(headers, data) {
        Some(mtu) => seen(which, Verdict::TooBig, from, format!("MTU {mtu}")),
        None => seen(which, verdict, from, format!("code {}", icmp.code)),
    }
}

/// Find out which packet an ICMP error quotes.
fn quoted(probe: &Probe, ports: &Ports, quote: &[u8]) -> Option<Which> {
    let headers = parse(LinkType::Raw, quote, quote.len() as u32, ports);
    let (source, target) = addresses(&headers)?;
    if (source, target) != (probe.source, probe.target) {
        return None;
    }
    match headers.transport {
        Transport::Icmp4(icmp) | Transport::Icmp6(icmp) if probe.kind == Kind::Icmp => {
            Some(Which::Key(echo_key(icmp.id, icmp.sequence)))
        }
        Transport::Udp { destination, .. } if destination == probe.target_port => {
            Some(quoted_datagram(probe, quote, headers.payload))
        }
        Transport::Tcp(tcp) if probe.kind == Kind::Tcp => Some(Which::Key(u64::from(tcp.sequence))),
        // RFC 792 promises 8 bytes of TCP, too few for the parser: ports and sequence number.
        Transport::None if probe.kind == Kind::Tcp => {
            let sequence = headers.payload.get(4..)?.first_chunk()?;
            Some(Which::Key(u64::from(u32::from_be_bytes(*sequence))))
        }
        _ => None,
    }
}

fn quoted_datagram(probe: &Probe, quote: &[u8], payload: &[u8]) -> Which {
    if let Some(index) = probe.index_in(payload) {
        return Which::Index(index);
    }
    match (probe.kind, probe.target) {
        (Kind::Dns, _) => payload.first_chunk().map_or(Which::Latest, |id| {
            Which::Key(u64::from(u16::from_be_bytes(*id)))
        }),
        (Kind::Udp, IpAddr::V4(_)) => quote.get(4..6).map_or(Which::Latest, |id| {
            Which::Key(u64::from(u16::from_be_bytes([id[0], id[1]])))
        }),
        _ => Which::Latest,
    }
}

fn syn_answer(probe: &Probe, tcp: Tcp, from: IpAddr) -> Option<Seen> {
    let (source, destination) = tcp.ports.numbers();
    let is_ours = probe.kind == Kind::Tcp
        && from == probe.target
        && source == probe.target_port
        && (probe.random || destination == probe.source_port)
        && tcp.has(Tcp::ACK);
    let verdict = match (tcp.has(Tcp::RST), tcp.has(Tcp::SYN)) {
        (true, _) => Verdict::Reset,
        (false, true) => Verdict::Reply,
        (false, false) => return None,
    };
    // A handshake acknowledges the SYN alone, a reset the data in it as well (RFC 9293 §3.10.7.1).
    let data = if verdict == Verdict::Reset {
        probe.payload_of(0).len()
    } else {
        0
    };
    let sequence = tcp
        .acknowledgement
        .wrapping_sub(1)
        .wrapping_sub(data as u32);
    let note = if verdict == Verdict::Reset {
        "closed"
    } else {
        "open"
    };
    is_ours.then(|| Seen {
        which: if probe.increment > 0 && verdict == Verdict::Reset {
            Which::Latest
        } else {
            Which::Key(u64::from(sequence))
        },
        verdict,
        from,
        note: note.to_owned(),
    })
}

fn datagram(probe: &Probe, payload: &[u8], ports: (u16, u16), from: IpAddr) -> Option<Seen> {
    if probe.kind == Kind::Dhcp4 {
        return offer(probe, payload, from);
    }
    let (source, destination) = ports;
    let is_ours = matches!(probe.kind, Kind::Udp | Kind::Dns)
        && source == probe.target_port
        && (probe.random || destination == probe.source_port)
        && may_answer(probe, from);
    if !is_ours {
        return None;
    }
    if probe.kind == Kind::Dns {
        return dns_answer(payload, from);
    }
    let which = probe.index_in(payload).map_or(Which::Latest, Which::Index);
    seen(which, Verdict::Reply, from, String::new())
}

fn dns_answer(payload: &[u8], from: IpAddr) -> Option<Seen> {
    const CODES: [&str; 6] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    ];
    const RESPONSE: u8 = 0x80;
    let head = payload.first_chunk::<12>()?;
    if head[2] & RESPONSE == 0 {
        return None;
    }
    let code = CODES.get(usize::from(head[3] & 0x0f)).unwrap_or(&"RCODE");
    let answers = u16::from_be_bytes([head[6], head[7]]);
    let key = Which::Key(u64::from(u16::from_be_bytes([head[0], head[1]])));
    seen(
        key,
        Verdict::Reply,
        from,
        format!("{code}, {answers} answers"),
    )
}

fn offer(probe: &Probe, payload: &[u8], from: IpAddr) -> Option<Seen> {
    const REPLY: u8 = 2;
    let message = dhcpv4::dhcpv4(payload)?;
    if message.op != REPLY || message.hardware != probe.source_mac {
        return None;
    }
    let note = format!(
        "{} of {}",
        message.type_name(),
        Ipv4Addr::from(message.yours)
    );
    seen(
        Which::Key(u64::from(message.xid)),
        Verdict::Reply,
        from,
        note,
    )
}

fn advertisement(probe: &Probe, body: &[u8], from: IpAddr) -> Option<Seen> {
    let target = Ipv6Addr::from(*body.first_chunk::<16>()?);
    if IpAddr::V6(target) != probe.target {
        return None;
    }
    let note = match body.get(16..24) {
        Some([2, 1, mac @ ..]) => mac_text(mac),
        _ => String::new(),
    };
    seen(Which::Latest, Verdict::Reply, from, note)
}

fn arp(probe: &Probe, data: &[u8]) -> Option<Seen> {
    if probe.kind != Kind::Arp {
        return None;
    }
    let (sender, mac) = arp_reply(data)?;
    if IpAddr::V4(sender) != probe.target {
        return None;
    }
    seen(Which::Latest, Verdict::Reply, sender.into(), mac_text(&mac))
}

/// Return who says in an ARP reply that an address is his.
pub fn arp_reply(data: &[u8]) -> Option<(Ipv4Addr, [u8; 6])> {
    const REPLY: [u8; 8] = [0, 1, 0x08, 0x00, 6, 4, 0, 2];
    let mut body = data.get(ETHERNET - 2..)?;
    while matches!(body.first_chunk(), Some([0x81, 0x00] | [0x88, 0xa8])) {
        body = body.get(TAG..)?;
    }
    let body = body.strip_prefix(&[0x08, 0x06])?.strip_prefix(&REPLY)?;
    let (mac, body) = body.split_first_chunk::<6>()?;
    Some((Ipv4Addr::from(*body.first_chunk::<4>()?), *mac))
}

fn mac_text(mac: &[u8]) -> String {
    let pairs: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

/// What the kernel should let in for probes of a kind, in tcpdump's words.
pub(crate) fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Icmp | Kind::Nd => "icmp or icmp6 or arp",
        Kind::Tcp => {
            "icmp or icmp6 or arp or tcp[tcpflags] & (tcp-syn|tcp-rst) != 0 or (ip6 and tcp)"
        }
        Kind::Udp | Kind::Dns => "icmp or icmp6 or arp or udp",
        Kind::Arp => "arp",
        Kind::Dhcp4 => "udp port 68",
    }
}
