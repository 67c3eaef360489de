// SPDX-License-Identifier: Apache-2.0
//! All requests and responses of an HTTP/1 connection: counted, and the last ones told.
//!
//! Bodies are not followed. A message is seen where its first line begins a segment, or stands behind another message in
//! one; whoever sends it elsewhere is not told of.

use std::collections::VecDeque;
use std::sync::Arc;

use netsonde_packet::http::{heads, Head};
use netsonde_packet::printable;

use crate::json::Json;
use crate::reassembly::Budget;

/// Requests that are told of in words; of more, the last.
const MOST: usize = 8;
/// Bytes of a target that are told.
const TARGET: usize = 100;
/// RFC 9110 §15.2: what is said meanwhile is not the answer, but for the switch to another protocol.
const INTERIM: std::ops::Range<u16> = 100..200;
const SWITCHED: u16 = 101;
const FAILED: u16 = 400;

struct Exchange {
    /// Method and target.
    request: String,
    /// 0 = not answered yet.
    status: u16,
}

impl Exchange {
    /// What the budget counts.
    fn weight(&self) -> usize {
        self.request.len() + size_of::<Self>()
    }
}

pub(crate) struct HttpState {
    requests: u64,
    responses: u64,
    failed: u64,
    last: VecDeque<Exchange>,
    /// Number of the first of `last`.
    first: u64,
    budget: Arc<Budget>,
}

impl Drop for HttpState {
    fn drop(&mut self) {
        self.budget.give_text(self.kept());
    }
}

impl HttpState {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            requests: 0,
            responses: 0,
            failed: 0,
            last: VecDeque::new(),
            first: 0,
            budget: Arc::clone(budget),
        }
    }

    /// Note the messages that begin in a segment.
    pub(crate) fn segment(&mut self, bytes: &[u8]) {
        for head in heads(bytes) {
            match head {
                Head::Request { method, target } => self.request(method, target),
                Head::Response { status } => self.response(status),
            }
        }
    }

    fn request(&mut self, method: &[u8], target: &[u8]) {
        self.requests += 1;
        if self.last.len() == MOST {
            self.forget_first();
        }
        let target = printable(target.get(..TARGET).unwrap_or(target));
        let exchange = Exchange {
            request: format!("{} {target}", printable(method)),
            status: 0,
        };
        if self.budget.take_text(exchange.weight()) {
            self.last.push_back(exchange);
        } else {
            // Places are numbers of requests: without one of them the others are of no use.
            while !self.last.is_empty() {
                self.forget_first();
            }
            self.first = self.requests;
        }
    }

    fn forget_first(&mut self) {
        if let Some(exchange) = self.last.pop_front() {
            self.first += 1;
            self.budget.give_text(exchange.weight());
        }
    }

    /// Responses come in the order of requests (RFC 9112 §9.3.2).
    fn response(&mut self, status: u16) {
        if INTERIM.contains(&status) && status != SWITCHED {
            return;
        }
        let place = self.responses.checked_sub(self.first);
        let answered = place.and_then(|place| self.last.get_mut(usize::try_from(place).ok()?));
        if let Some(exchange) = answered {
            exchange.status = status;
        }
        self.responses += 1;
        self.failed += u64::from(status >= FAILED);
    }

    fn kept(&self) -> usize {
        self.last.iter().map(Exchange::weight).sum()
    }

    /// Append members of the block; the last requests only if there were several, as the block tells of the first.
    pub(crate) fn write(&self, json: &mut Json<'_>) {
        json.number("requests", self.requests)
            .number("responses", self.responses)
            .number_if("failed", self.failed);
        if self.requests > 1 && !self.last.is_empty() {
            json.list("last");
            for Exchange { request, status } in &self.last {
                match status {
                    0 => json.item(request),
                    _ => json.item(&format!("{request} {status}")),
                };
            }
            json.end_list();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(state: &HttpState) -> String {
        let mut text = String::new();
        state.write(Json::new(&mut text).open());
        text
    }

    #[test]
    fn answers_stand_behind_the_requests_that_they_answer() {
        let budget = Arc::new(Budget::new(10));
        let mut state = HttpState::new(&budget);
        state.segment(b"GET /a HTTP/1.1\r\n\r\nPOST /b?secret HTTP/1.1\r\n\r\n");
        state.segment(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n");
        state.segment(b"GET /c HTTP/1.1\r\n\r\n");
        state.segment(b"HTTP/1.1 500 x\r\n\r\n");
        assert_eq!(
            block(&state),
            r#"{"requests":3,"responses":2,"failed":1,"last":["GET /a 204","POST /b 500","GET /c"]"#
        );
        drop(state);
        assert_eq!(budget.text_used(), 0);
    }

    #[test]
    fn many_requests_keep_the_last_ones_within_the_budget() {
        let budget = Arc::new(Budget::new(10));
        let mut state = HttpState::new(&budget);
        for number in 0..1000 {
            state.segment(format!("GET /{number} HTTP/1.1\r\n\r\n").as_bytes());
            state.segment(b"HTTP/1.1 200 OK\r\n\r\n");
        }
        let block = block(&state);
        assert!(block.contains(r#""requests":1000,"responses":1000,"last":["GET /992 200""#));
        assert_eq!(budget.text_used(), state.kept());
        assert_eq!(budget.refused(), 0);
    }

    #[test]
    fn requests_that_find_no_room_are_counted_all_the_same() {
        let budget = Arc::new(Budget::new(0));
        while budget.take_text(1) {}
        let mut state = HttpState::new(&budget);
        state.segment(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
        state.segment(b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(block(&state), r#"{"requests":2,"responses":1"#);
        assert_eq!(budget.refused(), 3);
    }
}
