// SPDX-License-Identifier: Apache-2.0
//! The first bytes of a TCP connection's direction: `[port][where they are cut][byte ...]`.

use netsonde_packet::{identify, Identity, Layer};

const PORTS: [u16; 4] = [53, 443, 6653, 8080];

pub fn run(data: &[u8]) {
    let [port, cut, start @ ..] = data else {
        return;
    };
    let ports = (40000, PORTS[usize::from(port & 3)]);
    let whole = told(start, ports);
    let cut = told(&start[..usize::from(*cut).min(start.len())], ports);
    assert!(
        cut.is_none() || cut == whole,
        "{cut:?} with more became {whole:?}"
    );
}

/// Read a start both as one that goes on and as the last; None = of nobody, or not yet.
fn told(start: &[u8], ports: (u16, u16)) -> Option<Layer> {
    let Identity::Known(application) = identify(start, ports) else {
        return None;
    };
    let _ = application.told(start, false);
    assert!(application.told(start, true).is_some());
    Some(application.layer())
}
