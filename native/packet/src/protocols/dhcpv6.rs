// SPDX-License-Identifier: Apache-2.0
//! DHCPv6 messages (RFC 8415), relayed ones unwrapped.

use crate::bytes::{be16, be32, chunk};
use crate::describe::application;
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::DHCPv6,
    found: &[Found::Udp(546), Found::Udp(547)],
    read,
    shown: "DHCPv6",
    info: |headers| application::dhcp6(headers.payload),
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.len() < 4 {
        return Reading::TooShort;
    }
    headers.layers.push(Layer::DHCPv6);
    Reading::Mine
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dhcpv6<'a> {
    pub message_type: u8,
    /// 24 bits.
    pub xid: u32,
    pub client_id: &'a [u8],
    pub server_id: &'a [u8],
    pub addresses: Vec<Lease>,
    pub prefixes: Vec<Lease>,
    pub dns_servers: Vec<[u8; 16]>,
    /// Status code and text of the message or of its identity associations, when not success.
    pub status: Option<(u16, &'a [u8])>,
    /// Number of relays the message passed.
    pub relays: u8,
    /// Of the relay next to the client: the link it stands on, and its name for the port.
    pub link_address: Option<[u8; 16]>,
    pub interface_id: &'a [u8],
    /// RFC 4704: the client's own name, its labels.
    pub client_name: &'a [u8],
    pub rapid_commit: bool,
    /// How long the client has been trying.
    pub elapsed_ms: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lease {
    pub address: [u8; 16],
    /// Prefix length; 128 for an address.
    pub length: u8,
    pub preferred_s: u32,
    pub valid_s: u32,
}

const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// RFC 8415 HOP_COUNT_LIMIT.
const MAX_RELAYS: u8 = 8;

/// Read a message; options up to the first broken one.
pub fn dhcpv6(data: &[u8]) -> Option<Dhcpv6<'_>> {
    let mut data = data;
    let mut relays = 0;
    let (mut link_address, mut interface_id) = (None, &[][..]);
    while matches!(*data.first()?, RELAY_FORWARD | RELAY_REPLY) {
        if relays == MAX_RELAYS {
            return None;
        }
        relays += 1;
        link_address = chunk(data, 2);
        let options = data.get(34..)?;
        let find = |wanted: u16| Options(options).find(|&(code, _)| code == wanted);
        interface_id = find(18).map_or(&[][..], |(_, value)| value);
        // Option 9 of a relay message holds the relayed one.
        data = find(9)?.1;
    }
    let word = be32(data, 0)?;
    let mut message = Dhcpv6 {
        message_type: (word >> 24) as u8,
        xid: word & 0x00ff_ffff,
        relays,
        link_address,
        interface_id,
        ..Dhcpv6::default()
    };
    for (code, value) in Options(data.get(4..)?) {
        message.option(code, value);
    }
    Some(message)
}

impl<'a> Dhcpv6<'a> {
    fn option(&mut self, code: u16, value: &'a [u8]) {
        match code {
            1 => self.client_id = value,
            2 => self.server_id = value,
            // Identity associations: 12 bytes (temporary addresses: 4), then options of their own.
            3 | 25 => self.inner(value.get(12..).unwrap_or_default()),
            4 => self.inner(value.get(4..).unwrap_or_default()),
            8 => self.elapsed_ms = be16(value, 0).map(|hundredths| u32::from(hundredths) * 10),
            13 => self.note_status(value),
            14 => self.rapid_commit = true,
            39 => self.client_name = value.get(1..).unwrap_or_default(),
            23 => {
                self.dns_servers = value
                    .chunks_exact(16)
                    .filter_map(|server| chunk(server, 0))
                    .collect()
            }
            _ => {}
        }
    }

    fn inner(&mut self, options: &'a [u8]) {
        for (code, value) in Options(options) {
            match code {
                5 => self.addresses.extend(address(value)),
                26 => self.prefixes.extend(prefix(value)),
                13 => self.note_status(value),
                _ => {}
            }
        }
    }

    fn note_status(&mut self, value: &'a [u8]) {
        if let Some(code) = be16(value, 0).filter(|&code| code != 0) {
            self.status = Some((code, value.get(2..).unwrap_or_default()));
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self.message_type {
            1 => "Solicit",
            2 => "Advertise",
            3 => "Request",
            4 => "Confirm",
            5 => "Renew",
            6 => "Rebind",
            7 => "Reply",
            8 => "Release",
            9 => "Decline",
            10 => "Reconfigure",
            11 => "Information-request",
            _ => "Unknown",
        }
    }

    /// True for what clients send.
    pub fn from_client(&self) -> bool {
        !matches!(self.message_type, 2 | 7 | 10)
    }
}

fn address(value: &[u8]) -> Option<Lease> {
    Some(Lease {
        address: chunk(value, 0)?,
        length: 128,
        preferred_s: be32(value, 16)?,
        valid_s: be32(value, 20)?,
    })
}

fn prefix(value: &[u8]) -> Option<Lease> {
    Some(Lease {
        preferred_s: be32(value, 0)?,
        valid_s: be32(value, 4)?,
        length: *value.get(8)?,
        address: chunk(value, 9)?,
    })
}

struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = be16(self.0, 0)?;
        let length = usize::from(be16(self.0, 2)?);
        let value = self.0.get(4..4 + length)?;
        self.0 = self.0.get(4 + length..)?;
        Some((code, value))
    }
}
