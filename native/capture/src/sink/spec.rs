// SPDX-License-Identifier: Apache-2.0
//! What a capture asks of a sink.

use std::net::{Ipv4Addr, SocketAddr};

use netsonde_exports::Protocol;

use super::FileSpec;

#[derive(Clone, Debug)]
pub enum SinkSpec {
    Export {
        protocol: Protocol,
        target: SocketAddr,
        domain: u32,
    },
    Files(FileSpec),
    Erspan {
        target: Ipv4Addr,
        session: u16,
    },
    Vxlan {
        target: SocketAddr,
        vni: u32,
    },
}

impl SinkSpec {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Export { protocol, .. } => match protocol {
                Protocol::NetFlow5 => "netflow5",
                Protocol::NetFlow9 => "netflow9",
                Protocol::Ipfix => "ipfix",
            },
            Self::Files(_) => "pcapng",
            Self::Erspan { .. } => "erspan",
            Self::Vxlan { .. } => "vxlan",
        }
    }
}
