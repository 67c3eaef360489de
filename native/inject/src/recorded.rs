// SPDX-License-Identifier: Apache-2.0
//! Packets of a file that are to be sent again.

use std::io::Cursor;

use netsonde_pcapfile::{ReadError, Reader};

/// Packets of one file; more would take longer to read than anybody waits for an answer.
pub const MOST_PACKETS: usize = 100_000;
const ETHERNET: u16 = 1;
const SHORTEST: usize = 14;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    pub frames: Vec<Vec<u8>>,
    /// Unix time in ns of each.
    pub stamps: Vec<i64>,
}

/// Read a pcap or pcapng file. The error says what is wrong with it.
pub fn read(file: Vec<u8>) -> Result<Recorded, String> {
    let mut reader = Reader::new(Cursor::new(file)).map_err(told)?;
    let mut recorded = Recorded::default();
    loop {
        let packets = reader.next_packets().map_err(told)?;
        if packets.len() == 0 {
            break;
        }
        for packet in packets {
            let number = recorded.frames.len() + 1;
            if packet.link_type != ETHERNET {
                return Err(format!(
                    "packet {number} is no Ethernet frame (link type {})",
                    packet.link_type
                ));
            }
            if packet.data.len() < packet.wire_len as usize || packet.data.len() < SHORTEST {
                return Err(format!(
                    "packet {number} was cut when it was captured: {} of {} bytes",
                    packet.data.len(),
                    packet.wire_len
                ));
            }
            if number > MOST_PACKETS {
                return Err(format!("it has more than {MOST_PACKETS} packets"));
            }
            recorded.frames.push(packet.data.to_vec());
            recorded.stamps.push(packet.ts_ns);
        }
    }
    if recorded.frames.is_empty() {
        return Err("it has no packet".to_owned());
    }
    Ok(recorded)
}

fn told(error: ReadError) -> String {
    match error {
        ReadError::Io(error) => error.to_string(),
        ReadError::Damage(damage) => format!("{} at byte {}", damage.reason, damage.offset),
    }
}
