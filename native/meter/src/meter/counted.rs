// SPDX-License-Identifier: Apache-2.0
//! Packets that the kernel counted by what their headers say, with the beginning of the first one of each kind.

use netsonde_packet::{parse, Headers, Network, Tcp, Transport};

use super::{FlowRef, Frame, Meter, Prepared, Seal};
use crate::flow::{self, mark};
use crate::ids::Opening;
use crate::tally::Tally;
use crate::tcp::Segment;

/// How deep headers were looked into when packets were told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    #[default]
    Link,
    Network,
    Transport,
    Tunnel,
}

/// Packets with the same headers, in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The first of them, or its beginning.
    pub first: Frame<'a>,
    /// All of them agree so far; what is deeper is the first one's alone.
    pub depth: Depth,
    /// Bytes of `first.data` in which that depth is read.
    pub alike: usize,
    pub packets: u64,
    pub octets: u64,
    pub last_ns: i64,
    /// Flags of TCP that any of them had.
    pub tcp_flags: u8,
}

impl Meter {
    /// Count packets that were told apart by their headers, the earliest first. For a meter that is told so
    /// (`MeterConfig::every_frame`): of TCP it follows beginning and end, no sequence numbers.
    pub fn counted(&mut self, all: &[Counted<'_>]) {
        let flows: Vec<_> = all.iter().map(|one| self.count_alike(one)).collect();
        // A side is over when the other is too, which may be behind it in the list.
        for (one, (found, side)) in all.iter().zip(flows) {
            self.end_told(one, found, side);
        }
    }

    fn count_alike(&mut self, one: &Counted<'_>) -> (FlowRef, usize) {
        let counts = &mut self.counts;
        counts.frames = counts.frames.saturating_add(one.packets);
        counts.bytes = counts.bytes.saturating_add(one.octets);
        counts.latest_ns = counts.latest_ns.max(one.last_ns);
        let Some(headers) = self.read_alike(one) else {
            self.counts.unreadable = self.counts.unreadable.saturating_add(one.packets);
            return (FlowRef::NONE, 0);
        };
        let prepared = self.dissector.prepare(headers, one.first.ts_ns, 0);
        let index = self.flow_of(&prepared, one);
        self.add_alike(index, &prepared, one)
    }

    /// Read as much of the first packet as all of them have in common.
    fn read_alike<'a>(&self, one: &Counted<'a>) -> Option<Headers<'a>> {
        let Frame {
            wire_len,
            data,
            link_type,
            ..
        } = one.first;
        let read = |data| parse(link_type, data, wire_len, self.dissector.ports());
        let mut headers = read(data);
        if depth(&headers) > one.depth {
            headers = read(data.get(..one.alike).unwrap_or(data));
        }
        headers.readable().then_some(headers)
    }

    fn flow_of(&mut self, prepared: &Prepared<'_>, one: &Counted<'_>) -> u32 {
        let Prepared { headers, seal } = prepared;
        let Seal { keyed, hash, .. } = seal;
        let opening = Opening {
            swapped: keyed.swapped,
            start_ns: one.first.ts_ns,
            parent: 0,
        };
        let Some(index) = self.table.find(*hash, &keyed.key) else {
            return self.open(*hash, &keyed.key, headers, opening);
        };
        let reopened = self
            .table
            .get(index)
            .is_some_and(|flow| flow.reopened_by(headers));
        if !reopened {
            return index;
        }
        self.end(index, one.first.ts_ns);
        self.open(*hash, &keyed.key, headers, opening)
    }

    fn add_alike(
        &mut self,
        index: u32,
        prepared: &Prepared<'_>,
        one: &Counted<'_>,
    ) -> (FlowRef, usize) {
        let Some(flow) = self.table.get_mut(index) else {
            return (FlowRef::NONE, 0);
        };
        let side = flow::side(flow, prepared.seal.keyed.swapped);
        let tally = Tally {
            packets: one.packets,
            octets: one.octets,
            first_ns: one.first.ts_ns,
            last_ns: one.last_ns,
        };
        let number = flow.count(side, &tally);
        let headers = &prepared.headers;
        match &headers.transport {
            Transport::Tcp(tcp) if tcp.has(Tcp::SYN) => {
                let segment = Segment {
                    tcp,
                    payload_len: 0,
                    payload: &[],
                    ttl: headers.ttl,
                    ts_ns: one.first.ts_ns,
                };
                flow.follow_milestone(side, &segment);
            }
            Transport::Icmp4(icmp) | Transport::Icmp6(icmp) => {
                flow.follow_echo(side, icmp, one.first.ts_ns);
            }
            _ => {}
        }
        if headers.layers.as_slice().len() > self.reporter.paths.len_of(flow.path) {
            flow.path = self.reporter.paths.number(&headers.layers);
        }
        if flow.marks & mark::CHANGED == 0 {
            self.changed.push(index);
        }
        flow.marks |= mark::CHANGED | mark::RECENT;
        let found = FlowRef {
            uuid: flow.uuid,
            number,
            index,
            meter: self.number,
        };
        (found, side)
    }

    /// Note the ends that packets of one side told of.
    fn end_told(&mut self, one: &Counted<'_>, found: FlowRef, side: usize) {
        let flags = one.tcp_flags & (Tcp::FIN | Tcp::RST);
        let flow = self.table.get_mut(found.index);
        let Some(flow) = flow.filter(|flow| flags != 0 && flow.uuid == found.uuid) else {
            return;
        };
        let tcp = Tcp {
            flags,
            ..Tcp::default()
        };
        let segment = Segment {
            tcp: &tcp,
            payload_len: 0,
            payload: &[],
            ttl: 0,
            ts_ns: one.last_ns,
        };
        if flow.follow_milestone(side, &segment) && self.reporter.config.update_ns > 0 {
            self.list_fresh(found.index);
        }
    }
}

/// How deep the parser looked.
fn depth(headers: &Headers<'_>) -> Depth {
    if headers.has_inner() || headers.tunnel != netsonde_packet::Tunnel::default() {
        Depth::Tunnel
    } else if headers.transport != Transport::None {
        Depth::Transport
    } else if headers.network != Network::None {
        Depth::Network
    } else {
        Depth::Link
    }
}
