// SPDX-License-Identifier: Apache-2.0
//! The first bytes of both directions of a TCP connection, put in order, and the application that they tell.
//!
//! Bounded: 8 KiB a direction, 8 pieces beyond a gap, 8 MiB for all connections of a meter. Most messages come whole in
//! one segment and are read where they are. What is not recognized is looked for again at the next segment, some times:
//! a connection may be joined late, or begin with something else (STARTTLS, a proxy).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use netsonde_packet::{block_name, dns, identify, Application, Fact, Facts, Identity, Layer};

use crate::dns::DnsState;
use crate::json::Json;

const MOST_OF_A_START: usize = 8 << 10;
const MOST_PIECES: usize = 8;
const MOST_OF_A_METER: usize = 8 << 20;
/// Segments of a direction in which the beginning of something is looked for.
const TRIES: u8 = 16;

/// Bytes that all connections of a meter keep. Counters only: no other memory depends on them.
#[derive(Default)]
pub(crate) struct Budget {
    used: AtomicUsize,
    refused: AtomicU64,
}

impl Budget {
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let taken = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes <= MOST_OF_A_METER;
        if !taken {
            self.give(bytes);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Directions whose beginning found no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Payload of one segment.
pub(crate) struct Payload<'a> {
    pub(crate) sequence: u32,
    pub(crate) bytes: &'a [u8],
    /// The snaplen cut it: its direction has a gap behind it that nothing fills.
    pub(crate) cut: bool,
    pub(crate) ts_ns: i64,
    /// Of who sent it, and the other.
    pub(crate) ports: (u16, u16),
}

/// What is known of a connection's application, and the bytes that are kept until it is.
pub(crate) struct TcpApplication {
    application: Option<Application>,
    starts: Option<Box<Starts>>,
    /// Members of the block in the record, as JSON.
    members: String,
    server_name: Box<str>,
    pub(crate) dns: Option<Box<DnsState>>,
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
            members: String::new(),
            server_name: Box::default(),
            dns: None,
        }
    }

    /// Look at a segment of `side`, whose bytes begin at `first` if that is known. Return whether more are wanted.
    pub(crate) fn payload(
        &mut self,
        side: usize,
        payload: &Payload<'_>,
        first: Option<u32>,
    ) -> bool {
        let Some(starts) = &mut self.starts else {
            return false;
        };
        let Starts { sides, budget } = &mut **starts;
        let Some(start) = sides.get_mut(side) else {
            return false;
        };
        start.first = start.first.or(first);
        let bytes = match start.offer(payload, budget) {
            Offer::Nothing => return true,
            Offer::ThisOne => payload
                .bytes
                .get(..MOST_OF_A_START)
                .unwrap_or(payload.bytes),
            Offer::Kept => &start.bytes,
        };
        let last = payload.cut || bytes.len() >= MOST_OF_A_START;
        let verdict = judge(self.application, bytes, payload.ports, last);
        if let Verdict::Messages(application) = verdict {
            self.application = Some(application);
            let state = self.dns.get_or_insert_default();
            let read = read_messages(state, bytes, payload.ts_ns);
            start.consume(read, payload, budget);
            return true;
        }
        match verdict {
            Verdict::More if last => start.end(budget),
            Verdict::More => start.keep(payload, budget),
            Verdict::Again => start.again(budget),
            Verdict::Told(application, facts) => {
                start.end(budget);
                if self.application.replace(application).is_none() {
                    // Now that somebody knows what to look for.
                    sides.iter_mut().for_each(|side| side.tries = 0);
                }
                self.learn(&facts);
            }
            Verdict::Messages(_) => {}
        }
        self.goes_on()
    }

    /// Forget the bytes when both directions had their say; return whether more are wanted.
    fn goes_on(&mut self) -> bool {
        let wanted = |starts: &Starts| starts.sides.iter().any(|side| !side.done);
        let goes_on = self.starts.as_deref().is_some_and(wanted);
        if !goes_on {
            self.starts = None;
        }
        goes_on
    }

    fn learn(&mut self, facts: &Facts) {
        for (name, fact) in facts.iter() {
            // What one side said is not said again by the other.
            if !self.members.contains(&format!("\"{name}\":")) {
                write_fact(name, fact, &mut Json::new(&mut self.members));
            }
        }
        if let Some(name) = server_name(facts) {
            self.server_name = name.into();
        }
    }

    pub(crate) fn layer(&self) -> Option<Layer> {
        self.application.map(Application::layer)
    }

    /// The name that the client asked for, or nothing.
    pub(crate) fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Append the block of the application to an object.
    pub(crate) fn write(&self, json: &mut Json<'_>) {
        if let (Some(layer), false) = (self.layer(), self.members.is_empty()) {
            json.object(block_name(layer));
            json.members(&self.members).close();
        }
    }
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

/// The beginning of one direction.
#[derive(Default)]
struct Start {
    /// Sequence number of the first byte.
    first: Option<u32>,
    bytes: Vec<u8>,
    /// Pieces beyond a gap, by their place.
    later: Vec<(usize, Vec<u8>)>,
    tries: u8,
    done: bool,
}

enum Offer {
    /// Nothing new at the beginning.
    Nothing,
    /// The segment itself is the beginning; no byte was copied.
    ThisOne,
    Kept,
}

impl Start {
    fn kept(&self) -> usize {
        self.bytes.len()
            + self
                .later
                .iter()
                .map(|(_, piece)| piece.len())
                .sum::<usize>()
    }

    fn offer(&mut self, payload: &Payload<'_>, budget: &Budget) -> Offer {
        if self.done {
            return Offer::Nothing;
        }
        let first = *self.first.get_or_insert(payload.sequence);
        let place = payload.sequence.wrapping_sub(first) as i32;
        let Ok(place) = usize::try_from(place) else {
            return Offer::Nothing;
        };
        if place == 0 && self.kept() == 0 {
            return Offer::ThisOne;
        }
        if place > self.bytes.len() {
            self.set_aside(place, payload.bytes, budget);
            return Offer::Nothing;
        }
        let before = self.bytes.len();
        self.append(place, payload.bytes, budget);
        while let Some(next) = self
            .later
            .iter()
            .position(|(at, _)| *at <= self.bytes.len())
        {
            let (at, piece) = self.later.swap_remove(next);
            budget.give(piece.len());
            self.append(at, &piece, budget);
        }
        if self.bytes.len() > before {
            Offer::Kept
        } else {
            Offer::Nothing
        }
    }

    /// Append what is new of bytes at a place that is not beyond the end.
    fn append(&mut self, place: usize, bytes: &[u8], budget: &Budget) {
        let new = bytes.get(self.bytes.len() - place..).unwrap_or_default();
        let room = MOST_OF_A_START - self.bytes.len().min(MOST_OF_A_START);
        let new = new.get(..room).unwrap_or(new);
        if budget.take(new.len()) {
            self.bytes.extend(new);
        } else {
            self.end(budget);
        }
    }

    fn set_aside(&mut self, place: usize, bytes: &[u8], budget: &Budget) {
        let fits = place + bytes.len() <= MOST_OF_A_START && self.later.len() < MOST_PIECES;
        if fits && budget.take(bytes.len()) {
            self.later.push((place, bytes.to_vec()));
        }
    }

    /// Keep the segment, if it is not kept yet: its continuation is wanted.
    fn keep(&mut self, payload: &Payload<'_>, budget: &Budget) {
        if self.bytes.is_empty() {
            self.append(0, payload.bytes, budget);
        }
    }

    /// Forget what was read; a rest waits for more.
    fn consume(&mut self, read: usize, payload: &Payload<'_>, budget: &Budget) {
        self.first = self.first.map(|first| first.wrapping_add(read as u32));
        let mut whole = true;
        if self.kept() == 0 {
            let rest = payload.bytes.get(read..).unwrap_or_default();
            whole = rest.len() < MOST_OF_A_START;
            self.append(0, rest, budget);
        } else {
            self.bytes.drain(..read);
            budget.give(read);
            for (place, _) in &mut self.later {
                *place -= read;
            }
        }
        // Behind a gap, or a message longer than what is kept, another may begin with a segment.
        if payload.cut || !whole || self.bytes.len() >= MOST_OF_A_START {
            self.again(budget);
        }
    }

    fn again(&mut self, budget: &Budget) {
        let tries = self.tries + 1;
        self.end(budget);
        (self.tries, self.done) = (tries, tries >= TRIES);
    }

    fn end(&mut self, budget: &Budget) {
        budget.give(self.kept());
        *self = Self {
            tries: self.tries,
            done: true,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(sequence: u32, bytes: &[u8]) -> Payload<'_> {
        Payload {
            sequence,
            bytes,
            cut: false,
            ts_ns: 1,
            ports: (40000, 80),
        }
    }

    #[test]
    fn bytes_come_in_order_whatever_the_order_of_segments() {
        let whole = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
        let budget = Arc::new(Budget::default());
        for cut in 1..whole.len() {
            for late in [false, true] {
                let mut application = TcpApplication::new(&budget);
                let mut pieces = [(100, &whole[..cut]), (100 + cut as u32, &whole[cut..])];
                if late {
                    pieces.reverse();
                }
                for (sequence, bytes) in pieces {
                    application.payload(0, &payload(sequence, bytes), Some(100));
                }
                assert_eq!(application.server_name(), "example.org", "{cut} {late}");
            }
        }
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_all_connections_keep_is_bounded_and_what_finds_no_room_is_counted() {
        let budget = Arc::new(Budget::default());
        let endless = [b"GET /".to_vec(), vec![b'x'; 5000]].concat();
        let mut waiting: Vec<_> = (0..2000)
            .map(|_| {
                let mut application = TcpApplication::new(&budget);
                application.payload(0, &payload(1, &endless), None);
                application
            })
            .collect();
        assert!(budget.used.load(Ordering::Relaxed) <= MOST_OF_A_METER);
        assert!(budget.refused() > 0);
        waiting.clear();
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn pieces_beyond_a_gap_are_bounded() {
        let budget = Arc::new(Budget::default());
        let mut application = TcpApplication::new(&budget);
        for place in 0..1000u32 {
            application.payload(0, &payload(200 + 2 * place, b"x"), Some(100));
        }
        assert_eq!(budget.used.load(Ordering::Relaxed), MOST_PIECES);
    }

    #[test]
    fn a_stream_that_nobody_knows_is_given_up() {
        let budget = Arc::new(Budget::default());
        let mut application = TcpApplication::new(&budget);
        let mut wanted = 0;
        for number in 0..100u32 {
            for side in [0, 1] {
                wanted += u32::from(application.payload(side, &payload(number, b"?"), None));
            }
        }
        assert!(wanted < 2 * u32::from(TRIES));
        assert!(application.layer().is_none());
    }
}
