// SPDX-License-Identifier: Apache-2.0
//! Headers to flows: keys and ids, a bounded flow table, reports at start, change and end. No I/O, no clock:
//! time comes with the packets and with `tick`.

#![forbid(unsafe_code)]

mod applications;
mod batch;
mod bounded;
mod client;
mod columns;
mod config;
pub mod csv;
mod dns;
mod echo;
mod echoes;
mod export;
pub mod facts;
mod flow;
mod fragments;
mod http;
mod ids;
pub mod ipc;
mod json;
mod key;
mod lease;
mod message;
mod meter;
mod neighbors;
mod quic;
mod quote;
mod reassembly;
mod report;
pub mod select;
mod sharded;
mod stream;
mod table;
mod tally;
mod tcp;
mod ties;
mod told;
mod troubles;
mod view;
pub mod wire;
mod workers;
mod xxh64;

pub use applications::Applications;
pub use batch::{FlowBatch, FlowRow, PacketBatch, PacketRow};
pub use config::{LayerKeyMode, MeterConfig};
pub use flow::Finish;
pub use fragments::FragmentStats;
pub use ids::base64;
pub use meter::{Counted, Depth, FlowRef, Frame, Meter, MeterStats};
pub use netsonde_packet::{LinkType, Ports};
pub use sharded::{Deal, Dealer, Dealt, Sharded};
pub use view::PacketColumns;
pub use workers::{thread_count, Workers};
