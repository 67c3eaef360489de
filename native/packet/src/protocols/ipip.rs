// SPDX-License-Identifier: Apache-2.0
//! IP in IP (RFC 2003, RFC 2473, RFC 4213): the outer IP header is the tunnel's, the inner packet a flow of its own.

use crate::headers::Inner;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::IPinIP,
    found: &[Found::IpProtocol(4), Found::IpProtocol(41)],
    read,
    shown: "IPinIP",
    info: no_info,
    told: Told::Nothing,
};

/// There is no header between the two, therefore no layer: 6in4 is `Ethernet/IPv4` around `IPv6/…`.
fn read<'a>(headers: &mut Headers<'a>, _: &'a [u8]) -> Reading {
    headers.enter(Layer::IPinIP, Inner::Ip);
    Reading::Mine
}
