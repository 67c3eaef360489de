// SPDX-License-Identifier: Apache-2.0
//! What an application told, kept as text until its flow ends: bounded for all flows of a meter, because peers choose it.

use std::sync::Arc;

use netsonde_packet::{Fact, Facts};

use crate::json::Json;
use crate::reassembly::Budget;
use crate::stream::{server_name, write_fact};

pub(crate) struct Told {
    /// Members of the block in the record, as JSON.
    members: String,
    server_name: Box<str>,
    budget: Arc<Budget>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.budget.give_text(self.kept());
    }
}

impl Told {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            members: String::new(),
            server_name: Box::default(),
            budget: Arc::clone(budget),
        }
    }

    /// Keep facts, all or none. What one side said is not said again by the other.
    pub(crate) fn learn(&mut self, facts: &Facts) {
        let before = self.members.len();
        for (name, fact) in facts.iter() {
            self.add(name, fact);
        }
        let name = server_name(facts).unwrap_or_default();
        let name = if self.server_name.is_empty() {
            name
        } else {
            ""
        };
        let more = self.members.len() - before + name.len();
        if !self.budget.take_text(more) {
            self.members.truncate(before);
        } else if !name.is_empty() {
            self.server_name = name.into();
        }
        self.members.shrink_to_fit();
    }

    fn add(&mut self, name: &'static str, fact: &Fact) {
        if !self.members.contains(&format!("\"{name}\":")) {
            write_fact(name, fact, &mut Json::new(&mut self.members));
        }
    }

    fn kept(&self) -> usize {
        self.members.len() + self.server_name.len()
    }

    /// The name that the client asked for, or nothing.
    pub(crate) fn server_name(&self) -> &str {
        &self.server_name
    }

    pub(crate) fn members(&self) -> &str {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassembly::MOST_TEXT_OF_A_FLOW;

    #[test]
    fn what_all_flows_keep_is_bounded_and_what_finds_no_room_is_counted() {
        let flows = 3000;
        let budget = Arc::new(Budget::new(flows));
        let mut facts = Facts::default();
        facts.text("host", "h".repeat(200));
        facts.list("alpn", vec!["x".repeat(200); 8]);
        let mut kept: Vec<_> = (0..flows)
            .map(|_| {
                let mut told = Told::new(&budget);
                told.learn(&facts);
                told
            })
            .collect();
        let bytes: usize = kept.iter().map(Told::kept).sum();
        assert!(bytes > 0 && bytes <= flows * MOST_TEXT_OF_A_FLOW, "{bytes}");
        let without = kept.iter().filter(|told| told.kept() == 0).count();
        assert_eq!(budget.refused(), without as u64);
        assert!(without > 0);
        kept.clear();
        let mut told = Told::new(&budget);
        told.learn(&facts);
        assert_eq!(told.server_name(), "h".repeat(200));
    }
}
