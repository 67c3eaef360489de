// SPDX-License-Identifier: Apache-2.0
//! What datagrams and messages say, handed to whoever follows their protocol.

use netsonde_packet::{told, Headers, Layer};

use super::Meter;

impl Meter {
    #[inline]
    pub(super) fn follow_application(
        &mut self,
        index: u32,
        side: usize,
        headers: &Headers<'_>,
        ts_ns: i64,
    ) {
        let Some(application) = headers.layers.last() else {
            return;
        };
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        match application {
            Layer::UDP => return,
            Layer::DNS => flow.follow_dns(side, headers.payload, ts_ns),
            Layer::QUIC => flow.follow_quic(headers.payload, &self.streams),
            Layer::DHCPv4 | Layer::DHCPv6 => self.follow_lease(index, side, headers, ts_ns),
            _ => self.follow_message(index, headers),
        }
        let Some(flow) = self.table.get_mut(index) else {
            return;
        };
        // The first packet may have been cut before its application.
        if headers.layers.as_slice().len() > self.reporter.paths.len_of(flow.path) {
            flow.path = self.reporter.paths.number(&headers.layers);
        }
    }

    /// Keep the message in a segment, if its protocol tells something of each.
    pub(super) fn follow_message(&mut self, index: u32, headers: &Headers<'_>) {
        let Some(layer) = headers.layers.last().filter(|&layer| told(layer).is_some()) else {
            return;
        };
        if let Some(flow) = self.table.get_mut(index) {
            flow.follow_message(layer, headers.payload);
        }
    }
}
