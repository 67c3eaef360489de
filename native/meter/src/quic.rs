// SPDX-License-Identifier: Apache-2.0
//! The hello of a QUIC client, which may be spread over several datagrams in any order, put together in bounded memory.

use std::sync::Arc;

use netsonde_packet::quic;

use crate::json::Json;
use crate::reassembly::Budget;
use crate::told::Told;

const MOST_PIECES: usize = 64;
const MOST_BYTES: usize = 8 << 10;
/// Datagrams of a flow in which the hello is looked for.
const TRIES: u8 = 16;

pub(crate) struct QuicState {
    version: u32,
    tries: u8,
    /// Nothing until the hello is there.
    told: Told,
    pieces: Vec<(usize, Vec<u8>)>,
    kept: usize,
    budget: Arc<Budget>,
}

impl Drop for QuicState {
    fn drop(&mut self) {
        self.budget.give(self.kept);
    }
}

impl QuicState {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            version: 0,
            tries: 0,
            told: Told::new(budget),
            pieces: Vec::new(),
            kept: 0,
            budget: Arc::clone(budget),
        }
    }

    /// Look at a datagram.
    pub(crate) fn datagram(&mut self, datagram: &[u8]) {
        let Some(version) = quic::version(datagram).filter(|_| self.tries < TRIES) else {
            return;
        };
        self.tries += 1;
        self.version = version;
        quic::hello_pieces(datagram, |place, bytes| self.keep(place, bytes));
        let hello = self.beginning();
        let Some(facts) = quic::client_hello(&hello).filter(|facts| !facts.is_empty()) else {
            return;
        };
        self.told.learn(&facts);
        self.tries = TRIES;
        self.pieces = Vec::new();
        self.budget.give(std::mem::take(&mut self.kept));
    }

    fn keep(&mut self, place: usize, bytes: &[u8]) {
        let fits = place < MOST_BYTES && bytes.len() <= MOST_BYTES - place;
        let room = self.pieces.len() < MOST_PIECES && self.kept + bytes.len() <= MOST_BYTES;
        if fits && room && self.budget.take(bytes.len()) {
            self.kept += bytes.len();
            self.pieces.push((place, bytes.to_vec()));
        }
    }

    /// The bytes from the first on, up to a gap.
    fn beginning(&mut self) -> Vec<u8> {
        self.pieces.sort_unstable_by_key(|(place, _)| *place);
        let mut found = Vec::new();
        for (place, bytes) in &self.pieces {
            let Some(known) = found.len().checked_sub(*place) else {
                break;
            };
            found.extend(bytes.get(known..).unwrap_or_default());
        }
        found
    }

    pub(crate) fn server_name(&self) -> &str {
        self.told.server_name()
    }

    /// Append the block of this connection to an object.
    pub(crate) fn write(&self, json: &mut Json<'_>) {
        if self.version != 0 {
            json.object("QUIC");
            json.text("version", &quic::version_name(self.version));
            json.members(self.told.members()).close();
        }
    }
}
