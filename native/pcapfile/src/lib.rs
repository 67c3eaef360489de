// SPDX-License-Identifier: Apache-2.0
//! Capture files. Reading streams through a window that moves over the input, so files of any size and pipes do;
//! damage ends the reading with its place and reason, and whatever stood before it was delivered.

#![forbid(unsafe_code)]

mod blocks;
mod damage;
mod fields;
mod pcap;
mod pcapng;
mod reader;
mod window;
mod writer;

pub use damage::{Damage, ReadError};
pub use reader::{Batch, Packet, Reader};
pub use writer::{write_pcap, PcapngWriter, RawPacket};
