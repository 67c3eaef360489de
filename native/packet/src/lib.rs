// SPDX-License-Identifier: Apache-2.0
//! Bytes to headers. Lax on purpose: a sniffer sees truncated, malformed and absurd frames, and
//! wants the layers that could be read plus the reason why reading stopped. No I/O, no panics.

#![forbid(unsafe_code)]

mod bytes;
mod describe;
mod error;
mod ethernet;
mod facts;
mod headers;
mod hello;
mod icmp;
mod ip;
mod layer;
mod link;
mod neighbour;
mod parse;
mod protocols;
mod registry;
mod stream;
pub mod text;
mod transport;

pub use describe::{describe, Description};
pub use error::FrameError;
pub use facts::{printable, Fact, Facts};
pub use headers::{
    Ethernet, Fragment, Headers, Icmp, IcmpKind, Inner, Network, PortPair, Tcp, Transport, Tunnel,
};
pub use icmp::{next_hop_mtu, quoted};
pub use layer::{Layer, LayerPath};
pub use link::LinkType;
pub use neighbour::{autonomous_prefixes, neighbour, Neighbour};
pub use parse::parse;
pub use protocols::{dhcpv4, dhcpv6, dns, http, quic};
pub use registry::Ports;
pub use stream::{block_name, identify, told, Application, Identity};
