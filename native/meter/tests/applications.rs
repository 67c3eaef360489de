// SPDX-License-Identifier: Apache-2.0
//! What applications say is told however their bytes are spread over packets.

mod samples;

use netsonde_meter::{wire, FlowBatch, Frame, LinkType, Meter, MeterConfig};
use proptest::prelude::*;
use samples::{
    arp_request, dns_message, ethernet, ipv4, tcp, udp, CLIENT, CLIENT_MAC, SERVER, SERVER_MAC,
};

const MS: i64 = 1_000_000;
const START: u32 = u32::MAX - 20;

fn told(config: MeterConfig, frames: &[(Vec<u8>, usize)]) -> (Meter, String) {
    let mut meter = Meter::new(config);
    for (index, (data, wire_len)) in frames.iter().enumerate() {
        meter.frame(Frame {
            ts_ns: (index as i64 + 1) * MS,
            wire_len: *wire_len as u32,
            data,
            link_type: LinkType::Ethernet,
        });
    }
    let (mut batch, mut text) = (FlowBatch::new(), String::new());
    meter.snapshot(&mut batch);
    wire::write_flows(&batch.into_record_batch(), '\n', &mut text);
    (meter, text)
}

/// A segment of the client's stream to `port`, from byte `at` on.
fn segment(port: u16, at: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
    let sequence = START.wrapping_add(at as u32);
    let packet = ipv4(
        CLIENT,
        SERVER,
        6,
        &tcp(40000, port, sequence, flags, payload),
    );
    ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &packet)
}

/// A SYN, then the bytes cut at some places, in some order, one piece sent twice.
fn spread(
    port: u16,
    stream: &[u8],
    cuts: &[prop::sample::Index],
    order: &[prop::sample::Index],
) -> Vec<(Vec<u8>, usize)> {
    let mut places: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(stream.len()))
        .chain([0, stream.len()])
        .collect();
    places.sort_unstable();
    places.dedup();
    let piece = |ends: &[usize]| segment(port, ends[0], 0x18, &stream[ends[0]..ends[1]]);
    let mut frames: Vec<_> = places.windows(2).map(piece).collect();
    frames.push(frames[0].clone());
    for (at, other) in order.iter().enumerate() {
        let last = frames.len() - 1;
        frames.swap(at.min(last), other.index(last + 1));
    }
    frames.insert(0, segment(port, usize::MAX, 0x02, b""));
    let lengths = frames.iter().map(Vec::len).collect::<Vec<_>>();
    frames.into_iter().zip(lengths).collect()
}

fn client_hello(name: &str) -> Vec<u8> {
    let name_length = name.len() as u8;
    let mut extension = vec![
        0,
        0,
        0,
        name_length + 5,
        0,
        name_length + 3,
        0,
        0,
        name_length,
    ];
    extension.extend(name.as_bytes());
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0, 0, extension.len() as u8]);
    body.extend(extension);
    let mut message = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    message.extend(body);
    message
}

fn two_questions() -> Vec<u8> {
    let mut stream = Vec::new();
    for id in [1, 2] {
        let message = dns_message(id, false, &["www", "example", "org"]);
        stream.extend((message.len() as u16).to_be_bytes());
        stream.extend(message);
    }
    stream
}

proptest! {
    #[test]
    fn a_stream_in_pieces_of_any_order_tells_what_it_tells_in_one(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..7),
        order in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let hello = client_hello("www.example.org");
        let (_, text) = told(MeterConfig::default(), &spread(443, &hello, &cuts, &order));
        prop_assert!(text.contains(r#""Application":"TLS""#), "{}", text);
        prop_assert!(text.contains(r#""ServerName":"www.example.org""#), "{}", text);

        let request = b"GET /a HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
        let (_, text) = told(MeterConfig::default(), &spread(80, request, &cuts, &order));
        prop_assert!(text.contains(r#""HTTP":{"method":"GET","target":"/a""#), "{}", text);

        let (_, text) = told(MeterConfig::default(), &spread(53, &two_questions(), &cuts, &order));
        prop_assert!(text.contains(r#""questions_seen":2"#), "{}", text);
    }

    #[test]
    fn any_bytes_in_any_order_are_followed_in_bounded_memory(
        pieces in prop::collection::vec((0u32..20000, prop::collection::vec(any::<u8>(), 1..1400)), 1..60),
        port in prop::sample::select(vec![53u16, 443, 6653]),
    ) {
        let mut frames = vec![(segment(port, usize::MAX, 0x02, b""), 54)];
        for (at, bytes) in &pieces {
            let data = segment(port, *at as usize, 0x18, bytes);
            let length = data.len();
            frames.push((data, length));
        }
        let (meter, _) = told(MeterConfig::default(), &frames);
        prop_assert_eq!(meter.stats().flows, 1);
    }
}

#[test]
fn a_hello_cut_by_the_snaplen_tells_what_is_there() {
    let hello = client_hello("www.example.org");
    let mut data = segment(443, 0, 0x18, &[hello, vec![0; 900]].concat());
    let wire_len = data.len();
    data.truncate(14 + 20 + 20 + 120);
    let (_, text) = told(MeterConfig::default(), &[(data, wire_len)]);
    assert!(
        text.contains(r#""server_name":"www.example.org""#),
        "{text}"
    );
}

#[test]
fn an_application_is_found_in_later_segments() {
    let mut at = 0;
    let mut frames = Vec::new();
    for words in [
        &b"EHLO x\r\n"[..],
        b"STARTTLS\r\n",
        &client_hello("mail.example.org"),
    ] {
        let data = segment(25, at, 0x18, words);
        let length = data.len();
        frames.push((data, length));
        at += words.len();
    }
    let (_, text) = told(MeterConfig::default(), &frames);
    assert!(text.contains(r#""Application":"TLS""#), "{text}");
}

#[test]
fn settings_name_ports_whatever_is_said_there() {
    let mut config = MeterConfig::default();
    config
        .applications
        .add_text("tcp/443=admin")
        .expect("a name");
    config
        .applications
        .add_text("udp/4500=tunnel")
        .expect("a name");
    let hello = segment(443, 0, 0x18, &client_hello("x"));
    let datagram = ipv4(CLIENT, SERVER, 17, &udp(40000, 4500, b"x"));
    let datagram = ethernet(CLIENT_MAC, SERVER_MAC, &[], 0x0800, &datagram);
    let frames = [hello, datagram].map(|data| {
        let length = data.len();
        (data, length)
    });
    let (_, text) = told(config, &frames);
    assert!(text.contains(r#""Application":"ADMIN""#), "{text}");
    assert!(text.contains(r#""Application":"TUNNEL""#), "{text}");
}

#[test]
fn question_and_answer_tell_of_each_other_and_two_macs_conflict() {
    let reply = |mac: [u8; 6]| {
        let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 2];
        packet.extend(mac);
        packet.extend(SERVER);
        packet.extend(CLIENT_MAC);
        packet.extend(CLIENT);
        ethernet(mac, CLIENT_MAC, &[], 0x0806, &packet)
    };
    let frames = [arp_request(), reply(SERVER_MAC), reply([2, 0, 0, 0, 0, 9])];
    let frames = frames.map(|data| {
        let length = data.len();
        (data, length)
    });
    let (_, text) = told(MeterConfig::default(), &frames[..2]);
    assert_eq!(
        text.matches(r#""requests":1,"replies":1,"latency":1000000"#)
            .count(),
        2
    );
    assert!(!text.contains("conflict"), "{text}");
    let (_, text) = told(MeterConfig::default(), &frames);
    assert!(
        text.contains(r#""replies":2"#) && text.contains(r#""conflict":true"#),
        "{text}"
    );
}
