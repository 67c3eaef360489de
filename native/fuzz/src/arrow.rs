// SPDX-License-Identifier: Apache-2.0
//! Flows and packets as agents send them over the bus.

use netsonde_meter::{ipc, wire};

pub fn run(data: &[u8]) {
    for batch in ipc::read(data).unwrap_or_default() {
        let mut text = String::new();
        wire::write_flows(&batch, '\n', &mut text);
    }
}
