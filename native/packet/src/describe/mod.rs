// SPDX-License-Identifier: Apache-2.0
//! One line per packet, for people: who, to whom, what.

mod application;
mod control;

use crate::{parse, text, FrameError, Headers, Layer, LinkType, Network, Transport};

/// A packet as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// IP addresses, else MACs, else empty.
    pub source: String,
    pub destination: String,
    pub protocol: &'static str,
    pub info: String,
}

/// Describe one frame; never fails.
pub fn describe(link_type: LinkType, data: &[u8]) -> Description {
    let headers = parse(link_type, data);
    let (source, destination) = ends(&headers);
    let (protocol, mut info) = subject(&headers);
    if let Some(error) = headers.error {
        if !info.is_empty() {
            info.push(' ');
        }
        info.push_str(&trouble(error));
    }
    Description {
        source,
        destination,
        protocol,
        info,
    }
}

fn ends(headers: &Headers<'_>) -> (String, String) {
    match (headers.network, headers.link) {
        (
            Network::V4 {
                source,
                destination,
            },
            _,
        ) => (text::ipv4(source), text::ipv4(destination)),
        (
            Network::V6 {
                source,
                destination,
            },
            _,
        ) => (text::ipv6(source), text::ipv6(destination)),
        (Network::None, Some(link)) => (text::mac(link.source), text::mac(link.destination)),
        (Network::None, None) => (String::new(), String::new()),
    }
}

fn subject(headers: &Headers<'_>) -> (&'static str, String) {
    match (headers.layers.last(), headers.transport) {
        (Some(Layer::DHCPv4), _) => ("DHCP", application::dhcp(headers.payload)),
        (Some(Layer::DHCPv6), _) => ("DHCPv6", application::dhcp6(headers.payload)),
        (Some(Layer::DNS), _) => (
            application::dns_name(headers),
            application::dns(headers.payload),
        ),
        (Some(Layer::NTP), _) => ("NTP", application::ntp(headers.payload)),
        (Some(Layer::ARP), _) => ("ARP", control::arp(headers.payload)),
        (_, Transport::Icmp4(icmp)) => ("ICMP", control::icmp4(&icmp)),
        (_, Transport::Icmp6(icmp)) => ("ICMPv6", control::icmp6(&icmp, headers)),
        (_, Transport::Tcp(tcp)) => ("TCP", control::tcp(&tcp, headers.payload_len)),
        (
            _,
            Transport::Udp {
                source,
                destination,
            },
        ) => (
            "UDP",
            format!("{source} → {destination} Len={}", headers.payload_len),
        ),
        (
            Some(chunk),
            Transport::Sctp {
                source,
                destination,
            },
        ) => ("SCTP", format!("{source} → {destination} {}", chunk.name())),
        (Some(Layer::Fragment), _) => (
            "IPv4",
            format!("Fragment of protocol {}", headers.ip_protocol),
        ),
        (Some(Layer::IGMP), _) => ("IGMP", control::igmp(headers.payload)),
        (Some(Layer::LinkLayerDiscovery), _) => ("LLDP", String::new()),
        (Some(Layer::IPv4 | Layer::IPv6), _) => (
            headers.layers.last().map_or("", Layer::name),
            format!("Protocol {}", headers.ip_protocol),
        ),
        (Some(Layer::Ethernet | Layer::Dot1Q), _) => (
            "Ethernet",
            format!("EtherType 0x{:04x}", headers.ether_type),
        ),
        (Some(layer), _) => (layer.name(), String::new()),
        (None, _) => ("Unknown", String::new()),
    }
}

fn trouble(error: FrameError) -> String {
    match error {
        FrameError::Truncated { layer, need, have } => {
            format!("[{} cut: {have} of {need} bytes]", layer.name())
        }
        FrameError::Malformed { layer, what } => format!("[{} malformed: {what}]", layer.name()),
    }
}
