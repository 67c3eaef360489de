// SPDX-License-Identifier: Apache-2.0
//! Bytes to headers. Lax on purpose: a sniffer sees truncated, malformed and absurd frames, and
//! wants the layers that could be read plus the reason why reading stopped. No I/O, no panics.

#![forbid(unsafe_code)]

mod bytes;
mod describe;
pub mod dhcpv4;
pub mod dhcpv6;
pub mod dns;
mod error;
mod ethernet;
mod headers;
mod icmp;
mod ip;
mod layer;
mod link;
mod parse;
mod sctp;
pub mod text;
mod transport;

pub use describe::{describe, Description};
pub use error::FrameError;
pub use headers::{Ethernet, Headers, Icmp, IcmpKind, Network, Tcp, Transport};
pub use layer::{Layer, LayerPath};
pub use link::LinkType;
pub use parse::parse;
