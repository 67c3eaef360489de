// SPDX-License-Identifier: Apache-2.0
//! Frames made by hand, one builder per layer; shared by tests and the fuzzer.

#![allow(dead_code)] // each user takes what it needs

pub const CLIENT_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];
pub const SERVER_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 2];
pub const CLIENT: [u8; 4] = [10, 0, 0, 1];
pub const SERVER: [u8; 4] = [10, 0, 0, 2];

pub fn ethernet(
    source: [u8; 6],
    destination: [u8; 6],
    tags: &[u16],
    ether_type: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = [destination, source].concat();
    for tag in tags {
        frame.extend(0x8100u16.to_be_bytes());
        frame.extend(tag.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

pub fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend(payload);
    packet
}

/// `extensions` are whole headers without their first byte's meaning: (type, bytes behind the next-header field).
pub fn ipv6(
    source: [u8; 16],
    destination: [u8; 16],
    extensions: &[(u8, Vec<u8>)],
    protocol: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut kinds: Vec<u8> = extensions.iter().map(|(kind, _)| *kind).collect();
    kinds.push(protocol);
    let length: usize = extensions
        .iter()
        .map(|(_, body)| body.len() + 1)
        .sum::<usize>()
        + payload.len();
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((length as u16).to_be_bytes());
    packet.extend([kinds[0], 64]);
    packet.extend(source);
    packet.extend(destination);
    for ((_, body), next) in extensions.iter().zip(&kinds[1..]) {
        packet.push(*next);
        packet.extend(body);
    }
    packet.extend(payload);
    packet
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(source.to_be_bytes());
    datagram.extend(destination.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

pub fn tcp(source: u16, destination: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(source.to_be_bytes());
    segment.extend(destination.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(0u32.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// A TCP segment of the client's connection in a whole frame, or its way back.
pub fn tcp_frame(from_client: bool, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    if from_client {
        let packet = ipv4(CLIENT, SERVER, 6, &tcp(40000, 80, sequence, flags, payload));
        ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &packet)
    } else {
        let packet = ipv4(SERVER, CLIENT, 6, &tcp(80, 40000, sequence, flags, payload));
        ethernet(SERVER_MAC, CLIENT_MAC, &[], 0x0800, &packet)
    }
}

pub fn echo(request: bool, id: u16, sequence: u16) -> Vec<u8> {
    let mut message = vec![if request { 8 } else { 0 }, 0, 0, 0];
    message.extend(id.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend([0; 56]);
    message
}

pub fn echo_frame(request: bool, id: u16, sequence: u16) -> Vec<u8> {
    if request {
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x0800,
            &ipv4(CLIENT, SERVER, 1, &echo(true, id, sequence)),
        )
    } else {
        ethernet(
            SERVER_MAC,
            CLIENT_MAC,
            &[],
            0x0800,
            &ipv4(SERVER, CLIENT, 1, &echo(false, id, sequence)),
        )
    }
}

/// A DNS message about `name` with an EDNS cookie, the record that once killed the reference.
pub fn dns_message(id: u16, response: bool, name: &[&str]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(id.to_be_bytes());
    message.extend(if response { [0x81, 0x80] } else { [0x01, 0x00] });
    for count in [1u16, u16::from(response), 0, 1] {
        message.extend(count.to_be_bytes());
    }
    for label in name {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    if response {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    }
    message.extend([
        0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    message
}

pub fn dns_frame(from_client: bool, message: &[u8]) -> Vec<u8> {
    if from_client {
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x0800,
            &ipv4(CLIENT, SERVER, 17, &udp(5555, 53, message)),
        )
    } else {
        ethernet(
            SERVER_MAC,
            CLIENT_MAC,
            &[],
            0x0800,
            &ipv4(SERVER, CLIENT, 17, &udp(53, 5555, message)),
        )
    }
}

/// A DHCPv4 message of `kind` (option 53); a server's offers 10.0.0.1 for an hour.
pub fn dhcp_message(kind: u8, xid: u32) -> Vec<u8> {
    let from_server = matches!(kind, 2 | 5 | 6);
    let mut message = vec![if from_server { 2 } else { 1 }, 1, 6, 0];
    message.extend(xid.to_be_bytes());
    message.extend([0; 8]);
    message.extend(if from_server { CLIENT } else { [0; 4] });
    message.extend([0; 8]);
    message.extend(CLIENT_MAC);
    message.resize(236, 0);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
    if from_server {
        message.extend([
            51, 4, 0, 0, 0x0e, 0x10, 54, 4, 10, 0, 0, 2, 3, 4, 10, 0, 0, 2, 6, 4, 10, 0, 0, 2,
        ]);
    } else {
        message.extend([12, 2, b'v', b'm']);
    }
    message.push(255);
    message
}

pub fn dhcp_frame(kind: u8, xid: u32) -> Vec<u8> {
    let message = dhcp_message(kind, xid);
    if matches!(kind, 2 | 5 | 6) {
        ethernet(
            SERVER_MAC,
            CLIENT_MAC,
            &[],
            0x0800,
            &ipv4(SERVER, CLIENT, 17, &udp(67, 68, &message)),
        )
    } else {
        let packet = ipv4([0; 4], [255; 4], 17, &udp(68, 67, &message));
        ethernet(CLIENT_MAC, [255; 6], &[], 0x0800, &packet)
    }
}

/// A DHCPv6 message with client DUID and one address.
pub fn dhcp6_message(kind: u8, xid: u32) -> Vec<u8> {
    let mut message = (u32::from(kind) << 24 | xid).to_be_bytes().to_vec();
    message.extend([0, 1, 0, 4, 1, 2, 3, 4]);
    message.extend([0, 3, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24]);
    message.extend(V6_CLIENT);
    message.extend([0, 0, 0, 100, 0, 0, 0, 200]);
    message
}

pub const V6_CLIENT: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const V6_SERVER: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

pub fn neighbour_solicitation() -> Vec<u8> {
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(V6_SERVER);
    message.extend([1, 1]);
    message.extend(CLIENT_MAC);
    ethernet(
        CLIENT_MAC,
        SERVER_MAC,
        &[],
        0x86dd,
        &ipv6(V6_CLIENT, V6_SERVER, &[], 58, &message),
    )
}

pub fn arp_request() -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1];
    packet.extend(CLIENT_MAC);
    packet.extend(CLIENT);
    packet.extend([0; 6]);
    packet.extend(SERVER);
    ethernet(CLIENT_MAC, [255; 6], &[], 0x0806, &packet)
}

/// One frame of every kind.
pub fn all() -> Vec<Vec<u8>> {
    let hop_by_hop = (0u8, vec![0, 5, 2, 0, 0, 1, 0]);
    let fragment = (44u8, vec![0, 0, 1, 0, 0, 0, 1]);
    let udp6 = udp(546, 547, &dhcp6_message(1, 0x0a_bc_de));
    vec![
        arp_request(),
        neighbour_solicitation(),
        tcp_frame(true, 1, 0x02, b""),
        tcp_frame(false, 9, 0x18, b"hello"),
        echo_frame(true, 7, 1),
        dns_frame(true, &dns_message(1, false, &["www", "example", "org"])),
        dns_frame(false, &dns_message(1, true, &["www", "example", "org"])),
        dhcp_frame(1, 77),
        dhcp_frame(5, 77),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x86dd,
            &ipv6(V6_CLIENT, V6_SERVER, &[], 17, &udp6),
        ),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[8, 10, 20],
            0x0800,
            &ipv4(CLIENT, SERVER, 1, &echo(true, 1, 1)),
        ),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x86dd,
            &ipv6(
                V6_CLIENT,
                V6_SERVER,
                &[hop_by_hop],
                58,
                &[143, 0, 0, 0, 0, 0, 0, 1],
            ),
        ),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x86dd,
            &ipv6(V6_CLIENT, V6_SERVER, &[fragment], 17, &udp6),
        ),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x0800,
            &ipv4(
                CLIENT,
                SERVER,
                132,
                &[0x13, 0x88, 0x13, 0x89, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 20],
            ),
        ),
        ethernet(
            CLIENT_MAC,
            SERVER_MAC,
            &[],
            0x88cc,
            &[2, 7, 4, 1, 2, 3, 4, 5, 6],
        ),
    ]
}

/// Link type and frame of every packet in the project's traces (tests/data/flows), each file read as tests/traces.py
/// writes it: classic pcap, little-endian.
pub fn traces() -> Vec<(u16, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/flows");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pcap"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| frames_of(&std::fs::read(path).unwrap_or_default()))
        .collect()
}

fn frames_of(file: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let word = |at: usize| {
        let bytes = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    };
    let (mut frames, mut at) = (Vec::new(), 24);
    while at + 16 <= file.len() {
        let end = at + 16 + word(at + 8);
        frames.push((word(20) as u16, file[at + 16..end].to_vec()));
        at = end;
    }
    frames
}
