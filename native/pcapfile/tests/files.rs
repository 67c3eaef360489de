// SPDX-License-Identifier: Apache-2.0
//! What is written can be read; what is broken ends with a place and a reason.

#![allow(clippy::unwrap_used)] // a test may panic

use std::io::{Cursor, Read};

use netsonde_pcapfile::{write_pcap, PcapngWriter, RawPacket, ReadError, Reader};
use proptest::prelude::*;

type Owned = (i64, u32, Vec<u8>);

fn packets() -> impl Strategy<Value = Vec<Owned>> {
    let packet = (
        0i64..4_000_000_000_000_000_000,
        0u32..100,
        prop::collection::vec(any::<u8>(), 0..200),
    )
        .prop_map(|(ts_ns, more, data)| (ts_ns, data.len() as u32 + more, data));
    prop::collection::vec(packet, 0..150)
}

fn raw(packet: &Owned) -> RawPacket<'_> {
    RawPacket {
        ts_ns: packet.0,
        wire_len: packet.1,
        data: &packet.2,
    }
}

fn read_all(source: impl Read + Send + 'static) -> (Vec<Owned>, Option<String>) {
    let mut found = Vec::new();
    let mut reader = match Reader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (found, Some(error.to_string())),
    };
    loop {
        match reader.next_packets() {
            Ok(packets) if packets.len() == 0 => return (found, None),
            Ok(packets) => found.extend(
                packets.map(|packet| (packet.ts_ns, packet.wire_len, packet.data.to_vec())),
            ),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
}

/// Gives a few bytes at a time, as a pipe may.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(7);
        self.0.read(&mut buffer[..length])
    }
}

fn pcapng(packets: &[Owned]) -> Vec<u8> {
    let mut writer = PcapngWriter::new("test", "a comment");
    let interface = writer.interface(1, "eth0", "");
    packets
        .iter()
        .for_each(|packet| writer.packet(interface, &raw(packet), "note"));
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(packets in packets()) {
        prop_assert_eq!(read_all(Cursor::new(pcapng(&packets))), (packets.clone(), None));
        prop_assert_eq!(read_all(Cursor::new(write_pcap(1, packets.iter().map(raw)))), (packets, None));
    }

    #[test]
    fn a_trickle_reads_like_a_flood(packets in packets()) {
        prop_assert_eq!(read_all(Trickle(Cursor::new(pcapng(&packets)))), (packets, None));
    }

    #[test]
    fn a_cut_file_gives_the_packets_before_the_cut(packets in packets(), cut in 0usize..5000) {
        let file = write_pcap(1, packets.iter().map(raw));
        let cut = cut.min(file.len());
        let (found, damage) = read_all(Cursor::new(file[..cut].to_vec()));
        prop_assert!(packets.starts_with(&found));
        prop_assert!(damage.is_some() || found.iter().map(|packet| packet.2.len() + 16).sum::<usize>() + 24 == cut);
    }

    #[test]
    fn any_bytes_end_with_a_reason(mut data in prop::collection::vec(any::<u8>(), 0..400), ng: bool) {
        let head = if ng { pcapng(&[]) } else { write_pcap(1, []) };
        data.splice(0..0, head);
        let _ = read_all(Cursor::new(data));
    }
}

#[test]
fn damage_names_the_place_the_packets_before_it_and_the_reason() {
    let packet = (0, 4, vec![1, 2, 3, 4]);
    let mut file = write_pcap(1, [raw(&packet)]);
    file.extend([0xff; 16]);
    let mut reader = Reader::new(Cursor::new(file)).unwrap();
    assert_eq!(reader.next_packets().unwrap().len(), 1);
    let Err(ReadError::Damage(damage)) = reader.next_packets().map(|packets| packets.len()) else {
        panic!("damage expected")
    };
    assert_eq!((damage.offset, damage.packets), (44, 1));
    assert!(damage.reason.contains("claims 4294967295 bytes"));
}

#[test]
fn a_packet_longer_than_a_block_is_read_whole() {
    let long = (5, 3 << 20, vec![7; 3 << 20]);
    let packets = vec![(1, 3, vec![1, 2, 3]), long, (9, 3, vec![4, 5, 6])];
    let file = write_pcap(1, packets.iter().map(raw));
    assert_eq!(read_all(Cursor::new(file)), (packets, None));
}
