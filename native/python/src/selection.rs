// SPDX-License-Identifier: Apache-2.0
//! Tests of flow columns, as Python writes them.

use netsonde_meter::select::{Condition, Network, Selection, Test, Values};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[derive(FromPyObject)]
pub(crate) enum RawValue {
    Number(i128),
    Text(String),
}

/// Column, operator, values.
pub(crate) type RawTest = (String, String, Vec<Option<RawValue>>);

/// Return the selection that tests and a limit (None = all) spell.
pub(crate) fn selection(tests: Vec<Vec<RawTest>>, limit: Option<usize>) -> PyResult<Selection> {
    let clauses: PyResult<Vec<Vec<Condition>>> = tests
        .into_iter()
        .map(|clause| clause.into_iter().map(condition).collect())
        .collect();
    Ok(Selection {
        clauses: clauses?,
        limit: limit.unwrap_or(usize::MAX),
    })
}

fn condition((column, operator, values): RawTest) -> PyResult<Condition> {
    let test = match operator.as_str() {
        "in" => Test::In(members(values)),
        "not_in" => Test::NotIn(members(values)),
        "range" => range(&values)?,
        "network" => network(&values)?,
        other => return Err(PyValueError::new_err(format!("no such test: {other}"))),
    };
    Ok(Condition { column, test })
}

fn members(values: Vec<Option<RawValue>>) -> Values {
    let mut found = Values::default();
    for value in values.into_iter().flatten() {
        match value {
            RawValue::Number(number) => {
                found.numbers.insert(number);
            }
            RawValue::Text(text) => {
                found.texts.insert(text);
            }
        }
    }
    found
}

fn range(values: &[Option<RawValue>]) -> PyResult<Test> {
    let bound = |value: &Option<RawValue>| match value {
        None => Ok(None),
        Some(RawValue::Number(number)) => Ok(Some(*number)),
        Some(RawValue::Text(text)) => Err(PyValueError::new_err(format!("no number: {text}"))),
    };
    match values {
        [low, high] => Ok(Test::Range(bound(low)?, bound(high)?)),
        _ => Err(PyValueError::new_err("a range has two ends")),
    }
}

fn network(values: &[Option<RawValue>]) -> PyResult<Test> {
    match values {
        [Some(RawValue::Text(text))] => Network::parse(text)
            .map(Test::Network)
            .ok_or_else(|| PyValueError::new_err(format!("no network: {text}"))),
        _ => Err(PyValueError::new_err("a network is one text")),
    }
}
