// SPDX-License-Identifier: Apache-2.0
//! Rows of a flow batch that pass tests of its columns, the most recently active first.
//!
//! `model/flows.py` (`FlowTest`) describes the tests, `query/pushdown.py` makes them.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use arrow_array::{RecordBatch, UInt64Array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::take::take_record_batch;

use crate::view::{Numbers, Texts};

/// A test of what is in a column. Numbers are wide enough for signed and unsigned columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    In(Values),
    NotIn(Values),
    /// Both ends included; None = open.
    Range(Option<i128>, Option<i128>),
    Network(Network),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    pub numbers: HashSet<i128>,
    pub texts: HashSet<String>,
}

/// Addresses that begin with the same bits. IPv4 and IPv6 do not mix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    is_v4: bool,
    first: u128,
    mask: u128,
}

impl Network {
    /// Read `10.0.0.0/8` or `fd00::/8`; None when the text is no such thing.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length: u32 = length.parse().ok()?;
        let (is_v4, bits) = bits(address)?;
        let width = if is_v4 { 32 } else { 128 };
        let host_bits = width - length.min(width);
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        (length <= width).then_some(Self {
            is_v4,
            first: bits & mask,
            mask,
        })
    }

    fn contains(&self, address: &str) -> bool {
        bits(address)
            .is_some_and(|(is_v4, bits)| is_v4 == self.is_v4 && bits & self.mask == self.first)
    }
}

fn bits(address: &str) -> Option<(bool, u128)> {
    Some(match address.parse().ok()? {
        IpAddr::V4(v4) => (true, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (false, u128::from(Ipv6Addr::from(v6.octets()))),
    })
}

/// One column and its test.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub column: String,
    pub test: Test,
}

/// What to return of a batch: rows for which of each clause one condition holds, at most `limit`.
#[derive(Clone, Debug)]
pub struct Selection {
    pub clauses: Vec<Vec<Condition>>,
    pub limit: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            clauses: Vec::new(),
            limit: usize::MAX,
        }
    }
}

enum Column<'a> {
    Number(Numbers<'a>),
    Text(Texts<'a>),
}

struct Prepared<'a> {
    column: Column<'a>,
    test: &'a Test,
}

impl<'a> Prepared<'a> {
    fn new(batch: &'a RecordBatch, condition: &'a Condition) -> Result<Self, ArrowError> {
        let name = condition.column.as_str();
        // A column that nobody knows must not read as zero: rows would be missing without a word.
        let text = matches!(
            batch.schema().field_with_name(name)?.data_type(),
            DataType::Utf8
        );
        let column = if text {
            Column::Text(Texts::of(batch, name))
        } else {
            Column::Number(Numbers::of(batch, name))
        };
        Ok(Self {
            column,
            test: &condition.test,
        })
    }

    fn holds(&self, row: usize) -> bool {
        match &self.column {
            Column::Text(texts) => {
                let text = texts.get(row);
                match self.test {
                    Test::In(values) => values.texts.contains(text),
                    Test::NotIn(values) => !values.texts.contains(text),
                    Test::Range(..) => false,
                    Test::Network(network) => network.contains(text),
                }
            }
            Column::Number(numbers) => {
                let number = if numbers.signed() {
                    i128::from(numbers.i64(row))
                } else {
                    i128::from(numbers.u64(row))
                };
                match self.test {
                    Test::In(values) => values.numbers.contains(&number),
                    Test::NotIn(values) => !values.numbers.contains(&number),
                    Test::Range(low, high) => {
                        low.is_none_or(|low| low <= number)
                            && high.is_none_or(|high| number <= high)
                    }
                    Test::Network(_) => false,
                }
            }
        }
    }
}

/// Return the chosen rows by `last_ns`, the latest first, then by `uuid`. An error names a column that is not there.
pub fn select(batch: &RecordBatch, selection: &Selection) -> Result<RecordBatch, ArrowError> {
    let mut clauses = Vec::with_capacity(selection.clauses.len());
    for clause in &selection.clauses {
        let prepared: Result<Vec<_>, _> = clause
            .iter()
            .map(|condition| Prepared::new(batch, condition))
            .collect();
        clauses.push(prepared?);
    }
    let mut rows: Vec<usize> = (0..batch.num_rows())
        .filter(|&row| {
            clauses
                .iter()
                .all(|clause| clause.iter().any(|condition| condition.holds(row)))
        })
        .collect();
    let (last, uuid) = (Numbers::of(batch, "last_ns"), Numbers::of(batch, "uuid"));
    rows.sort_unstable_by_key(|&row| (Reverse(last.i64(row)), uuid.u64(row)));
    rows.truncate(selection.limit);
    let rows = UInt64Array::from_iter_values(rows.into_iter().map(|row| row as u64));
    take_record_batch(batch, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlowBatch, FlowRow};

    fn batch() -> RecordBatch {
        let mut batch = FlowBatch::new();
        for (uuid, last_ns, address, port) in [
            (1, 10, "10.0.0.1", 80),
            (2, 30, "fd00::1", 443),
            (3, 20, "10.1.0.1", 53),
            (4, 30, "", 0),
        ] {
            batch.push(FlowRow {
                uuid,
                last_ns,
                network_a: address,
                transport_b: port,
                ab_bytes: u64::MAX - uuid,
                ..FlowRow::default()
            });
        }
        batch.into_record_batch()
    }

    fn chosen(clauses: &[&[(&str, Test)]], limit: usize) -> Vec<u64> {
        let clauses = clauses
            .iter()
            .map(|clause| {
                clause
                    .iter()
                    .map(|(column, test)| Condition {
                        column: (*column).to_owned(),
                        test: test.clone(),
                    })
                    .collect()
            })
            .collect();
        let selection = Selection { clauses, limit };
        let found = select(&batch(), &selection).expect("known columns");
        let uuids = Numbers::of(&found, "uuid");
        (0..found.num_rows()).map(|row| uuids.u64(row)).collect()
    }

    fn numbers(values: &[i128]) -> Values {
        Values {
            numbers: values.iter().copied().collect(),
            ..Values::default()
        }
    }

    fn texts(values: &[&str]) -> Values {
        Values {
            texts: values.iter().map(|&value| value.to_owned()).collect(),
            ..Values::default()
        }
    }

    fn network(text: &str) -> Test {
        Test::Network(Network::parse(text).expect("a network"))
    }

    #[test]
    fn all_rows_come_the_latest_first() {
        assert_eq!(chosen(&[], usize::MAX), [2, 4, 3, 1]);
        assert_eq!(chosen(&[], 2), [2, 4]);
        assert_eq!(chosen(&[], 0), [0u64; 0]);
    }

    #[test]
    fn of_each_clause_one_test_must_hold() {
        let web = Test::In(numbers(&[80, 443]));
        let addressed = Test::NotIn(texts(&[""]));
        assert_eq!(chosen(&[&[("transport_b", web.clone())]], 9), [2, 1]);
        assert_eq!(
            chosen(&[&[("transport_b", web), ("network_a", addressed)]], 9),
            [2, 3, 1]
        );
        assert_eq!(chosen(&[&[]], 9), [0u64; 0]);
    }

    #[test]
    fn ranges_are_exact_at_both_ends_of_unsigned_numbers() {
        let most = i128::from(u64::MAX);
        let above = Test::Range(Some(most - 2), None);
        let below = Test::Range(None, Some(most - 3));
        assert_eq!(chosen(&[&[("ab_bytes", above)]], 9), [2, 1]);
        assert_eq!(chosen(&[&[("ab_bytes", below)]], 9), [4, 3]);
    }

    #[test]
    fn networks_are_of_one_family() {
        assert_eq!(
            chosen(&[&[("network_a", network("10.0.0.0/15"))]], 9),
            [3, 1]
        );
        assert_eq!(chosen(&[&[("network_a", network("0.0.0.0/0"))]], 9), [3, 1]);
        assert_eq!(chosen(&[&[("network_a", network("::/0"))]], 9), [2]);
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("10.0.0.0"), None);
    }

    #[test]
    fn a_column_that_nobody_knows_is_an_error() {
        let selection = Selection {
            clauses: vec![vec![Condition {
                column: "nope".to_owned(),
                test: Test::Range(None, None),
            }]],
            limit: 9,
        };
        assert!(select(&batch(), &selection).is_err());
    }
}
