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
    pub broadcast: Option<[u8; 4]>,
    pub ntp_servers: Vec<[u8; 4]>,
    pub renewal_s: Option<u32>,
    pub rebinding_s: Option<u32>,
    /// Option 61: kind and value.
    pub client_id: &'a [u8],
    /// Option 55: what the client wants to know, in an order that tells clients apart.
    pub wanted: &'a [u8],
    /// Option 82 (RFC 3046): what a relay adds.
    pub circuit_id: &'a [u8],
    pub remote_id: &'a [u8],
    /// Option 121 (RFC 3442): network, prefix length, gateway.
    pub routes: Vec<([u8; 4], u8, [u8; 4])>,
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
    let mut overload = 0;
    for (code, value) in Options(data.get(240..)?) {
        message.option(code, value);
        if code == 52 {
            overload = value.first().copied().unwrap_or(0);
        }
    }
    // RFC 2132 §9.3: options that found no room stand where names are otherwise.
    for (bit, place) in [(1, 108..236), (2, 44..108)] {
        if overload & bit != 0 {
            message.overloaded(bit, data.get(place).unwrap_or_default());
        }
    }
    Some(message)
}

/// Options: code and value, up to the first broken one.
struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&code, behind) = self.0.split_first()?;
            match code {
                0 => self.0 = behind,
                255 => return None,
                _ => {
                    let (&length, body) = behind.split_first()?;
                    let (value, rest) = body.split_at_checked(usize::from(length))?;
                    self.0 = rest;
                    return Some((code, value));
                }
            }
        }
    }
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
            28 => self.broadcast = chunk(value, 0),
            42 => self.ntp_servers = addresses(value),
            55 => self.wanted = value,
            58 => self.renewal_s = be32(value, 0),
            59 => self.rebinding_s = be32(value, 0),
            61 => self.client_id = value,
            66 => self.server_name = until_nul(value),
            67 => self.file = until_nul(value),
            82 => {
                for (kind, value) in Options(value) {
                    match kind {
                        1 => self.circuit_id = value,
                        2 => self.remote_id = value,
                        _ => {}
                    }
                }
            }
            121 => self.routes = routes(value),
            _ => {}
        }
    }

    fn overloaded(&mut self, bit: u8, field: &'a [u8]) {
        match bit {
            1 => self.file = &[],
            _ => self.server_name = &[],
        }
        for (code, value) in Options(field) {
            self.option(code, value);
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

/// Routes: prefix length, as many bytes of the network as that needs, gateway.
fn routes(mut value: &[u8]) -> Vec<([u8; 4], u8, [u8; 4])> {
    let mut found = Vec::new();
    while let Some((&length, rest)) = value.split_first() {
        let size = usize::from(length).div_ceil(8);
        let Some((significant, gateway)) = rest.get(..size).zip(chunk(rest, size)) else {
            break;
        };
        let mut network = [0; 4];
        match network.get_mut(..size) {
            Some(place) => place.copy_from_slice(significant),
            None => break,
        }
        found.push((network, length, gateway));
        value = rest.get(size + 4..).unwrap_or_default();
    }
    found
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(file: &[u8], options: &[u8]) -> Vec<u8> {
        let mut data = vec![0; 236];
        data[0] = 2;
        data[108..108 + file.len()].copy_from_slice(file);
        data.extend(MAGIC);
        data.extend(options);
        data
    }

    #[test]
    fn options_go_on_where_the_file_name_would_be() {
        let data = message(&[51, 4, 0, 0, 0, 60, 255], &[52, 1, 1, 255]);
        let message = dhcpv4(&data).expect("DHCP");
        assert_eq!((message.lease_s, message.file), (Some(60), &[][..]));
    }

    #[test]
    fn routes_and_what_relays_add_are_read() {
        let options = [
            121, 15, 0, 10, 0, 0, 1, 25, 10, 229, 0, 128, 10, 0, 0, 2, 0, 0, 82, 7, 1, 2, b'e',
            b'1', 2, 1, 9,
        ];
        let data = message(b"", &options);
        let message = dhcpv4(&data).expect("DHCP");
        assert_eq!(
            message.routes,
            [
                ([0; 4], 0, [10, 0, 0, 1]),
                ([10, 229, 0, 128], 25, [10, 0, 0, 2])
            ]
        );
        assert_eq!(
            (message.circuit_id, message.remote_id),
            (&b"e1"[..], &[9][..])
        );
    }
}
