// SPDX-License-Identifier: Apache-2.0
//! What switches and routers tell of traffic: NetFlow v5 and v9, IPFIX and sFlow v5, read and (but for sFlow) written.
//!
//! Whoever can send a datagram can send anything in it: readers never panic, and what they remember is bounded. No
//! I/O, no clock: the time of reception comes with the datagram.

#![forbid(unsafe_code)]

mod cursor;
mod fields;
mod header;
mod ipfix;
mod netflow5;
mod netflow9;
mod reader;
mod record;
mod sampling;
mod sequence;
pub mod sflow;
mod templates;
mod times;
mod writer;

pub use header::Header;
pub use reader::{Reader, ReaderStats};
pub use record::{Counts, FlowRecord};
pub use writer::{Datagram, Protocol, Writer, WriterStats};
