// SPDX-License-Identifier: Apache-2.0
//! Fragments: counted with the packet that they make, or as what they are when they make none.

use super::{FlowRef, Meter, Prepared, Seal};
use crate::flow;
use crate::fragments::{Lost, Outcome, Piece};
use crate::tally::Tally;

impl Meter {
    /// Count a fragment, with the whole packet where it can be put together.
    #[cold]
    pub(super) fn count_fragment(&mut self, prepared: &Prepared<'_>, parent: u64) -> FlowRef {
        let headers = &prepared.headers;
        let Some(fragment) = headers.fragment else {
            return FlowRef::NONE;
        };
        let outcome = self.fragments.offer(&Piece {
            headers,
            fragment,
            keyed: prepared.seal.keyed,
            parent,
            tally: Tally::one(flow::octets(headers), prepared.seal.ts_ns),
            at: self.at,
        });
        let found = match outcome {
            Outcome::Waiting => FlowRef::NONE,
            Outcome::Broken(tally) => {
                let found = self.count_tally(prepared, parent, &tally);
                self.note_fragments(found, &tally, 1);
                found
            }
            Outcome::Whole(whole) => {
                let dissector = &self.dissector;
                let headers =
                    headers.reassembled(&whole.payload, whole.wire_len, dissector.ports());
                if let Some(error) = headers.error {
                    self.counts.error(error);
                }
                let whole_packet =
                    dissector.prepare(headers, prepared.seal.ts_ns, prepared.seal.outside);
                self.set_reassembled(true);
                let found = self.count_tally(&whole_packet, parent, &whole.tally);
                self.set_reassembled(false);
                self.note_fragments(found, &whole.tally, 0);
                match self.dissector.inside(&whole_packet, &mut self.counts) {
                    Some(inner) => self.count_segments(inner, found.uuid),
                    None => found,
                }
            }
        };
        if self.fragments.has_lost() {
            self.count_lost();
        }
        found
    }

    fn set_reassembled(&mut self, reassembled: bool) {
        if let Some(share) = &mut self.share {
            share.reassembled = reassembled;
        }
    }

    fn note_fragments(&mut self, found: FlowRef, tally: &Tally, errors: u32) {
        if let Some(flow) = self.table.get_mut(found.index) {
            let beyond_the_first = u32::try_from(tally.packets - 1).unwrap_or(u32::MAX);
            flow.count_fragments(beyond_the_first, errors);
        }
    }

    /// Count pieces of packets that were given up, for flows of fragments.
    pub(super) fn count_lost(&mut self) {
        let now = self.at;
        for lost in self.fragments.take_lost() {
            let Lost {
                headers,
                keyed,
                parent,
                tally,
                at,
            } = lost;
            self.at = at;
            let hash = self.table.hash(&keyed.key);
            let seal = Seal {
                ts_ns: tally.last_ns,
                keyed,
                hash,
                outside: 0,
            };
            let prepared = Prepared { headers, seal };
            let found = self.count_tally(&prepared, parent, &tally);
            self.note_fragments(found, &tally, 0);
        }
        self.at = now;
    }
}
