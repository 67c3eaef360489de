// SPDX-License-Identifier: Apache-2.0
//! SIP (RFC 3261) over UDP and TCP.

use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::SIP,
    found: &[Found::Udp(5060), Found::Stream(begins)],
    read,
    shown: "SIP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

const VERSION: &[u8] = b"SIP/2.0 ";
const METHODS: [&[u8]; 14] = [
    b"INVITE ",
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"REGISTER ",
    b"OPTIONS ",
    b"PRACK ",
    b"SUBSCRIBE ",
    b"NOTIFY ",
    b"PUBLISH ",
    b"INFO ",
    b"REFER ",
    b"MESSAGE ",
    b"UPDATE ",
];
/// Headers, their short forms, and what they are called here.
const HEADERS: [(&[u8], &[u8], &str); 4] = [
    (b"call-id", b"i", "call_id"),
    (b"from", b"f", "from"),
    (b"to", b"t", "to"),
    (b"user-agent", b"user-agent", "user_agent"),
];

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let reading = begins(data);
    if reading == Reading::Mine {
        headers.layers.push(Layer::SIP);
    }
    reading
}

/// A status line, or a method before an address: OPTIONS alone might be HTTP.
fn begins(data: &[u8]) -> Reading {
    if data.starts_with(VERSION) {
        return Reading::Mine;
    }
    let mut reading = if VERSION.starts_with(data) {
        Reading::TooShort
    } else {
        Reading::Other
    };
    for method in METHODS {
        let Some(address) = data.strip_prefix(method) else {
            if method.starts_with(data) {
                reading = Reading::TooShort;
            }
            continue;
        };
        reading = match address.first_chunk::<4>() {
            Some(b"sip:" | b"sips" | b"tel:") => Reading::Mine,
            Some(_) => Reading::Other,
            None => Reading::TooShort,
        };
        break;
    }
    reading
}

fn told(data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut lines = data.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(|&byte| byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"SIP/2.0"), Some(status)) => {
            let status = std::str::from_utf8(status).ok();
            if let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) {
                facts.number("status", status);
            }
        }
        (Some(method), Some(address)) => {
            facts.bytes("method", method);
            facts.bytes("request_uri", address);
        }
        _ => {}
    }
    for line in lines.take_while(|line| !line.is_empty()).take(64) {
        header(line, &mut facts);
    }
    facts
}

fn header(line: &[u8], facts: &mut Facts) {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return;
    };
    let (name, value) = line.split_at(colon);
    let (name, value) = (
        name.trim_ascii(),
        value.get(1..).unwrap_or_default().trim_ascii(),
    );
    // What an answer is an answer to.
    if name.eq_ignore_ascii_case(b"cseq") {
        let method = value.rsplit(|&byte| byte == b' ').next();
        facts.bytes("method", method.unwrap_or_default());
    }
    let known = HEADERS.iter().find(|(long, short, _)| {
        name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
    });
    if let Some((_, _, shown)) = known {
        facts.bytes(shown, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_it_answers() {
        let answer =
            b"SIP/2.0 180 Ringing\r\ni: abc\r\nCSeq: 1 INVITE\r\nf: <sip:a@x>\r\n\r\nbody: x";
        assert_eq!(
            line(&told(answer)),
            "status 180 call_id abc method INVITE from <sip:a@x>"
        );
    }

    #[test]
    fn a_method_is_not_enough() {
        assert_eq!(begins(b"OPTIONS sip:b@y SIP/2.0"), Reading::Mine);
        assert_eq!(begins(b"OPTIONS /x HTTP/1.1"), Reading::Other);
        assert_eq!(begins(b"OPTIONS si"), Reading::TooShort);
        assert_eq!(begins(b"\r\n\r\n"), Reading::Other);
    }
}
