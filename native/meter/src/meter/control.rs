// SPDX-License-Identifier: Apache-2.0
//! What ties flows to each other: questions and answers for neighbours, and ICMP errors to what they quote.

use netsonde_packet::{quoted, Ethernet, Icmp};

use super::{Meter, Prepared};
use crate::flow::mark;
use crate::key::FlowKey;
use crate::quote::Quote;

impl Meter {
    /// Note a message of ARP or neighbour discovery.
    pub(super) fn follow_neighbor(
        &mut self,
        index: u32,
        side: usize,
        prepared: &Prepared<'_>,
        ts_ns: i64,
    ) {
        let scope = prepared.keyed.key.scope();
        let noted = self
            .reporter
            .neighbors
            .note(&prepared.headers, scope, ts_ns);
        if let (Some((key, question)), Some(flow)) = (noted, self.table.get_mut(index)) {
            flow.follow_neighbor(side, key, question);
        }
    }

    /// Tie an ICMP error to the flow of the packet that it quotes, if it does.
    pub(super) fn follow_error(&mut self, index: u32, prepared: &Prepared<'_>, icmp: &Icmp) {
        let headers = &prepared.headers;
        let config = &self.reporter.config;
        let Some(mut quote) = quoted(headers, &config.ports) else {
            return;
        };
        // The packet went the other way, as far as one can know.
        quote.link = headers.link.map(|link| Ethernet {
            source: link.destination,
            destination: link.source,
        });
        (quote.vlan_ids, quote.depth) = (headers.vlan_ids, headers.depth);
        let keyed = FlowKey::of(&quote, config.layer_key_mode, prepared.outside);
        let found = self.table.find(self.table.hash(&keyed.key), &keyed.key);
        let mut uuid = 0;
        if let Some((at, flow)) = found.and_then(|at| Some((at, self.table.get_mut(at)?))) {
            flow.note_error(icmp, headers.network);
            uuid = flow.uuid;
            if flow.marks & mark::CHANGED == 0 {
                flow.marks |= mark::CHANGED;
                self.changed.push(at);
            }
        }
        if let Some(flow) = self.table.get_mut(index) {
            flow.follow_quote(Quote::of(&quote, uuid));
        }
    }
}
