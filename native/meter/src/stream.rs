// SPDX-License-Identifier: Apache-2.0
//! The application of a TCP connection, told by the first bytes of both directions.
//!
//! Most messages come whole in one segment and are read where they are; others are put in order (`reassembly`). What is not recognized is looked for again at the next segment, some times:
//! a connection may be joined late, or begin with something else (STARTTLS, a proxy).

use std::sync::Arc;

use netsonde_packet::{block_name, dns, identify, Application, Fact, Facts, Identity, Layer};

use crate::dns::DnsState;
use crate::http::HttpState;
use crate::json::Json;
use crate::reassembly::{Budget, Offer, Payload, Start, MOST_OF_A_START};
use crate::told::Told;

/// Segments of a direction in which the beginning of something is looked for.
const MOST_TRIES: u8 = 16;

/// How often each direction was looked at in vain. Most connections whose application stays unknown need no more memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries([u8; 2]);

impl Tries {
    fn count(&mut self, side: usize) {
        if let Some(tries) = self.0.get_mut(side) {
            *tries = tries.saturating_add(1);
        }
    }

    #[inline]
    pub(crate) fn exhausted(self, side: usize) -> bool {
        self.0.get(side).is_none_or(|&tries| tries >= MOST_TRIES)
    }

    pub(crate) fn all_exhausted(self) -> bool {
        self.exhausted(0) && self.exhausted(1)
    }
}

/// What is known of a connection's application, and the bytes that are kept until it is.
pub(crate) struct TcpApplication {
    application: Option<Application>,
    starts: Option<Box<Starts>>,
    told: Told,
    pub(crate) dns: Option<Box<DnsState>>,
    http: Option<Box<HttpState>>,
}

struct Starts {
    sides: [Start; 2],
    budget: Arc<Budget>,
}

impl Drop for Starts {
    fn drop(&mut self) {
        self.budget.give(self.sides.iter().map(Start::kept).sum());
    }
}

impl TcpApplication {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            application: None,
            starts: Some(Box::new(Starts {
                sides: Default::default(),
                budget: Arc::clone(budget),
            })),
            told: Told::new(budget),
            dns: None,
            http: None,
        }
    }

    /// Whether messages are looked for in every segment, also behind those that told what the application is.
    pub(crate) fn follows_messages(&self) -> bool {
        self.http.is_some()
    }

    /// Look for messages in a segment of `side` that has not been looked at before.
    fn message(&mut self, side: usize, payload: &Payload<'_>) {
        let starting = self
            .starts
            .as_ref()
            .and_then(|starts| starts.sides.get(side))
            .is_some_and(|start| !start.done);
        if let (false, Some(http)) = (starting, &mut self.http) {
            http.segment(payload.bytes);
        }
    }

    /// Look at a segment of `side`, whose bytes begin at `first` if that is known.
    pub(crate) fn payload(
        &mut self,
        side: usize,
        payload: &Payload<'_>,
        first: Option<u32>,
        tries: &mut Tries,
    ) -> Wanted {
        self.message(side, payload);
        let Some(starts) = &mut self.starts else {
            return Wanted::Nothing;
        };
        let Starts { sides, budget } = &mut **starts;
        let Some(start) = sides.get_mut(side) else {
            return Wanted::Nothing;
        };
        if tries.exhausted(side) {
            return Wanted::More;
        }
        start.first = start.first.or(first);
        let bytes = match start.offer(payload, budget) {
            Offer::Nothing => return Wanted::More,
            Offer::ThisOne => payload
                .bytes
                .get(..MOST_OF_A_START)
                .unwrap_or(payload.bytes),
            Offer::Kept => &start.bytes,
        };
        let last = payload.cut || bytes.len() >= MOST_OF_A_START;
        let verdict = judge(self.application, bytes, payload.ports, last);
        if let Verdict::Told(application, _) = &verdict {
            if application.layer() == Layer::HTTP {
                self.http
                    .get_or_insert_with(|| Box::new(HttpState::new(budget)))
                    .segment(bytes);
            }
        }
        if let Verdict::Messages(application) = verdict {
            self.application = Some(application);
            let state = self.dns.get_or_insert_default();
            let read = read_messages(state, bytes, payload.ts_ns);
            if !start.consume(read, payload, budget) {
                tries.count(side);
            }
            return Wanted::More;
        }
        match verdict {
            Verdict::More if last => start.end(budget),
            Verdict::More => start.keep(payload, budget),
            Verdict::Again => {
                tries.count(side);
                start.again(budget);
            }
            Verdict::Told(application, facts) => {
                start.end(budget);
                if self.application.replace(application).is_none() {
                    // Now that somebody knows what to look for.
                    *tries = Tries::default();
                }
                self.told.learn(&facts);
            }
            Verdict::Messages(_) => {}
        }
        self.wanted(*tries)
    }

    /// Forget the bytes when both directions had their say.
    fn wanted(&mut self, tries: Tries) -> Wanted {
        let Some(starts) = self.starts.as_deref() else {
            return Wanted::Nothing;
        };
        let done = |side: usize| {
            tries.exhausted(side) || starts.sides.get(side).is_none_or(|start| start.done)
        };
        if done(0) && done(1) {
            self.starts = None;
            return Wanted::Nothing;
        }
        let kept = starts.sides.iter().any(|start| start.kept() > 0);
        if self.application.is_none() && !kept {
            return Wanted::Later;
        }
        Wanted::More
    }

    pub(crate) fn layer(&self) -> Option<Layer> {
        self.application.map(Application::layer)
    }

    /// The name that the client asked for, or nothing.
    pub(crate) fn server_name(&self) -> &str {
        self.told.server_name()
    }

    /// Append the block of the application to an object.
    pub(crate) fn write(&self, json: &mut Json<'_>) {
        if let (Some(layer), false) = (self.layer(), self.told.members().is_empty()) {
            json.object(block_name(layer));
            json.members(self.told.members());
            if let Some(http) = &self.http {
                http.write(json);
            }
            json.close();
        }
    }
}

/// What is wanted of a connection after a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    More,
    /// More, but what is known and kept so far is nothing.
    Later,
    Nothing,
}

/// Tell whether a segment that may begin something begins nothing that is known.
pub(crate) fn begins_nothing(
    payload: &Payload<'_>,
    first: Option<u32>,
    tries: &mut Tries,
    side: usize,
) -> bool {
    let in_place = first.is_none_or(|first| first == payload.sequence);
    let unknown = in_place
        && (!payload.may_begin
            || matches!(identify(payload.bytes, payload.ports), Identity::Unknown));
    if unknown {
        tries.count(side);
    }
    unknown
}

/// Append facts as members of an object.
pub(crate) fn write_facts(facts: &Facts, json: &mut Json<'_>) {
    for (name, fact) in facts.iter() {
        write_fact(name, fact, json);
    }
}

pub(crate) fn write_fact(name: &str, fact: &Fact, json: &mut Json<'_>) {
    match fact {
        Fact::Text(text) => json.text(name, text),
        Fact::Number(number) => json.number(name, *number),
        Fact::Flag(flag) => json.flag(name, *flag),
        Fact::List(values) => {
            json.list(name);
            for value in values {
                json.item(value);
            }
            json.end_list()
        }
    };
}

/// Return the name of a server that facts tell: of TLS and QUIC, or HTTP.
pub(crate) fn server_name(facts: &Facts) -> Option<&str> {
    let found = facts.get("server_name").or_else(|| facts.get("host"));
    match found {
        Some(Fact::Text(name)) => Some(name),
        _ => None,
    }
}

enum Verdict {
    More,
    /// It is nothing that is known; the next segment may begin something.
    Again,
    Told(Application, Facts),
    /// It consists of messages that are read one by one.
    Messages(Application),
}

/// Say what the beginning of a direction is; `known` is the connection's application.
fn judge(known: Option<Application>, bytes: &[u8], ports: (u16, u16), last: bool) -> Verdict {
    if let Some(known) = known.filter(|known| known.layer() == Layer::DNS) {
        return Verdict::Messages(known);
    }
    match identify(bytes, ports) {
        Identity::Unknown => Verdict::Again,
        Identity::TooShort => Verdict::More,
        Identity::Known(found) if found.layer() == Layer::DNS => Verdict::Messages(found),
        Identity::Known(found) => found
            .told(bytes, last)
            .map_or(Verdict::More, |facts| Verdict::Told(found, facts)),
    }
}

/// Read the DNS messages at the beginning of `bytes` (RFC 1035 §4.2.2); return how many bytes they took.
fn read_messages(state: &mut DnsState, bytes: &[u8], ts_ns: i64) -> usize {
    let mut at = 0;
    while let Some((&length, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<2>) {
        let length = usize::from(u16::from_be_bytes(length));
        let Some(message) = rest.get(..length).filter(|message| dns::plausible(message)) else {
            break;
        };
        state.message(message, ts_ns);
        at += 2 + length;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassembly::{MOST_OF_A_METER, MOST_PIECES};

    fn payload(sequence: u32, bytes: &[u8]) -> Payload<'_> {
        Payload {
            sequence,
            bytes,
            cut: false,
            ts_ns: 1,
            ports: (40000, 80),
            may_begin: true,
        }
    }

    #[test]
    fn bytes_come_in_order_whatever_the_order_of_segments() {
        let whole = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
        let budget = Arc::new(Budget::new(1000));
        for cut in 1..whole.len() {
            for late in [false, true] {
                let mut application = TcpApplication::new(&budget);
                let mut pieces = [(100, &whole[..cut]), (100 + cut as u32, &whole[cut..])];
                if late {
                    pieces.reverse();
                }
                for (sequence, bytes) in pieces {
                    let mut tries = Tries::default();
                    application.payload(0, &payload(sequence, bytes), Some(100), &mut tries);
                }
                assert_eq!(application.server_name(), "example.org", "{cut} {late}");
            }
        }
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_all_connections_keep_is_bounded_and_what_finds_no_room_is_counted() {
        let budget = Arc::new(Budget::new(1000));
        let endless = [b"GET /".to_vec(), vec![b'x'; 5000]].concat();
        let mut waiting: Vec<_> = (0..2000)
            .map(|_| {
                let mut application = TcpApplication::new(&budget);
                application.payload(0, &payload(1, &endless), None, &mut Tries::default());
                application
            })
            .collect();
        assert!(budget.used() <= MOST_OF_A_METER);
        assert!(budget.refused() > 0);
        waiting.clear();
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn pieces_beyond_a_gap_are_bounded() {
        let budget = Arc::new(Budget::new(1000));
        let mut application = TcpApplication::new(&budget);
        for place in 0..1000u32 {
            let data = payload(200 + 2 * place, b"x");
            application.payload(0, &data, Some(100), &mut Tries::default());
        }
        assert_eq!(budget.used(), MOST_PIECES);
    }

    #[test]
    fn a_stream_that_nobody_knows_is_given_up() {
        let budget = Arc::new(Budget::new(1000));
        let mut application = TcpApplication::new(&budget);
        let mut tries = Tries::default();
        let mut wanted = 0;
        for number in 0..100u32 {
            for side in [0, 1] {
                let found = application.payload(side, &payload(number, b"?"), None, &mut tries);
                assert_ne!(found, Wanted::More);
                wanted += u32::from(found == Wanted::Later);
            }
        }
        assert!(wanted < 2 * u32::from(MOST_TRIES));
        assert!(application.layer().is_none());
    }
}
