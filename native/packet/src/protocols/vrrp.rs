// SPDX-License-Identifier: Apache-2.0
//! VRRP 2 (RFC 3768) and 3 (RFC 9568).

use crate::bytes::{be16, chunk};
use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{text, Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::VRRP,
    found: &[Found::IpProtocol(112)],
    read,
    shown: "VRRP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.layers.push(Layer::VRRP);
    Reading::Mine
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let Some((&[first, router, priority, count, _, interval, _, _], rest)) =
        data.split_first_chunk::<8>()
    else {
        return facts;
    };
    let version = first >> 4;
    facts.number("version", version);
    facts.number("virtual_rtr_id", router);
    // 0: the master leaves.
    facts.number("priority", priority);
    match version {
        2 => facts.number("adver_int", interval),
        _ => facts.number("adver_int_cs", be16(data, 4).unwrap_or(0) & 0x0fff),
    }
    let count = usize::from(count);
    let addresses = if version == 3 && rest.len() >= count * 16 {
        let v6 = rest.chunks_exact(16).filter_map(|bytes| chunk(bytes, 0));
        v6.take(count).map(text::ipv6).collect()
    } else {
        let v4 = rest.chunks_exact(4).filter_map(|bytes| chunk(bytes, 0));
        v4.take(count).map(text::ipv4).collect()
    };
    facts.list("ip_address", addresses);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_tell_router_priority_and_addresses() {
        let v2 = [
            0x21, 7, 100, 1, 0, 1, 0, 0, 10, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(
            line(&told(&v2)),
            "version 2 virtual_rtr_id 7 priority 100 adver_int 1 ip_address 10.0.0.254"
        );
        let mut v3 = vec![0x31, 8, 0, 1, 0x00, 100, 0, 0, 0xfe, 0x80];
        v3.extend([0; 13]);
        v3.push(1);
        assert_eq!(
            line(&told(&v3)),
            "version 3 virtual_rtr_id 8 priority 0 adver_int_cs 100 ip_address fe80::1"
        );
    }
}
