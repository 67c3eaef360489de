// SPDX-License-Identifier: Apache-2.0
//! sFlow v5 (sflow.org, "sFlow Version 5", July 2004): sampled packets, and counters of interfaces and of what else exporters count.

mod counters;
mod totals;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netsonde_packet::LinkType;

use crate::cursor::Cursor;
use crate::sequence::Sequence;

pub use counters::{Counters, Field, Kind, Record};
pub use totals::{InterfaceTotals, Totals, Values};

/// Sub-agents and data sources remembered; beyond, losses of new ones are not counted.
const MOST: usize = 1024;
/// Longest header of a packet that is believed.
const LONGEST_HEADER: usize = 65_535;

/// The beginning of one packet out of `rate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub link_type: LinkType,
    /// Length on the wire, without the frame's checksum.
    pub wire_len: u32,
    pub data: &'a [u8],
    pub rate: u32,
    /// Interfaces by ifIndex; 0 = not known.
    pub input: u32,
    pub output: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample<'a> {
    Packet(Packet<'a>),
    Counters(Counters),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub datagrams: u64,
    pub samples: u64,
    pub malformed: u64,
    /// Samples and records of kinds that are not read.
    pub skipped: u64,
    /// Datagrams lost on their way, by their sequence numbers.
    pub lost: u64,
    /// Packets that the exporters themselves lost.
    pub dropped: u64,
}

type Agent = (IpAddr, u32);

#[derive(Debug, Default)]
pub struct Reader {
    sequences: HashMap<Agent, Sequence>,
    /// Total of drops told last by each data source.
    drops: HashMap<(Agent, u32), u32>,
    pub stats: Stats,
}

const ETHERNET: u32 = 1;
const IPV4: u32 = 11;
const IPV6: u32 = 12;

const FLOW: u32 = 1;
const COUNTERS: u32 = 2;
const EXPANDED_FLOW: u32 = 3;
const EXPANDED_COUNTERS: u32 = 4;

const RAW_PACKET: u32 = 1;

impl Reader {
    /// Give the samples of a datagram to `take`; what stands before damage is given.
    pub fn datagram<'a>(&mut self, data: &'a [u8], mut take: impl FnMut(Sample<'a>)) {
        self.stats.datagrams += 1;
        if self.read(&mut Cursor::new(data), &mut take).is_none() {
            self.stats.malformed += 1;
        }
    }

    fn read<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        take: &mut impl FnMut(Sample<'a>),
    ) -> Option<()> {
        if cursor.u32()? != 5 {
            return None;
        }
        let address = match cursor.u32()? {
            1 => IpAddr::V4(Ipv4Addr::from(cursor.array::<4>()?)),
            2 => IpAddr::V6(Ipv6Addr::from(cursor.array::<16>()?)),
            _ => return None,
        };
        let agent = (address, cursor.u32()?);
        let sequence = cursor.u32()?;
        cursor.u32()?;
        self.note_sequence(agent, sequence);
        let count = cursor.u32()?;
        for _ in 0..count {
            let (kind, length) = (cursor.u32()?, cursor.u32()?);
            let mut sample = cursor.part(usize::try_from(length).ok()?)?;
            match kind {
                FLOW | EXPANDED_FLOW => self.flow(agent, kind, &mut sample, take)?,
                COUNTERS | EXPANDED_COUNTERS => self.counters(agent, kind, &mut sample, take)?,
                _ => self.stats.skipped += 1,
            }
        }
        Some(())
    }

    fn flow<'a>(
        &mut self,
        agent: Agent,
        kind: u32,
        sample: &mut Cursor<'a>,
        take: &mut impl FnMut(Sample<'a>),
    ) -> Option<()> {
        let expanded = kind == EXPANDED_FLOW;
        sample.u32()?;
        let source = source_id(sample, expanded)?;
        let rate = sample.u32()?;
        sample.u32()?;
        let drops = sample.u32()?;
        self.note_drops((agent, source), drops);
        let (input, output) = (interface(sample, expanded)?, interface(sample, expanded)?);
        let count = sample.u32()?;
        for _ in 0..count {
            let (kind, length) = (sample.u32()?, sample.u32()?);
            let mut record = sample.part(usize::try_from(length).ok()?)?;
            if kind != RAW_PACKET {
                // Beside the header others only repeat what stands in it; extended data are of no use here.
                self.stats.skipped += 1;
                continue;
            }
            let Some(packet) = raw_packet(&mut record)? else {
                self.stats.skipped += 1;
                continue;
            };
            self.stats.samples += 1;
            take(Sample::Packet(Packet {
                rate: rate.max(1),
                input,
                output,
                ..packet
            }));
        }
        Some(())
    }

    fn counters<'a>(
        &mut self,
        (address, _): Agent,
        kind: u32,
        sample: &mut Cursor<'a>,
        take: &mut impl FnMut(Sample<'a>),
    ) -> Option<()> {
        sample.u32()?;
        let source = source_id(sample, kind == EXPANDED_COUNTERS)?;
        let count = sample.u32()?;
        for _ in 0..count {
            let (format, length) = (sample.u32()?, sample.u32()?);
            let mut record = sample.part(usize::try_from(length).ok()?)?;
            let Some(known) = Record::of(format) else {
                self.stats.skipped += 1;
                continue;
            };
            self.stats.samples += 1;
            take(Sample::Counters(known.read(
                address,
                source,
                &mut record,
            )?));
        }
        Some(())
    }

    fn note_sequence(&mut self, agent: Agent, number: u32) {
        if self.sequences.len() < MOST || self.sequences.contains_key(&agent) {
            let sequence = self.sequences.entry(agent).or_default();
            self.stats.lost += sequence.take(number, Some(1));
        }
    }

    fn note_drops(&mut self, source: (Agent, u32), total: u32) {
        if self.drops.len() < MOST || self.drops.contains_key(&source) {
            let before = self.drops.insert(source, total).unwrap_or(total);
            // A total that went back is an exporter that began anew.
            self.stats.dropped += u64::from(total.saturating_sub(before));
        }
    }
}

/// Type and index of a data source in one word: as the compact form has it, of the expanded one what matters to tell
/// sources apart.
fn source_id(sample: &mut Cursor<'_>, expanded: bool) -> Option<u32> {
    let word = sample.u32()?;
    if expanded {
        Some(word << 24 | sample.u32()? & 0x00ff_ffff)
    } else {
        Some(word)
    }
}

/// An interface by ifIndex; 0 for what is none: dropped, several, internal.
fn interface(sample: &mut Cursor<'_>, expanded: bool) -> Option<u32> {
    let (format, value) = if expanded {
        (sample.u32()?, sample.u32()?)
    } else {
        let word = sample.u32()?;
        (word >> 30, word & 0x3fff_ffff)
    };
    Some(if format == 0 && value != 0x3fff_ffff {
        value
    } else {
        0
    })
}

/// The outer None is damage, the inner one a kind of frame that is not read.
fn raw_packet<'a>(record: &mut Cursor<'a>) -> Option<Option<Packet<'a>>> {
    let protocol = record.u32()?;
    let (frame_length, stripped) = (record.u32()?, record.u32()?);
    let length = usize::try_from(record.u32()?).ok()?;
    if length > LONGEST_HEADER {
        return None;
    }
    let data = record.bytes(length)?;
    let link_type = match protocol {
        ETHERNET => LinkType::Ethernet,
        IPV4 | IPV6 => LinkType::Raw,
        _ => return Some(None),
    };
    Some(Some(Packet {
        link_type,
        wire_len: frame_length.saturating_sub(stripped).max(length as u32),
        data,
        rate: 1,
        input: 0,
        output: 0,
    }))
}
