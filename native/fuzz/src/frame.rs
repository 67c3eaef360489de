// SPDX-License-Identifier: Apache-2.0
//! One frame: `[link type][where it is cut][frame ...]`.

use netsonde_packet::{
    autonomous_prefixes, describe, neighbour, parse, quoted, told, Headers, LinkType, Ports,
};

/// Ethernet stands several times: it has more behind it.
const LINK_TYPES: [u16; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 0, 101, 108, 113, 228, 229, 276, 147];

pub fn run(data: &[u8]) {
    let [link_type, cut, frame @ ..] = data else {
        return;
    };
    let link_type = LinkType::from_number(LINK_TYPES[usize::from(link_type & 15)]);
    let ports = Ports::default();
    let segments = segments(link_type, frame, frame.len() as u32, &ports);
    let described = describe(link_type, frame, &ports);
    assert!(
        !described.info.contains(char::is_control),
        "{:?}",
        described.info
    );
    for headers in &segments {
        assert!(headers.payload.len() <= frame.len());
        let layers = headers.layers.as_slice();
        for told in layers.iter().copied().filter_map(told) {
            let _ = told(headers.payload);
        }
        let _ = quoted(headers, &ports);
        let _ = neighbour(headers);
        let _ = autonomous_prefixes(headers);
    }
    let cut = usize::from(*cut).min(frame.len());
    layers_before_a_cut_stand(link_type, frame, cut, &ports, &segments);
}

fn segments<'a>(
    link_type: LinkType,
    frame: &'a [u8],
    wire_len: u32,
    ports: &Ports,
) -> Vec<Headers<'a>> {
    let first = parse(link_type, frame, wire_len, ports);
    std::iter::successors(Some(first), |headers| headers.inner(ports)).collect()
}

/// What a snaplen leaves is read like the same bytes of the whole frame.
fn layers_before_a_cut_stand(
    link_type: LinkType,
    frame: &[u8],
    cut: usize,
    ports: &Ports,
    whole: &[Headers<'_>],
) {
    let cut = segments(link_type, &frame[..cut], frame.len() as u32, ports);
    assert!(cut.len() <= whole.len(), "a cut makes a tunnel");
    for (number, (cut_off, whole)) in cut.iter().zip(whole).enumerate() {
        let (short, long) = (cut_off.layers.as_slice(), whole.layers.as_slice());
        assert!(long.starts_with(short), "{long:?} became {short:?}");
        if number + 1 < cut.len() {
            assert_eq!(short, long);
        }
    }
}
