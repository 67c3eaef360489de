// SPDX-License-Identifier: Apache-2.0
//! What ties flows to each other: questions and answers for neighbours, leases, and ICMP errors to what they quote.

use std::borrow::Cow;

use netsonde_packet::{quoted, Headers, Icmp, Layer, Network, Transport};

use super::{Meter, Prepared};
use crate::flow::mark;
use crate::key::FlowKey;
use crate::neighbors::Told;
use crate::quote::Quote;

/// A message that ties its flow to others, whatever ends these have.
pub(crate) struct Note<'a> {
    /// Number of its frame.
    pub(crate) at: u64,
    index: u32,
    side: usize,
    ts_ns: i64,
    tie: Tie<'a>,
}

enum Tie<'a> {
    /// With the VLANs and tunnels around it.
    Neighbor(Told, u64),
    Lease4(Cow<'a, [u8]>),
    Lease6(Cow<'a, [u8]>),
}

impl Note<'_> {
    fn kept(self) -> Note<'static> {
        let owned = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        Note {
            tie: match self.tie {
                Tie::Neighbor(told, scope) => Tie::Neighbor(told, scope),
                Tie::Lease4(message) => Tie::Lease4(owned(message)),
                Tie::Lease6(message) => Tie::Lease6(owned(message)),
            },
            at: self.at,
            index: self.index,
            side: self.side,
            ts_ns: self.ts_ns,
        }
    }
}

impl Meter {
    /// Note a message of ARP or neighbour discovery.
    pub(super) fn follow_neighbor(
        &mut self,
        index: u32,
        side: usize,
        prepared: &Prepared<'_>,
        ts_ns: i64,
    ) {
        if let Some(told) = Told::of(&prepared.headers) {
            let scope = prepared.seal.keyed.key.scope();
            if let Some(flow) = self.table.get_mut(index) {
                flow.follow_neighbor(side, told.key(scope), told.is_question());
            }
            self.tie(index, side, ts_ns, Tie::Neighbor(told, scope));
        }
    }

    /// Note a message of DHCP.
    pub(super) fn follow_lease(
        &mut self,
        index: u32,
        side: usize,
        headers: &Headers<'_>,
        ts_ns: i64,
    ) {
        let message = headers.payload.into();
        let tie = match headers.layers.last() {
            Some(Layer::DHCPv4) => Tie::Lease4(message),
            _ => Tie::Lease6(message),
        };
        self.tie(index, side, ts_ns, tie);
    }

    fn tie(&mut self, index: u32, side: usize, ts_ns: i64, tie: Tie<'_>) {
        let note = Note {
            at: self.at,
            index,
            side,
            ts_ns,
            tie,
        };
        match &mut self.share {
            Some(share) => share.notes.push(note.kept()),
            None => self.settle(&note),
        }
    }

    /// Let a message be known to all whom it may concern.
    pub(crate) fn settle(&mut self, note: &Note<'_>) {
        let Note {
            index, side, ts_ns, ..
        } = *note;
        let mut known = self.reporter.ties.known();
        let noted = match &note.tie {
            Tie::Neighbor(told, scope) => {
                known.neighbors.note(told, *scope, ts_ns);
                None
            }
            Tie::Lease4(message) => known.leases.message4(message, ts_ns),
            Tie::Lease6(message) => known.leases.message6(message, ts_ns),
        };
        if let (Some((key, from_client)), Some(flow)) = (noted, self.table.get_mut(index)) {
            flow.follow_dhcp(side, key, from_client);
        }
    }

    /// Tie an ICMP error to the flow of the packet that it quotes, if it does.
    pub(super) fn follow_error(&mut self, index: u32, prepared: &Prepared<'_>, icmp: &Icmp) {
        let headers = &prepared.headers;
        let Some(quote) = self.quote(headers) else {
            return;
        };
        // Of several meters another may know that flow: what it says comes later, see `answer`.
        let is_ours = |share: &super::Share| share.reassembled || headers.depth > 0;
        let mut uuid = 0;
        if self.share.as_ref().is_none_or(is_ours) {
            uuid = self.note_error(&quote, prepared.seal.outside, (icmp, headers.network));
        }
        if let Some(flow) = self.table.get_mut(index) {
            flow.follow_quote(Quote::of(&quote, uuid));
        }
    }

    /// Note an ICMP error, which another meter counts, for the flow that it quotes; return that flow, 0 = not known.
    pub(super) fn answer(&mut self, headers: &Headers<'_>) -> u64 {
        let (Transport::Icmp4(icmp) | Transport::Icmp6(icmp)) = headers.transport else {
            return 0;
        };
        self.quote(headers).map_or(0, |quote| {
            self.note_error(&quote, 0, (&icmp, headers.network))
        })
    }

    /// Read what an ICMP error quotes.
    fn quote<'a>(&self, headers: &Headers<'a>) -> Option<Headers<'a>> {
        let mut quote = quoted(headers, &self.reporter.config.ports)?;
        // The packet went the other way, as far as one can know.
        quote.link = headers.link.map(|link| link.swapped());
        (quote.vlan_ids, quote.depth) = (headers.vlan_ids, headers.depth);
        Some(quote)
    }

    fn note_error(&mut self, quote: &Headers<'_>, outside: u64, error: (&Icmp, Network)) -> u64 {
        let keyed = FlowKey::of(quote, self.reporter.config.layer_key_mode, outside);
        let found = self.table.find(self.table.hash(&keyed.key), &keyed.key);
        let Some((at, flow)) = found.and_then(|at| Some((at, self.table.get_mut(at)?))) else {
            return 0;
        };
        flow.note_error(error.0, error.1);
        if flow.marks & mark::CHANGED == 0 {
            flow.marks |= mark::CHANGED;
            self.changed.push(at);
        }
        flow.uuid
    }
}
