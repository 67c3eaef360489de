// SPDX-License-Identifier: Apache-2.0
//! A pcap or pcapng file; read from memory, and from a pipe that gives it in bits, with the same result.

use std::io::{self, Cursor, Read};

use netsonde_inject::recorded;
use netsonde_pcapfile::{ReadError, Reader};

#[derive(Debug, PartialEq)]
struct Seen {
    /// Time, length on the wire, link type, interface, bytes.
    packets: Vec<(i64, u32, u16, u32, Vec<u8>)>,
    damage: Option<String>,
}

pub fn run(data: &[u8]) {
    let whole = read(Cursor::new(data.to_vec()));
    let bytes: usize = whole.packets.iter().map(|packet| packet.4.len()).sum();
    assert!(bytes <= data.len(), "more packets than bytes");
    let bits = read(Bits {
        rest: Cursor::new(data.to_vec()),
        length: 1 + data.len() % 29,
    });
    assert_eq!(whole, bits);
    let _ = recorded::read(data.to_vec());
}

fn read(source: impl Read + Send + 'static) -> Seen {
    let mut packets = Vec::new();
    let damage = read_all(source, &mut packets)
        .err()
        .map(|error| match error {
            ReadError::Damage(damage) => format!("{damage:?}"),
            ReadError::Io(error) => panic!("memory cannot fail: {error}"),
        });
    Seen { packets, damage }
}

fn read_all(
    source: impl Read + Send + 'static,
    out: &mut Vec<(i64, u32, u16, u32, Vec<u8>)>,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(source)?;
    loop {
        let before = out.len();
        out.extend(reader.next_packets()?.map(|packet| {
            let data = packet.data.to_vec();
            let (link_type, interface) = (packet.link_type, packet.interface);
            (packet.ts_ns, packet.wire_len, link_type, interface, data)
        }));
        if out.len() == before {
            return Ok(());
        }
    }
}

struct Bits {
    rest: Cursor<Vec<u8>>,
    length: usize,
}

impl Read for Bits {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(self.length);
        self.rest.read(&mut into[..length])
    }
}
