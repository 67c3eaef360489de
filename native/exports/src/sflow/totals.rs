// SPDX-License-Identifier: Apache-2.0
//! Counters of all data sources of one listener: the latest of each, their sum, and how much they grew.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::counters::{Counters, Kind, Record, MOST_FIELDS};

/// Data sources remembered; the one that was silent longest makes room for a new one.
const MOST: usize = 1024;

/// Counters by the reference's names.
pub type Values = BTreeMap<&'static str, u64>;

/// What one interface of an exporter has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceTotals {
    pub agent: IpAddr,
    pub ifindex: u32,
    pub values: Values,
}

#[derive(Debug, Default)]
pub struct Totals {
    sources: HashMap<(IpAddr, Record, u32), Source>,
    grown: Values,
    /// Counter records taken.
    pub records: u64,
    /// Data sources that were given up for want of room.
    pub given_up: u64,
}

#[derive(Debug)]
struct Source {
    ifindex: u32,
    /// Of `Totals::records` when it was heard last.
    heard: u64,
    told: [Option<u64>; MOST_FIELDS],
    totals: [u64; MOST_FIELDS],
}

impl Totals {
    /// Take a record. What a data source had counted before it was first heard of counts for its total alone.
    pub fn note(&mut self, counters: &Counters) {
        self.records += 1;
        let key = (counters.agent, counters.record, counters.source);
        if self.sources.len() >= MOST && !self.sources.contains_key(&key) {
            self.give_one_up();
        }
        let source = self.sources.entry(key).or_insert_with(|| Source {
            ifindex: counters.ifindex,
            heard: 0,
            told: [None; MOST_FIELDS],
            totals: [0; MOST_FIELDS],
        });
        source.heard = self.records;
        source.ifindex = counters.ifindex;
        let each = counters.fields().iter().zip(counters.values());
        for ((field, value), (told, total)) in
            each.zip(source.told.iter_mut().zip(&mut source.totals))
        {
            let Some(value) = *value else { continue };
            match (field.kind, *told) {
                (Kind::Level32 | Kind::Level64, _) | (_, None) => *total = value,
                (kind, Some(before)) => {
                    let more = growth(kind, before, value);
                    *total = total.wrapping_add(more);
                    let grown = self.grown.entry(field.name).or_default();
                    *grown = grown.wrapping_add(more);
                }
            }
            *told = Some(value);
        }
    }

    fn give_one_up(&mut self) {
        let silent = self.sources.iter().min_by_key(|(_, source)| source.heard);
        if let Some(key) = silent.map(|(key, _)| *key) {
            self.sources.remove(&key);
            self.given_up += 1;
        }
    }

    /// Of each interface, by agent and ifIndex.
    pub fn interfaces(&self) -> Vec<InterfaceTotals> {
        let of_interfaces = self.of(|record| record == Record::Interface);
        let mut found: Vec<_> = of_interfaces
            .map(|((agent, record, _), source)| InterfaceTotals {
                agent: *agent,
                ifindex: source.ifindex,
                values: named(*record, source).collect(),
            })
            .collect();
        found.sort_by_key(|one| (one.agent, one.ifindex));
        found
    }

    /// All data sources added up.
    pub fn sum(&self) -> Values {
        let mut sum = Values::new();
        for (name, value) in self
            .of(|_| true)
            .flat_map(|((_, record, _), source)| named(*record, source))
        {
            let total = sum.entry(name).or_default();
            *total = total.wrapping_add(value);
        }
        sum
    }

    /// How much all of them grew since the listener began.
    pub fn grown(&self) -> &Values {
        &self.grown
    }

    /// What goes up and down, as it is.
    pub fn levels(&self) -> Values {
        let mut levels = self.sum();
        levels.retain(|name, _| is_level(name));
        levels
    }

    fn of(
        &self,
        wanted: impl Fn(Record) -> bool,
    ) -> impl Iterator<Item = (&(IpAddr, Record, u32), &Source)> {
        self.sources.iter().filter(move |(key, _)| wanted(key.1))
    }
}

/// How much a counter grew. One of 32 bits that went back may have passed its end; one that would have grown by more than
/// half of its range, or of 64 bits, belongs to an exporter that began anew.
fn growth(kind: Kind, before: u64, now: u64) -> u64 {
    match kind {
        Kind::Total32 => {
            let more = (now as u32).wrapping_sub(before as u32);
            if more <= u32::MAX / 2 {
                more.into()
            } else {
                now
            }
        }
        _ => now.checked_sub(before).unwrap_or(now),
    }
}

fn named(record: Record, source: &Source) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    let each = record.fields().iter().zip(&source.totals);
    each.zip(&source.told)
        .filter(|(_, told)| told.is_some())
        .map(|((field, total), _)| (field.name, *total))
}

fn is_level(name: &str) -> bool {
    [Record::Application, Record::Datapath]
        .iter()
        .flat_map(|record| record.fields())
        .any(|field| field.name == name && matches!(field.kind, Kind::Level32 | Kind::Level64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_passes_its_end_has_grown_by_what_is_left_and_what_is_new() {
        assert_eq!(growth(Kind::Total32, u64::from(u32::MAX) - 1, 3), 5);
    }

    #[test]
    fn a_counter_that_began_anew_has_grown_by_what_it_shows() {
        assert_eq!(growth(Kind::Total32, 3_000_000, 7), 7);
        assert_eq!(growth(Kind::Total64, 3_000_000, 7), 7);
    }
}
