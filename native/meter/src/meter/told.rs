// SPDX-License-Identifier: Apache-2.0
//! Flows that others saw: sampled frames, and records of exporters.

use netsonde_exports::{FlowRecord, Header};
use netsonde_packet::{parse, Tcp};

use super::{FlowRef, Frame, Meter, Prepared, Seal};
use crate::flow::{self, mark, Finish};
use crate::ids::Opening;
use crate::tally::Tally;

impl Meter {
    /// Count one frame out of `rate` for all of them. For a meter that is told so (`MeterConfig::every_frame`).
    pub fn sampled(&mut self, frame: Frame<'_>, rate: u32) -> FlowRef {
        let mut found = FlowRef::NONE;
        let mut segment = self.dissector.first(frame, &mut self.counts);
        while let Some(prepared) = segment {
            let octets = u64::from(flow::octets(&prepared.headers));
            let tally = Tally {
                packets: rate.into(),
                octets: octets.saturating_mul(rate.into()),
                first_ns: prepared.seal.ts_ns,
                last_ns: prepared.seal.ts_ns,
            };
            found = self.count_tally(&prepared, found.uuid, &tally);
            segment = self.dissector.inside(&prepared, &mut self.counts);
        }
        found
    }

    /// Count what an exporter tells of a flow; it gets key and ids as its packets would have. Returns false when the
    /// record names no ends.
    pub fn record(&mut self, record: &FlowRecord) -> bool {
        let header = Header::of(record);
        let length = header.bytes().len() as u32;
        let headers = parse(
            header.link_type,
            header.bytes(),
            length,
            self.dissector.ports(),
        );
        self.counts.latest_ns = self.counts.latest_ns.max(record.end_ns);
        if !headers.readable() {
            self.counts.unreadable += 1;
            return false;
        }
        self.counts.frames = self
            .counts
            .frames
            .saturating_add(both(record, |one| one.packets));
        self.counts.bytes = self
            .counts
            .bytes
            .saturating_add(both(record, |one| one.octets));
        let prepared = self.dissector.prepare(headers, record.end_ns, 0);
        let index = self.place(&prepared, record);
        self.add(index, prepared.seal.keyed.swapped, record);
        true
    }

    /// Find the flow of a record or open it.
    fn place(&mut self, prepared: &Prepared<'_>, record: &FlowRecord) -> u32 {
        let Prepared { headers, seal } = prepared;
        let Seal { keyed, hash, .. } = seal;
        let opening = Opening {
            swapped: keyed.swapped,
            start_ns: record.start_ns,
            parent: 0,
        };
        let Some(index) = self.table.find(*hash, &keyed.key) else {
            return self.open(*hash, &keyed.key, headers, opening);
        };
        let begins_anew =
            |flow: &flow::Flow| flow.finish != Finish::Running && record.start_ns > flow.last_ns;
        if !self.table.get(index).is_some_and(begins_anew) {
            return index;
        }
        self.end(index, record.end_ns);
        self.open(*hash, &keyed.key, headers, opening)
    }

    fn add(&mut self, index: u32, swapped: bool, record: &FlowRecord) {
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        let side = flow::side(flow, swapped);
        for (side, counts) in [(side, record.forward), (1 - side, record.reverse)] {
            let tally = Tally {
                packets: counts.packets,
                octets: counts.octets,
                first_ns: record.start_ns,
                last_ns: record.end_ns,
            };
            flow.count(side, &tally);
        }
        // The other direction may be told later and have begun before.
        flow.start_ns = flow.start_ns.min(record.start_ns);
        if record.tcp_flags & (Tcp::FIN | Tcp::RST) != 0 && flow.finish == Finish::Running {
            flow.finish = if record.tcp_flags & Tcp::RST != 0 {
                Finish::TcpRst
            } else {
                Finish::TcpFin
            };
        }
        if flow.marks & mark::CHANGED == 0 {
            self.changed.push(index);
        }
        flow.marks |= mark::CHANGED | mark::RECENT;
    }
}

fn both(record: &FlowRecord, of: impl Fn(&netsonde_exports::Counts) -> u64) -> u64 {
    of(&record.forward).saturating_add(of(&record.reverse))
}
