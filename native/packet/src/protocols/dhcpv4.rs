// SPDX-License-Identifier: Apache-2.0
//! DHCPv4 messages (RFC 2131, options RFC 2132).

use crate::bytes::{be16, be32, chunk};
use crate::describe::application;
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::DHCPv4,
    found: &[Found::Udp(67), Found::Udp(68)],
    read,
    shown: "DHCP",
    info: |headers| application::dhcp(headers.payload),
    told: Told::Nothing,
};

/// RFC 2131 §3: the "magic cookie" stands before the options.
fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    match data.get(236..240) {
        Some([0x63, 0x82, 0x53, 0x63]) => {
            headers.layers.push(Layer::DHCPv4);
            Reading::Mine
        }
        Some(_) => Reading::Other,
        None => Reading::TooShort,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dhcpv4<'a> {
    /// 1 request of a client, 2 reply of a server.
    pub op: u8,
    pub hardware_len: u8,
    pub hops: u8,
    pub xid: u32,
    pub secs: u16,
    pub flags: u16,
    pub client: [u8; 4],
    /// "yiaddr": the address offered or given.
    pub yours: [u8; 4],
    pub next_server: [u8; 4],
    pub relay: [u8; 4],
    pub hardware: [u8; 6],
    pub server_name: &'a [u8],
    pub file: &'a [u8],
    /// Option 53; 0 = plain BOOTP.
    pub message_type: u8,
    pub subnet_mask: Option<[u8; 4]>,
    pub routers: Vec<[u8; 4]>,
    pub dns_servers: Vec<[u8; 4]>,
    pub host_name: &'a [u8],
    pub domain: &'a [u8],
    pub mtu: Option<u16>,
    pub requested: Option<[u8; 4]>,
    pub lease_s: Option<u32>,
    pub server: Option<[u8; 4]>,
    pub message: &'a [u8],
    pub vendor_class: &'a [u8],
}

const MAGIC: [u8; 4] = [0x63, 0x82, 0x53, 0x63];

/// Read a message; options up to the first broken one. `None` when the fixed part is short or no DHCP.
pub fn dhcpv4(data: &[u8]) -> Option<Dhcpv4<'_>> {
    if chunk::<4>(data, 236)? != MAGIC {
        return None;
    }
    let mut message = Dhcpv4 {
        op: *data.first()?,
        hardware_len: *data.get(2)?,
        hops: *data.get(3)?,
        xid: be32(data, 4)?,
        secs: be16(data, 8)?,
        flags: be16(data, 10)?,
        client: chunk(data, 12)?,
        yours: chunk(data, 16)?,
        next_server: chunk(data, 20)?,
        relay: chunk(data, 24)?,
        hardware: chunk(data, 28)?,
        server_name: until_nul(data.get(44..108)?),
        file: until_nul(data.get(108..236)?),
        ..Dhcpv4::default()
    };
    let mut rest = data.get(240..)?;
    while let Some((&code, behind)) = rest.split_first() {
        match code {
            0 => rest = behind,
            255 => break,
            _ => {
                let Some((&length, body)) = behind.split_first() else {
                    break;
                };
                let Some((value, behind)) = body.split_at_checked(usize::from(length)) else {
                    break;
                };
                message.option(code, value);
                rest = behind;
            }
        }
    }
    Some(message)
}

impl<'a> Dhcpv4<'a> {
    fn option(&mut self, code: u8, value: &'a [u8]) {
        match code {
            1 => self.subnet_mask = chunk(value, 0),
            3 => self.routers = addresses(value),
            6 => self.dns_servers = addresses(value),
            12 => self.host_name = until_nul(value),
            15 => self.domain = until_nul(value),
            26 => self.mtu = be16(value, 0),
            50 => self.requested = chunk(value, 0),
            51 => self.lease_s = be32(value, 0),
            53 => self.message_type = value.first().copied().unwrap_or(0),
            54 => self.server = chunk(value, 0),
            56 => self.message = until_nul(value),
            60 => self.vendor_class = until_nul(value),
            _ => {}
        }
    }

    pub fn type_name(&self) -> &'static str {
        match (self.message_type, self.op) {
            (1, _) => "Discover",
            (2, _) => "Offer",
            (3, _) => "Request",
            (4, _) => "Decline",
            (5, _) => "ACK",
            (6, _) => "NAK",
            (7, _) => "Release",
            (8, _) => "Inform",
            (0, 1) => "BOOTP request",
            (0, 2) => "BOOTP reply",
            _ => "Unknown",
        }
    }
}

fn addresses(value: &[u8]) -> Vec<[u8; 4]> {
    value
        .chunks_exact(4)
        .filter_map(|address| chunk(address, 0))
        .collect()
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}
