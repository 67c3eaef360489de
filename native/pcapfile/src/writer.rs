// SPDX-License-Identifier: Apache-2.0
//! Writing both formats to memory. pcapng carries what pcap cannot: interfaces, comments, nanoseconds.

/// A packet to write; `data` may be shorter than `wire_len`.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    pub ts_ns: i64,
    pub wire_len: u32,
    pub data: &'a [u8],
}

/// Snaplen that says "nothing was cut on purpose".
const SNAPLEN: u32 = 262_144;

/// Writes one section, little-endian, with time stamps in nanoseconds.
pub struct PcapngWriter {
    out: Vec<u8>,
    interfaces: u32,
}

const OPT_COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const SHB_APPLICATION: u16 = 4;
const IF_TSRESOL: u16 = 9;

impl PcapngWriter {
    /// Begin a section; an empty comment is left out.
    pub fn new(application: &str, comment: &str) -> Self {
        let mut writer = Self {
            out: Vec::new(),
            interfaces: 0,
        };
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1u16.to_le_bytes());
        body.extend(0u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes());
        push_option(&mut body, OPT_COMMENT, comment.as_bytes());
        push_option(&mut body, SHB_APPLICATION, application.as_bytes());
        writer.block(0x0a0d_0d0a, &body);
        writer
    }

    /// Describe an interface and return its number.
    pub fn interface(&mut self, link_type: u16, name: &str, description: &str) -> u32 {
        let mut body = Vec::new();
        body.extend(link_type.to_le_bytes());
        body.extend(0u16.to_le_bytes());
        body.extend(SNAPLEN.to_le_bytes());
        push_option(&mut body, IF_NAME, name.as_bytes());
        push_option(&mut body, IF_DESCRIPTION, description.as_bytes());
        push_option(&mut body, IF_TSRESOL, &[9]);
        self.block(1, &body);
        self.interfaces += 1;
        self.interfaces - 1
    }

    pub fn packet(&mut self, interface: u32, packet: &RawPacket<'_>, comment: &str) {
        let ticks = packet.ts_ns.max(0) as u64;
        let mut body = Vec::with_capacity(packet.data.len() + comment.len() + 32);
        body.extend(interface.to_le_bytes());
        body.extend(((ticks >> 32) as u32).to_le_bytes());
        body.extend((ticks as u32).to_le_bytes());
        body.extend((packet.data.len() as u32).to_le_bytes());
        body.extend(packet.wire_len.max(packet.data.len() as u32).to_le_bytes());
        body.extend(packet.data);
        body.resize(body.len().next_multiple_of(4), 0);
        push_option(&mut body, OPT_COMMENT, comment.as_bytes());
        self.block(6, &body);
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = (body.len().next_multiple_of(4) + 12) as u32;
        self.out.extend(kind.to_le_bytes());
        self.out.extend(length.to_le_bytes());
        self.out.extend(body);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
        self.out.extend(length.to_le_bytes());
    }

    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Return what was written since the last call, for whoever writes a file as packets come.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

/// Append an option, padded; nothing for an empty value. Blocks end their options by their length.
fn push_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value
        .get(..value.len().min(usize::from(u16::MAX)))
        .unwrap_or_default();
    if value.is_empty() {
        return;
    }
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Return a classic pcap file with nanoseconds; valid also without packets.
pub fn write_pcap<'a>(link_type: u16, packets: impl IntoIterator<Item = RawPacket<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(0xa1b2_3c4d_u32.to_le_bytes());
    out.extend(2u16.to_le_bytes());
    out.extend(4u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(SNAPLEN.to_le_bytes());
    out.extend(u32::from(link_type).to_le_bytes());
    for packet in packets {
        let ns = packet.ts_ns.max(0);
        out.extend(((ns / 1_000_000_000) as u32).to_le_bytes());
        out.extend(((ns % 1_000_000_000) as u32).to_le_bytes());
        out.extend((packet.data.len() as u32).to_le_bytes());
        out.extend(packet.wire_len.max(packet.data.len() as u32).to_le_bytes());
        out.extend(packet.data);
    }
    out
}
