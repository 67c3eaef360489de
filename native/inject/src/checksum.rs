// SPDX-License-Identifier: Apache-2.0
//! The Internet checksum (RFC 1071), with the pseudo headers of RFC 9293 §3.1 and RFC 8200 §8.1.

use std::net::IpAddr;

/// Add `data` to a sum of 16-bit words, an odd last byte as if a zero followed.
fn add(sum: u64, data: &[u8]) -> u64 {
    data.chunks(2).fold(sum, |sum, word| {
        let low = word.get(1).copied().unwrap_or_default();
        sum + u64::from(u16::from_be_bytes([word[0], low]))
    })
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Return the checksum of an IPv4 header, or of an ICMPv4 message, whose own field is zero.
pub fn plain(data: &[u8]) -> u16 {
    folded(add(0, data))
}

/// Return the checksum of a TCP, UDP or ICMPv6 segment whose own field is zero; both addresses of one family.
pub fn transport(source: IpAddr, target: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let mut sum = u64::from(protocol) + segment.len() as u64;
    for address in [source, target] {
        sum = match address {
            IpAddr::V4(address) => add(sum, &address.octets()),
            IpAddr::V6(address) => add(sum, &address.octets()),
        };
    }
    folded(add(sum, segment))
}

/// Tell whether a segment that carries its checksum is intact.
pub fn is_intact(source: IpAddr, target: IpAddr, protocol: u8, segment: &[u8]) -> bool {
    const ICMPV4: u8 = 1;
    match protocol {
        ICMPV4 => plain(segment) == 0,
        _ => transport(source, target, protocol, segment) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_comes_out() {
        assert_eq!(
            plain(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }

    #[test]
    fn an_odd_byte_counts_as_a_word() {
        assert_eq!(plain(&[0x12]), !0x1200);
    }
}
