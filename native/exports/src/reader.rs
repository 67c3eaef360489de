// SPDX-License-Identifier: Apache-2.0
//! The entry for NetFlow and IPFIX: a datagram of any of the three protocols, told apart by its version.

use std::net::IpAddr;

use crate::cursor::Cursor;
use crate::record::FlowRecord;
use crate::sampling::Sampling;
use crate::sequence::Sequence;
use crate::templates::Templates;
use crate::{ipfix, netflow5, netflow9};

/// Exporters remembered; beyond, the one that has been silent longest is forgotten.
const MOST_EXPORTERS: usize = 512;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderStats {
    pub datagrams: u64,
    pub records: u64,
    /// Datagrams that were cut, or of no known protocol.
    pub malformed: u64,
    /// Sets of records whose template has not come yet, or not come again for half an hour.
    pub no_template: u64,
    /// Templates that make no sense, or for which there was no room.
    pub refused_templates: u64,
    /// Records without any address.
    pub unusable: u64,
    /// What sequence numbers say was lost: datagrams of v9, records of v5 and IPFIX.
    pub lost: u64,
}

/// One observation domain of one exporter, in one protocol: templates and sequence numbers are numbered in each anew.
#[derive(Debug, Default)]
pub(crate) struct Exporter {
    pub(crate) templates: Templates,
    pub(crate) sampling: Sampling,
    pub(crate) sequence: Sequence,
    heard_ns: i64,
}

/// Address, version of the protocol, observation domain.
type Key = (IpAddr, u16, u32);

#[derive(Debug)]
pub struct Reader {
    exporters: Vec<(Key, Exporter)>,
    /// The rate of exporters that tell none.
    default_rate: u32,
    pub stats: ReaderStats,
}

/// What reading one datagram needs and counts.
pub(crate) struct Reading<'r> {
    pub(crate) exporter: &'r mut Exporter,
    pub(crate) stats: &'r mut ReaderStats,
    pub(crate) default_rate: u32,
    pub(crate) now_ns: i64,
    pub(crate) out: &'r mut Vec<FlowRecord>,
}

impl Reading<'_> {
    pub(crate) fn give(&mut self, record: Option<FlowRecord>) {
        match record {
            Some(record) => {
                self.stats.records += 1;
                self.out.push(record);
            }
            None => self.stats.unusable += 1,
        }
    }
}

impl Reader {
    /// `default_rate` = one packet in so many was seen, of exporters that do not tell; 0 and 1 = all.
    pub fn new(default_rate: u32) -> Self {
        Self {
            exporters: Vec::new(),
            default_rate,
            stats: ReaderStats::default(),
        }
    }

    /// Append the records of a datagram that `source` sent; what stands before damage is given.
    pub fn datagram(
        &mut self,
        source: IpAddr,
        data: &[u8],
        now_ns: i64,
        out: &mut Vec<FlowRecord>,
    ) {
        self.stats.datagrams += 1;
        if self.read(source, data, now_ns, out).is_none() {
            self.stats.malformed += 1;
        }
    }

    fn read(
        &mut self,
        source: IpAddr,
        data: &[u8],
        now_ns: i64,
        out: &mut Vec<FlowRecord>,
    ) -> Option<()> {
        let mut cursor = Cursor::new(data);
        let version = cursor.u16()?;
        let key = |domain: u32| (source, version, domain);
        match version {
            5 => {
                let header = netflow5::Header::read(&mut cursor, now_ns)?;
                let mut reading = self.reading(key(header.domain()), now_ns, out);
                netflow5::read(&header, &mut cursor, &mut reading)
            }
            9 => {
                let header = netflow9::Header::read(&mut cursor, now_ns)?;
                let mut reading = self.reading(key(header.domain), now_ns, out);
                netflow9::read(&header, &mut cursor, &mut reading)
            }
            10 => {
                let header = ipfix::Header::read(&mut cursor, now_ns)?;
                let mut body = cursor.part(header.body)?;
                let mut reading = self.reading(key(header.domain), now_ns, out);
                ipfix::read(&header, &mut body, &mut reading)
            }
            _ => None,
        }
    }

    fn reading<'r>(
        &'r mut self,
        key: Key,
        now_ns: i64,
        out: &'r mut Vec<FlowRecord>,
    ) -> Reading<'r> {
        let at = self.place(key);
        let exporter = &mut self.exporters[at].1;
        exporter.heard_ns = now_ns;
        Reading {
            exporter,
            stats: &mut self.stats,
            default_rate: self.default_rate,
            now_ns,
            out,
        }
    }

    fn place(&mut self, key: Key) -> usize {
        if let Some(at) = self.exporters.iter().position(|(known, _)| *known == key) {
            return at;
        }
        let fresh = (key, Exporter::default());
        if self.exporters.len() < MOST_EXPORTERS {
            self.exporters.push(fresh);
            return self.exporters.len() - 1;
        }
        let silent = self.exporters.iter().enumerate();
        let oldest = silent.min_by_key(|(_, (_, exporter))| exporter.heard_ns);
        let at = oldest.map_or(0, |(at, _)| at);
        self.exporters[at] = fresh;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_exporters_stays_within_the_bound() {
        let mut reader = Reader::new(1);
        let mut out = Vec::new();
        for domain in 0..5000u32 {
            let mut datagram = vec![0, 10, 0, 16];
            datagram.extend([0; 8]);
            datagram.extend(domain.to_be_bytes());
            reader.datagram([127, 0, 0, 1].into(), &datagram, domain.into(), &mut out);
        }
        assert_eq!(
            (reader.exporters.len(), reader.stats.malformed),
            (MOST_EXPORTERS, 0)
        );
    }
}
