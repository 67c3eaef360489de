// SPDX-License-Identifier: Apache-2.0
//! TLS (RFC 8446, RFC 5246): what client and server say in clear in their first messages, and the client's JA4.

use crate::facts::Facts;
use crate::hello;
use crate::registry::{no_info, not_over_packets, Found, Protocol, Reading, Told};
use crate::Layer;

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::TLS,
    found: &[Found::Stream(begins)],
    read: not_over_packets,
    shown: "TLS",
    info: no_info,
    told: Told::Start(told),
};

const HANDSHAKE: u8 = 22;
/// RFC 5246 §6.2.3: what a record may hold at most, encrypted.
const LONGEST_RECORD: u16 = (1 << 14) + 2048;

/// A record: change of cipher, alert, handshake, data, or heartbeat, of SSL 3.0 to TLS 1.3.
fn begins(data: &[u8]) -> Reading {
    let Some(&[kind, major, minor, high, low]) = data.first_chunk::<5>() else {
        let possible = match *data {
            [] => true,
            [kind, ..] if !(20..=24).contains(&kind) => false,
            [_, major, ..] => major == 3,
            _ => true,
        };
        return if possible {
            Reading::TooShort
        } else {
            Reading::Other
        };
    };
    let length = u16::from_be_bytes([high, low]);
    if (20..=24).contains(&kind)
        && major == 3
        && minor <= 4
        && (1..=LONGEST_RECORD).contains(&length)
    {
        Reading::Mine
    } else {
        Reading::Other
    }
}

fn told(data: &[u8], last: bool) -> Option<Facts> {
    if data.first() != Some(&HANDSHAKE) {
        // Joined later: the hellos are gone.
        return Some(Facts::default());
    }
    let message = first_message(data);
    let length = message.get(1..4).map(|length| {
        length
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
    });
    let whole = length.is_some_and(|length| message.len() >= 4 + length);
    if !whole && !last {
        return None;
    }
    let mut facts = Facts::default();
    match (message.first(), message.get(4..)) {
        (Some(1), Some(body)) => hello::client(body, 't', &mut facts),
        (Some(2), Some(body)) => hello::server(body, &mut facts),
        _ => {}
    }
    Some(facts)
}

/// The handshake records at the beginning, without their headers (RFC 8446 §5.1: a message may be spread over several).
fn first_message(mut data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    while let Some((&[HANDSHAKE, _, _, high, low], rest)) = data.split_first_chunk::<5>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let record = rest.get(..length).unwrap_or(rest);
        message.extend(record);
        data = rest.get(record.len()..).unwrap_or_default();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    /// A client's hello for example.org, in records of `size` bytes.
    fn client_hello(size: usize) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
        let extensions: &[u8] = &[
            &[0, 0, 0, 16, 0, 14, 0, 0, 11][..],
            b"example.org",
            &[0, 16, 0, 5, 0, 3, 2, b'h', b'2', 0, 43, 0, 3, 2, 3, 4],
        ]
        .concat();
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0, 0, body.len() as u8];
        message.extend(body);
        let record = |part: &[u8]| [&[22, 3, 1, 0, part.len() as u8], part].concat();
        message.chunks(size).flat_map(record).collect()
    }

    #[test]
    fn a_hello_is_read_however_many_records_hold_it() {
        for size in [20, 60, 200] {
            let facts = told(&client_hello(size), false).expect("whole");
            assert_eq!(
                facts.get("server_name"),
                Some(&Fact::Text("example.org".into()))
            );
            assert_eq!(facts.get("alpn"), Some(&Fact::List(vec!["h2".into()])));
            assert_eq!(
                facts.get("offered_version"),
                Some(&Fact::Text("1.3".into()))
            );
        }
    }

    #[test]
    fn a_hello_is_waited_for_and_read_as_far_as_it_goes_if_it_is_the_last_word() {
        let whole = client_hello(200);
        for length in 0..whole.len() {
            assert_eq!(told(&whole[..length.max(1)], false), None);
        }
        let cut = told(&whole[..whole.len() - 8], true).expect("last");
        assert!(cut.get("server_name").is_some());
    }

    #[test]
    fn what_is_encrypted_tells_nothing_but_is_tls() {
        let data = [23, 3, 3, 0, 100, 1, 2, 3];
        assert_eq!(begins(&data), Reading::Mine);
        assert_eq!(told(&data, false), Some(Facts::default()));
    }

    #[test]
    fn what_begins_otherwise_is_something_else() {
        for data in [
            &b"GET / HTTP"[..],
            &[22, 2, 1, 0, 5],
            &[22, 3, 1, 0, 0],
            &[23, 3, 3, 0xff, 0],
        ] {
            assert_eq!(begins(data), Reading::Other, "{data:?}");
        }
        assert_eq!(begins(&[22, 3]), Reading::TooShort);
        assert_eq!(begins(&[22, 4]), Reading::Other);
    }
}
