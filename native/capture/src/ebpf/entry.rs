// SPDX-License-Identifier: Apache-2.0
//! One entry of the kernel's map: packets with the same headers in one direction. Layouts are those of meter.c.

use netsonde_meter::{Counted, Depth, Frame};
use netsonde_packet::{LinkType, Tcp};

use crate::frame::{insert_vlan, VLAN_ROOM};

const HEAD: usize = 128;

/// struct key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Key {
    addresses: [u32; 8],
    macs: [u32; 3],
    vlan: [u16; 4],
    ether_type: u16,
    ports: [u16; 2],
    protocol: u8,
    depth: u8,
    tunnel: u32,
}

/// struct flow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Value {
    packets: u64,
    octets: u64,
    /// Monotonic, like the next.
    first_ns: u64,
    last_ns: u64,
    wire_length: u32,
    head_length: u16,
    keyed_length: u16,
    /// In network order.
    tag_type: u16,
    /// In host order.
    tag: u16,
    syn: u8,
    fin: u8,
    rst: u8,
    unused: u8,
    head: [u8; HEAD],
}

impl Default for Value {
    fn default() -> Self {
        Self {
            packets: 0,
            octets: 0,
            first_ns: 0,
            last_ns: 0,
            wire_length: 0,
            head_length: 0,
            keyed_length: 0,
            tag_type: 0,
            tag: 0,
            syn: 0,
            fin: 0,
            rst: 0,
            unused: 0,
            head: [0; HEAD],
        }
    }
}

/// An entry on its way to the meter: the first packet's beginning, with the tag that the kernel had taken out.
pub struct Entry {
    depth: Depth,
    value: Value,
    frame: [u8; VLAN_ROOM + HEAD],
}

impl Entry {
    pub fn new(key: &Key, value: &Value) -> Self {
        let mut frame = [0; VLAN_ROOM + HEAD];
        frame[VLAN_ROOM..].copy_from_slice(&value.head);
        Self {
            depth: match key.depth {
                0 => Depth::Link,
                1 => Depth::Network,
                2 => Depth::Transport,
                _ => Depth::Tunnel,
            },
            value: *value,
            frame,
        }
        .tagged()
    }

    fn tagged(mut self) -> Self {
        if self.value.tag_type != 0 {
            insert_vlan(
                &mut self.frame,
                u16::from_be(self.value.tag_type),
                self.value.tag,
            );
        }
        self
    }

    /// Monotonic time of the first packet.
    pub fn first_ns(&self) -> u64 {
        self.value.first_ns
    }

    /// As the meter takes it; `offset_ns` turns monotonic times into Unix times.
    pub fn counted(&self, link_type: LinkType, offset_ns: i64) -> Counted<'_> {
        let value = &self.value;
        let head = usize::from(value.head_length).min(HEAD);
        let alike = usize::from(value.keyed_length).min(head);
        let (start, tag) = match value.tag_type {
            0 => (VLAN_ROOM, 0),
            _ => (0, VLAN_ROOM),
        };
        let flag = |seen: u8, flag: u8| if seen == 0 { 0 } else { flag };
        let unix = |ns: u64| offset_ns.saturating_add_unsigned(ns);
        Counted {
            first: Frame {
                ts_ns: unix(value.first_ns),
                wire_len: value.wire_length,
                data: &self.frame[start..start + tag + head],
                link_type,
            },
            depth: self.depth,
            alike: tag + alike,
            packets: value.packets,
            octets: value.octets,
            last_ns: unix(value.last_ns),
            tcp_flags: flag(value.syn, Tcp::SYN)
                | flag(value.fin, Tcp::FIN)
                | flag(value.rst, Tcp::RST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_those_of_the_program() {
        assert_eq!(
            (size_of::<Key>(), size_of::<Value>()),
            (64, 176),
            "meter.c has other structs"
        );
    }

    #[test]
    fn a_tag_that_the_kernel_took_out_is_back_in_its_place() {
        let mut value = Value {
            packets: 3,
            octets: 300,
            first_ns: 5,
            last_ns: 9,
            wire_length: 100,
            head_length: 60,
            keyed_length: 42,
            tag_type: 0x8100u16.to_be(),
            tag: 0x2005,
            fin: 1,
            ..Value::default()
        };
        value.head[..14].copy_from_slice(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0]);
        let key = Key {
            depth: 2,
            ..Key::default()
        };
        let entry = Entry::new(&key, &value);
        let counted = entry.counted(LinkType::Ethernet, 1000);
        assert_eq!(counted.first.data.len(), 64);
        assert_eq!(counted.first.data[10..18], [2, 2, 0x81, 0, 0x20, 5, 8, 0]);
        assert_eq!(
            (counted.depth, counted.alike, counted.first.ts_ns),
            (Depth::Transport, 46, 1005)
        );
        assert_eq!(
            (counted.last_ns, counted.tcp_flags, counted.packets),
            (1009, Tcp::FIN, 3)
        );
    }

    #[test]
    fn lengths_that_no_program_writes_are_cut() {
        let value = Value {
            head_length: u16::MAX,
            keyed_length: u16::MAX,
            ..Value::default()
        };
        let entry = Entry::new(&Key::default(), &value);
        let counted = entry.counted(LinkType::Raw, 0);
        assert_eq!((counted.first.data.len(), counted.alike), (HEAD, HEAD));
    }
}
