// SPDX-License-Identifier: Apache-2.0
//! What packets say, as data for programs that judge them: one JSON object a packet, `netsonde.checks.facts` reads it.
//! Of a tunnelled packet the innermost one counts, as in `describe`.

use crate::dns::response_code;
use netsonde_packet::dhcpv4::dhcpv4;
use netsonde_packet::dhcpv6::dhcpv6;
use netsonde_packet::dns;
use netsonde_packet::{
    autonomous_prefixes, neighbour, next_hop_mtu, parse, quoted, text, Headers, Icmp, IcmpKind,
    Layer, LinkType, Network, Ports, Transport,
};

use crate::json::Json;
use crate::PacketColumns;

/// Append the packets of a batch whose capture is `wanted`, each followed by a line end.
pub fn write(columns: &PacketColumns<'_>, wanted: impl Fn(&str) -> bool, out: &mut String) {
    for row in (0..columns.len()).filter(|&row| wanted(columns.capture_id(row))) {
        write_packet(columns, row, out);
        out.push('\n');
    }
}

fn write_packet(columns: &PacketColumns<'_>, row: usize, out: &mut String) {
    let link_type = LinkType::from_number(columns.link_type(row));
    let headers = innermost(link_type, columns.data(row), columns.wire_len(row));
    let mut json = Json::new(out);
    json.open()
        .text("capture_id", columns.capture_id(row))
        .text("node_tid", columns.node_tid(row))
        .number("number", columns.number(row))
        .number("time_ns", columns.ts_ns(row))
        .hex("flow", columns.flow_uuid(row));
    write_headers(&headers, &mut json);
    write_transport(&headers, &mut json);
    write_error(&headers, columns.data(row), &mut json);
    write_neighbour(&headers, &mut json);
    match headers.layers.last() {
        Some(Layer::DHCPv4) => write_dhcpv4(headers.payload, &mut json),
        Some(Layer::DHCPv6) => write_dhcpv6(headers.payload, &mut json),
        Some(Layer::DNS) => write_dns(headers.payload, &mut json),
        _ => {}
    }
    json.close();
}

fn innermost(link_type: LinkType, data: &[u8], wire_len: u32) -> Headers<'_> {
    let ports = Ports::default();
    let mut headers = parse(link_type, data, wire_len, &ports);
    while let Some(inner) = headers.inner(&ports).filter(Headers::readable) {
        headers = inner;
    }
    headers
}

fn write_headers(headers: &Headers<'_>, json: &mut Json<'_>) {
    if let Some(link) = headers.link {
        json.text("mac_source", &text::mac(link.source()))
            .text("mac_destination", &text::mac(link.destination()));
    }
    json.number_if("vlan_ids", headers.vlan_ids);
    match headers.network {
        Network::None => {}
        Network::V4 {
            source,
            destination,
        } => {
            json.text("source", &text::ipv4(source))
                .text("destination", &text::ipv4(destination));
        }
        Network::V6 {
            source,
            destination,
        } => {
            json.text("source", &text::ipv6(source))
                .text("destination", &text::ipv6(destination));
        }
    }
    json.number_if("length", headers.ip_len.into());
    let protocol = headers.layers.last().map_or("Unknown", Layer::name);
    json.text("protocol", protocol);
}

fn write_transport(headers: &Headers<'_>, json: &mut Json<'_>) {
    if let Some((source, destination)) = headers.transport.ports() {
        json.number("port_source", source)
            .number("port_destination", destination);
    }
    match headers.transport {
        Transport::Tcp(tcp) => {
            json.number("tcp_flags", tcp.flags)
                .number("tcp_sequence", tcp.sequence)
                .number_if("tcp_payload", headers.payload_len.into())
                .number_if("tcp_segment_size", tcp.segment_size.into());
        }
        Transport::Icmp4(icmp) | Transport::Icmp6(icmp) if icmp.kind == IcmpKind::Echo => {
            write_echo(&icmp, json)
        }
        _ => {}
    }
    let prefixes = autonomous_prefixes(headers);
    if !prefixes.is_empty() {
        write_list("prefixes", &prefixes, json);
    }
}

fn write_echo(icmp: &Icmp, json: &mut Json<'_>) {
    json.object("echo")
        .flag("asks", icmp.request)
        .number("id", icmp.id)
        .number("sequence", icmp.sequence)
        .close();
}

/// What an ICMP error says: which packet it is about, and what would have fitted; `data` is the whole packet.
fn write_error(headers: &Headers<'_>, data: &[u8], json: &mut Json<'_>) {
    let Some(quote) = quoted(headers, &Ports::default()) else {
        return;
    };
    let target = match quote.network {
        Network::V4 { destination, .. } => text::ipv4(destination),
        Network::V6 { destination, .. } => text::ipv6(destination),
        Network::None => String::new(),
    };
    json.object("error").text("target", &target);
    if let Some((source, destination)) = quote.transport.ports() {
        json.number("port_source", source)
            .number("port_destination", destination);
    }
    if let Some(mtu) = next_hop_mtu(headers, data) {
        json.number("mtu", mtu);
    }
    json.close();
}

fn write_neighbour(headers: &Headers<'_>, json: &mut Json<'_>) {
    if let Some(said) = neighbour(headers) {
        json.object("neighbour")
            .flag("asks", said.asks)
            .text("address", &said.address)
            .text("speaker", &said.speaker)
            .text("mac", &said.mac)
            .close();
    }
}

fn write_dhcpv4(payload: &[u8], json: &mut Json<'_>) {
    let Some(message) = dhcpv4(payload) else {
        return;
    };
    json.object("dhcp")
        .number("version", 4)
        .text("kind", message.type_name())
        .number("xid", message.xid)
        .text("client", &text::mac(message.hardware))
        .flag("from_client", message.op == 1);
    let address = |address: [u8; 4]| {
        if address == [0; 4] {
            String::new()
        } else {
            text::ipv4(address)
        }
    };
    let server = message.server.map(text::ipv4).unwrap_or_default();
    let mask = message.subnet_mask.map_or(0, u32::from_be_bytes);
    json.text("address", &address(message.yours))
        .number_if("prefix_length", mask.leading_ones().into())
        .text("server", &server);
    let texts = |addresses: &[[u8; 4]]| {
        addresses
            .iter()
            .copied()
            .map(text::ipv4)
            .collect::<Vec<_>>()
    };
    write_list("routers", &texts(&message.routers), json);
    write_list("dns_servers", &texts(&message.dns_servers), json);
    json.text("message", &String::from_utf8_lossy(message.message))
        .close();
}

fn write_dhcpv6(payload: &[u8], json: &mut Json<'_>) {
    let Some(message) = dhcpv6(payload) else {
        return;
    };
    let hex = |bytes: &[u8]| {
        let mut out = String::new();
        bytes
            .iter()
            .for_each(|&byte| text::push_hex(byte, &mut out));
        out
    };
    json.object("dhcp")
        .number("version", 6)
        .text("kind", message.type_name())
        .number("xid", message.xid)
        .text("client", &hex(message.client_id))
        .flag("from_client", message.from_client());
    let address = message
        .addresses
        .first()
        .map(|lease| text::ipv6(lease.address));
    json.text("address", &address.unwrap_or_default())
        .text("server", &hex(message.server_id));
    write_list("routers", &[], json);
    let servers: Vec<_> = message
        .dns_servers
        .iter()
        .copied()
        .map(text::ipv6)
        .collect();
    write_list("dns_servers", &servers, json);
    let words = message.status.map_or(&[][..], |(_, words)| words);
    json.text("message", &String::from_utf8_lossy(words))
        .close();
}

fn write_dns(payload: &[u8], json: &mut Json<'_>) {
    let Some(header) = dns::header(payload) else {
        return;
    };
    let sections = dns::sections(payload);
    let name = sections
        .questions
        .first()
        .map_or("", |question| &question.name);
    json.object("dns")
        .number("id", header.id)
        .flag("answers", header.response())
        .text("name", name)
        .text(
            "code",
            dns::response_code_name(response_code(&header, &sections)),
        )
        .number("records", header.answers)
        .close();
}

fn write_list(name: &str, values: &[String], json: &mut Json<'_>) {
    json.list(name);
    values.iter().for_each(|value| {
        json.item(value);
    });
    json.end_list();
}
