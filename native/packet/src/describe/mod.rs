// SPDX-License-Identifier: Apache-2.0
//! One line per packet, for people: who, to whom, what.

pub(crate) mod application;
pub(crate) mod control;

use crate::{
    parse, registry, text, FrameError, Headers, Layer, LinkType, Network, Ports, Transport,
};

/// A packet as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// IP addresses, else MACs, else empty.
    pub source: String,
    pub destination: String,
    pub protocol: &'static str,
    pub info: String,
}

/// Describe one frame by its innermost packet, and the tunnels around it; never fails.
pub fn describe(link_type: LinkType, data: &[u8], ports: &Ports) -> Description {
    let wire_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut headers = parse(link_type, data, wire_len, ports);
    let mut tunnels = String::new();
    let mut error = headers.error;
    while let Some(inner) = headers.inner(ports) {
        error = error.or(inner.error);
        if !inner.readable() {
            break;
        }
        tunnels.push_str(&tunnel(&headers));
        headers = inner;
    }
    let (source, destination) = ends(&headers);
    let (protocol, mut info) = subject(&headers);
    for part in [tunnels, error.map_or_else(String::new, trouble)] {
        if !info.is_empty() && !part.is_empty() {
            info.push(' ');
        }
        info.push_str(part.trim_start());
    }
    Description {
        source,
        destination,
        protocol,
        info,
    }
}

/// " (VXLAN 10, 10.0.0.1 → 10.0.0.2)", of the segment that ends with a tunnel's header.
fn tunnel(headers: &Headers<'_>) -> String {
    let kind = match headers.layers.last() {
        Some(Layer::IPv4 | Layer::IPv6) | None => "IP",
        Some(layer) => registry::of_layer(layer).map_or(layer.name(), |protocol| protocol.shown),
    };
    let id = match headers.tunnel.id {
        0 => String::new(),
        id => format!(" {id}"),
    };
    let (source, destination) = ends(headers);
    format!(" (in {kind}{id}, {source} → {destination})")
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
        (Network::None, Some(link)) => (text::mac(link.source()), text::mac(link.destination())),
        (Network::None, None) => (String::new(), String::new()),
    }
}

fn subject(headers: &Headers<'_>) -> (&'static str, String) {
    let last = headers.layers.last();
    match (last, headers.transport) {
        (Some(Layer::DNS), _) => (
            application::dns_name(headers),
            application::dns(headers.payload),
        ),
        (_, Transport::Icmp4(icmp)) => ("ICMP", control::icmp4(&icmp)),
        (_, Transport::Icmp6(icmp)) => ("ICMPv6", control::icmp6(&icmp, headers)),
        (_, Transport::Tcp(tcp)) => ("TCP", control::tcp(&tcp, headers.payload_len)),
        (
            Some(Layer::UDP),
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
        _ => last.map_or(("Unknown", String::new()), |layer| {
            layer_subject(headers, layer)
        }),
    }
}

fn layer_subject(headers: &Headers<'_>, last: Layer) -> (&'static str, String) {
    match last {
        Layer::Fragment => (
            match headers.network {
                Network::V6 { .. } => "IPv6",
                _ => "IPv4",
            },
            fragment(headers),
        ),
        Layer::IPv4 | Layer::IPv6 => (last.name(), format!("Protocol {}", headers.ip_protocol)),
        Layer::Ethernet | Layer::Dot1Q => (
            "Ethernet",
            format!("EtherType 0x{:04x}", headers.ether_type),
        ),
        _ => registry::of_layer(last).map_or((last.name(), String::new()), |protocol| {
            (protocol.shown, (protocol.info)(headers))
        }),
    }
}

fn fragment(headers: &Headers<'_>) -> String {
    let place = headers.fragment.map_or_else(String::new, |fragment| {
        let more = if fragment.more { ", more follow" } else { "" };
        format!(" id={} offset={}{more}", fragment.id, fragment.offset)
    });
    format!("Fragment of protocol {}{place}", headers.ip_protocol)
}

fn trouble(error: FrameError) -> String {
    match error {
        FrameError::Truncated { layer, need, have } => {
            format!("[{} cut: {have} of {need} bytes]", layer.name())
        }
        FrameError::Malformed { layer, what } => format!("[{} malformed: {what}]", layer.name()),
    }
}
