// SPDX-License-Identifier: Apache-2.0
//! Bodies of DHCP and DNS questions.

use crate::probe::Probe;

const DISCOVER: u8 = 1;
/// Subnet mask, router, DNS server, domain, MTU, lease time, server identifier: RFC 2132.
const ASKED: [u8; 7] = [1, 3, 6, 15, 26, 51, 54];

/// A DHCPDISCOVER (RFC 2131 §4.4.1) for the source MAC; servers are asked to answer by broadcast.
pub fn dhcp_discover(probe: &Probe, index: u64) -> Vec<u8> {
    const BROADCAST: u16 = 0x8000;
    const SHORTEST: usize = 300;
    let mut message = vec![1, 1, 6, 0];
    message.extend(probe.transaction_of(index).to_be_bytes());
    message.extend([0, 0]);
    message.extend(BROADCAST.to_be_bytes());
    message.extend([0; 16]);
    message.extend(probe.source_mac);
    message.resize(236, 0);
    message.extend([0x63, 0x82, 0x53, 0x63]);
    message.extend([53, 1, DISCOVER]);
    message.extend([61, 7, 1]);
    message.extend(probe.source_mac);
    message.extend([55, ASKED.len() as u8]);
    message.extend(ASKED);
    message.push(255);
    // RFC 1542 §2.1: relays drop what is shorter than a BOOTP message.
    message.resize(message.len().max(SHORTEST), 0);
    message
}

/// A question with recursion desired (RFC 1035 §4.1); labels are cut at the 63 bytes that fit.
pub fn dns_query(probe: &Probe, index: u64) -> Vec<u8> {
    const LONGEST_LABEL: usize = 63;
    let mut message = Vec::with_capacity(32 + probe.name.len());
    message.extend((probe.transaction_of(index) as u16).to_be_bytes());
    message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    let labels = probe.name.split('.').filter(|label| !label.is_empty());
    for label in labels {
        let label = &label.as_bytes()[..label.len().min(LONGEST_LABEL)];
        message.push(label.len() as u8);
        message.extend(label);
    }
    message.push(0);
    message.extend(probe.record_type.to_be_bytes());
    message.extend([0, 1]);
    message
}
