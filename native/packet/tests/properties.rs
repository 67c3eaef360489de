// SPDX-License-Identifier: Apache-2.0
//! What must hold for any bytes at all.

use netsonde_packet::{
    describe, dhcpv4, dhcpv6, dns, identify, parse, quic, Identity, Layer, LinkType, Ports,
    Transport,
};
use proptest::prelude::*;

fn link_types() -> impl Strategy<Value = LinkType> {
    prop::sample::select(vec![0u16, 1, 101, 108, 113, 228, 229, 276, 9999])
        .prop_map(LinkType::from_number)
}

/// Bytes that look like the beginning of something: pure noise never gets past the first header.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let ether_types = prop::sample::select(vec![
        0x0800u16, 0x86dd, 0x8100, 0x88a8, 0x0806, 0x8847, 0x8864, 0x88cc, 0x1234, 0x0026,
    ]);
    let versions = prop::sample::select(vec![0x45u8, 0x46, 0x4f, 0x60, 0x00]);
    let protocols = prop::sample::select(vec![
        0u8, 1, 2, 4, 6, 17, 41, 43, 44, 47, 51, 58, 60, 112, 115, 132,
    ]);
    (
        ether_types,
        versions,
        protocols,
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(ether_type, version, protocol, rest)| {
            let mut frame = vec![2; 12];
            frame.extend(ether_type.to_be_bytes());
            frame.push(version);
            frame.extend(rest);
            for at in [14 + 9, 14 + 6] {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = protocol;
                }
            }
            frame
        })
}

proptest! {
    #[test]
    fn any_frame_is_read_and_described(link_type in link_types(), data in frames()) {
        let ports = Ports::default();
        let headers = parse(link_type, &data, data.len() as u32, &ports);
        prop_assert!(headers.payload.len() <= data.len());
        let description = describe(link_type, &data, &ports);
        prop_assert!(!description.info.contains('\n'));
    }

    #[test]
    fn a_cut_frame_has_a_prefix_of_the_layers(data in frames(), cut in 0usize..300) {
        let (ports, wire_len) = (Ports::default(), data.len() as u32);
        let whole = parse(LinkType::Ethernet, &data, wire_len, &ports);
        let cut = parse(LinkType::Ethernet, &data[..cut.min(data.len())], wire_len, &ports);
        prop_assert!(whole.layers.as_slice().starts_with(cut.layers.as_slice()));
    }

    #[test]
    fn any_message_of_an_application_is_read(data in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = dns::sections(&data);
        let _ = dhcpv4::dhcpv4(&data);
        let _ = dhcpv6::dhcpv6(&data);
        quic::hello_pieces(&data, |_, piece| assert!(piece.len() <= data.len()));
        let _ = quic::client_hello(&data);
    }

    #[test]
    fn a_cut_beginning_of_a_stream_is_the_same_application_or_none_yet(
        start in starts(),
        rest in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
        port in prop::sample::select(vec![53u16, 443, 6653, 8080]),
    ) {
        let data = [start, rest].concat();
        let whole = layer_of(&data, port);
        let cut = layer_of(&data[..cut.index(data.len() + 1)], port);
        prop_assert!(cut.is_none() || cut == whole, "{:?} of {:?}", cut, whole);
    }

    #[test]
    fn a_segment_whose_first_byte_begins_nothing_is_of_nobody(
        start in prop_oneof![starts(), prop::collection::vec(any::<u8>(), 1..4)],
        rest in prop::collection::vec(any::<u8>(), 0..40),
        port in prop::sample::select(vec![53u16, 443, 6653, 8080]),
    ) {
        let data = [start, rest].concat();
        let frame = tcp_packet(port, &data);
        let headers = parse(LinkType::Raw, &frame, frame.len() as u32, &Ports::default());
        let Transport::Tcp(tcp) = headers.transport else {
            return Err(TestCaseError::fail("no TCP"));
        };
        prop_assert_eq!(headers.payload, &data[..]);
        let unknown = matches!(identify(&data, (40000, port)), Identity::Unknown);
        prop_assert!(tcp.may_begin || unknown || data.is_empty());
    }

    #[test]
    fn any_beginning_of_a_stream_tells_something_or_nothing(
        start in starts(),
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let data = [start, rest].concat();
        if let Identity::Known(application) = identify(&data, (40000, 53)) {
            let _ = application.told(&data, false);
            prop_assert!(application.told(&data, true).is_some());
        }
    }
}

/// An IPv4 packet from port 40000.
fn tcp_packet(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (40 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(40000u16.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

/// Beginnings of applications, and of hellos that go on with anything.
fn starts() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        b"GET / HTTP/1.1\r\n".to_vec(),
        b"OPTIONS sip:a@b SIP/2.0\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\n".to_vec(),
        b"SIP/2.0 200 OK\r\n".to_vec(),
        vec![22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3],
        vec![22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3],
        vec![0, 40, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        vec![4, 0, 0, 8, 0, 0, 0, 1],
        Vec::new(),
    ])
}

fn layer_of(data: &[u8], port: u16) -> Option<Layer> {
    match identify(data, (40000, port)) {
        Identity::Known(application) => Some(application.layer()),
        Identity::Unknown | Identity::TooShort => None,
    }
}

#[test]
fn a_name_that_points_to_itself_ends() {
    let mut message = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend([0xc0, 12, 0, 1, 0, 1]);
    assert!(dns::sections(&message).questions.is_empty());
}

#[test]
fn a_chain_of_extension_headers_has_an_end() {
    let mut packet = vec![0x60, 0, 0, 0, 0x01, 0x00, 60, 64];
    packet.extend([1; 32]);
    for _ in 0..32 {
        packet.extend([60, 0, 0, 0, 0, 0, 0, 0]);
    }
    let ports = Ports::default();
    let headers = parse(LinkType::Ipv6, &packet, packet.len() as u32, &ports);
    assert!(headers.error.is_some());
    assert!(headers.layers.as_slice().len() <= 15);
}
