// SPDX-License-Identifier: Apache-2.0
//! Headers to flows: keys and ids, a bounded flow table, reports at start, change and end. No I/O, no clock:
//! time comes with the packets and with `tick`.

#![forbid(unsafe_code)]

mod batch;
mod columns;
mod config;
pub mod csv;
mod dns;
mod echo;
pub mod facts;
mod flow;
mod fragments;
mod ids;
pub mod ipc;
mod json;
mod key;
mod lease;
mod meter;
mod report;
pub mod select;
mod table;
mod tcp;
mod view;
pub mod wire;
mod xxh64;

pub use batch::{FlowBatch, FlowRow, PacketBatch, PacketRow};
pub use config::{LayerKeyMode, MeterConfig};
pub use flow::Finish;
pub use fragments::FragmentStats;
pub use ids::base64;
pub use meter::{FlowRef, Frame, Meter, MeterStats};
pub use netsonde_packet::{LinkType, Ports};
pub use view::PacketColumns;
