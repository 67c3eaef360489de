// SPDX-License-Identifier: Apache-2.0
//! `netsonde._native`: bindings only. Each class has a file of its own; the work is done in the sibling crates.

use pyo3::prelude::*;

#[pymodule]
fn _native(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
