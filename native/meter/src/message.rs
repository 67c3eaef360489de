// SPDX-License-Identifier: Apache-2.0
//! The last message of a flow whose protocol tells something of each, kept as bytes and read when reported.

use netsonde_packet::{block_name, told, Layer};

use crate::json::Json;
use crate::stream::write_facts;

/// Longer messages are kept cut; what is told stands at the beginning.
const MOST_KEPT: usize = 512;

pub(crate) struct Message {
    layer: Layer,
    bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn new(layer: Layer) -> Self {
        Self {
            layer,
            bytes: Vec::new(),
        }
    }

    pub(crate) fn keep(&mut self, layer: Layer, message: &[u8]) {
        self.layer = layer;
        self.bytes.clear();
        self.bytes
            .extend(message.get(..MOST_KEPT).unwrap_or(message));
    }

    /// Append the block of this message to an object.
    pub(crate) fn write(&self, json: &mut Json<'_>) {
        let Some(told) = told(self.layer) else {
            return;
        };
        let facts = told(&self.bytes);
        if !facts.is_empty() {
            json.object(block_name(self.layer));
            write_facts(&facts, json);
            json.close();
        }
    }
}
