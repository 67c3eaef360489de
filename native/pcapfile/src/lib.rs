// SPDX-License-Identifier: Apache-2.0
//! Capture files. Reading streams through a window that moves over the input, so files of any size and pipes do;
//! damage ends the reading with its place and reason, and whatever stood before it was delivered.

#![deny(unsafe_code)] // allowed once, in `mapped`

mod ahead;
mod damage;
mod fields;
mod mapped;
mod pcap;
mod pcapng;
mod reader;
mod scout;
mod window;
mod writer;

pub use ahead::ReadAhead;
pub use damage::{Damage, ReadError};
pub use reader::{Packet, Reader};
pub use writer::{write_pcap, PcapngWriter, RawPacket};
