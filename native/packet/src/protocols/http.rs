// SPDX-License-Identifier: Apache-2.0
//! HTTP/1 (RFC 9112): the first request and the first response of a connection.

use crate::facts::Facts;
use crate::registry::{no_info, not_over_packets, Found, Protocol, Reading, Told};
use crate::Layer;

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::HTTP,
    found: &[Found::Stream(begins)],
    read: not_over_packets,
    shown: "HTTP",
    info: no_info,
    told: Told::Start(told),
};

const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];
const VERSION: &[u8] = b"HTTP/1.";

/// Headers of whom more than the name would be too much: names as written here, whatever the case on the wire.
const HEADERS: [(&[u8], &str); 5] = [
    (b"host", "host"),
    (b"user-agent", "user_agent"),
    (b"server", "server"),
    (b"content-type", "content_type"),
    (b"location", "location"),
];

fn begins(data: &[u8]) -> Reading {
    let starts = METHODS.iter().chain([&VERSION]);
    let mut reading = Reading::Other;
    for start in starts {
        if data.starts_with(start) {
            return Reading::Mine;
        }
        if start.starts_with(data) {
            reading = Reading::TooShort;
        }
    }
    reading
}

/// Read the head of a message; `None` while it is not there whole, unless `last`.
fn told(data: &[u8], last: bool) -> Option<Facts> {
    let whole = data.windows(4).any(|end| end == b"\r\n\r\n");
    if !whole && !last {
        return None;
    }
    let mut lines = data.split(|&byte| byte == b'\n').map(trim);
    let mut facts = Facts::default();
    first_line(lines.next()?, &mut facts);
    for line in lines.take_while(|line| !line.is_empty()).take(100) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let known = HEADERS
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        if let Some((_, shown)) = known {
            facts.bytes(
                shown,
                without_query(trim(value.get(1..).unwrap_or_default())),
            );
        }
    }
    Some(facts)
}

fn first_line(line: &[u8], facts: &mut Facts) {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    if first.starts_with(VERSION) {
        let status = second.and_then(|status| std::str::from_utf8(status).ok());
        if let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) {
            facts.number("status", status);
        }
    } else {
        facts.bytes("method", first);
        facts.bytes("target", without_query(second.unwrap_or_default()));
        // RFC 9112 §2.3: the version of who asks; that of the answer says less.
        let version = words.next().unwrap_or_default();
        facts.bytes("version", version.get(5..).unwrap_or_default());
    }
}

/// Queries hold tokens and passwords, which are nobody's business here.
fn without_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|&byte| byte == b'?');
    target.get(..end.unwrap_or(target.len())).unwrap_or(target)
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    fn text(facts: &Facts, name: &str) -> String {
        match facts.get(name) {
            Some(Fact::Text(text)) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_request_tells_whom_it_asks_for_what() {
        let head = b"POST /a?b HTTP/1.1\r\nHOST:  example.org \r\nX: y\r\nUser-Agent: curl\r\n\r\nHost: no";
        let facts = told(head, false).expect("whole");
        let told =
            ["method", "target", "version", "host", "user_agent"].map(|name| text(&facts, name));
        assert_eq!(told, ["POST", "/a", "1.1", "example.org", "curl"]);
    }

    #[test]
    fn a_response_tells_how_it_went() {
        let facts = told(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", false).expect("whole");
        assert_eq!(facts.get("status"), Some(&Fact::Number(404)));
        assert_eq!(text(&facts, "server"), "x");
    }

    #[test]
    fn a_head_is_waited_for_until_it_is_the_last_word() {
        let cut = b"GET / HTTP/1.1\r\nHost: exam";
        assert_eq!(told(cut, false), None);
        assert_eq!(text(&told(cut, true).expect("last"), "host"), "exam");
    }

    #[test]
    fn what_begins_otherwise_is_something_else() {
        assert_eq!(begins(b"GE"), Reading::TooShort);
        assert_eq!(begins(b"GET /"), Reading::Mine);
        assert_eq!(begins(b"HTTP/2"), Reading::Other);
        assert_eq!(begins(b"\x16\x03\x01"), Reading::Other);
    }
}
