// SPDX-License-Identifier: Apache-2.0
//! The bytes of one message, read as every protocol that can tell something of a message.

use netsonde_packet::{dhcpv4, dhcpv6, dns, quic, told, Layer};

pub fn run(data: &[u8]) {
    for told in Layer::ALL.iter().copied().filter_map(told) {
        let facts = told(data);
        assert!(facts.iter().all(|(name, _)| !name.is_empty()));
    }
    if dns::plausible(data) {
        assert!(dns::header(data).is_some());
    }
    let _ = dns::sections(data);
    let _ = dhcpv4::dhcpv4(data);
    let _ = dhcpv6::dhcpv6(data);
    quic::hello_pieces(data, |_, piece| assert!(piece.len() <= data.len()));
    let _ = quic::client_hello(data);
    let _ = quic::version(data).map(quic::version_name);
}
