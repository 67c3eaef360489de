// SPDX-License-Identifier: Apache-2.0
//! HTTP/1 (RFC 9112): the first request and the first response of a connection in words, and first lines of all others.

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

/// What the first line of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// The target is without its query.
    Request {
        method: &'a [u8],
        target: &'a [u8],
    },
    Response {
        status: u16,
    },
}

/// Return the heads of messages that follow each other in `bytes`, from its beginning on. A body whose length is not
/// told, or that goes on behind `bytes`, is the last thing that is seen.
pub fn heads(mut bytes: &[u8]) -> impl Iterator<Item = Head<'_>> {
    std::iter::from_fn(move || {
        let line_end = bytes.iter().position(|&byte| byte == b'\n')?;
        let (line, rest) = bytes.split_at(line_end + 1);
        let head = head(trim(line))?;
        bytes = behind_body(rest);
        Some(head)
    })
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (first, second) = (words.next()?, words.next()?);
    if first.starts_with(VERSION) {
        let status = std::str::from_utf8(second).ok()?.parse().ok()?;
        return (100..600)
            .contains(&status)
            .then_some(Head::Response { status });
    }
    let is_method = METHODS
        .iter()
        .any(|method| method.strip_suffix(b" ") == Some(first));
    (is_method && words.next()?.starts_with(VERSION)).then(|| Head::Request {
        method: first,
        target: without_query(second),
    })
}

/// Return what follows a message of which `rest` is all behind the first line; nothing when that is not known.
fn behind_body(rest: &[u8]) -> &[u8] {
    let mut body = 0;
    let mut rest = rest;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, behind) = rest.split_at(end + 1);
        rest = behind;
        let line = trim(line);
        if line.is_empty() {
            return rest.get(body..).unwrap_or_default();
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(trim(&line[colon + 1..])).ok();
            body = length
                .and_then(|length| length.parse().ok())
                .unwrap_or(usize::MAX);
        }
    }
    &[]
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
    fn messages_behind_each_other_are_told_apart_by_the_length_of_bodies() {
        let bytes = b"HTTP/1.1 404 no\r\nContent-Length: 3\r\n\r\nGETHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nGET / HT";
        let found: Vec<_> = heads(bytes).collect();
        assert_eq!(
            found,
            [404, 200].map(|status| Head::Response { status }).to_vec()
        );
        let found: Vec<_> =
            heads(b"GET /a?token=x HTTP/1.1\r\n\r\nHEAD /b HTTP/1.0\n\nGET /cut HTT").collect();
        let request = |method, target| Head::Request { method, target };
        assert_eq!(found, [request(b"GET", b"/a"), request(b"HEAD", b"/b")]);
    }

    #[test]
    fn what_only_looks_like_a_message_is_none() {
        for bytes in [
            &b"GET / HTTP/2\r\n"[..],
            b"GETX / HTTP/1.1\r\n",
            b"GET /\r\n\r\n",
            b"HTTP/1.1 9 x\r\n",
            b"HTTP/1.1 \r\n",
            b"\n",
        ] {
            assert_eq!(heads(bytes).next(), None);
        }
    }

    #[test]
    fn what_begins_otherwise_is_something_else() {
        assert_eq!(begins(b"GE"), Reading::TooShort);
        assert_eq!(begins(b"GET /"), Reading::Mine);
        assert_eq!(begins(b"HTTP/2"), Reading::Other);
        assert_eq!(begins(b"\x16\x03\x01"), Reading::Other);
    }
}
