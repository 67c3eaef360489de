// SPDX-License-Identifier: Apache-2.0
//! Flows of a file as Python takes them: one by one, or as an Arrow stream. No value is copied before it is asked for.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type, UInt8Type};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use netsonde_meter::FlowBatch;
use netsonde_pcapfile::ReadError;
use pyo3::exceptions::{PyAttributeError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::meter::{locked, Shared};

/// One report of one flow: its columns are its attributes.
#[pyclass(module = "netsonde._native", frozen)]
pub(crate) struct Flow {
    batch: Arc<RecordBatch>,
    row: usize,
}

#[pymethods]
impl Flow {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let column = self.batch.column_by_name(name);
        column.map_or_else(
            || {
                Err(PyAttributeError::new_err(format!(
                    "flows have no column {name:?}"
                )))
            },
            |column| value(py, column, self.row),
        )
    }

    fn __dir__(&self) -> Vec<String> {
        let schema = self.batch.schema();
        let columns = schema.fields().iter().map(|field| field.name().clone());
        columns.chain(["as_dict".to_owned()]).collect()
    }

    /// Return all columns.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for (field, column) in self
            .batch
            .schema()
            .fields()
            .iter()
            .zip(self.batch.columns())
        {
            found.set_item(field.name(), value(py, column, self.row)?)?;
        }
        Ok(found)
    }

    fn __repr__(&self) -> String {
        let text = |name| {
            let column = self.batch.column_by_name(name);
            let texts = column.and_then(|column| column.as_string_opt::<i32>());
            texts.map_or("", |texts| texts.value(self.row))
        };
        let (a, b) = match text("network_protocol") {
            "" => (text("link_a"), text("link_b")),
            _ => (text("network_a"), text("network_b")),
        };
        format!("<Flow {} {a} > {b}>", text("layers_path"))
    }
}

fn value<'py>(py: Python<'py>, column: &dyn Array, row: usize) -> PyResult<Bound<'py, PyAny>> {
    Ok(match column.data_type() {
        DataType::UInt8 => column
            .as_primitive::<UInt8Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::UInt16 => column
            .as_primitive::<UInt16Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::UInt32 => column
            .as_primitive::<UInt32Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::UInt64 => column
            .as_primitive::<UInt64Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::Int64 => column
            .as_primitive::<Int64Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        // A type that the schema has not yet is nothing here, rather than a panic.
        _ => column
            .as_string_opt::<i32>()
            .map(|texts| texts.value(row))
            .into_pyobject(py)?,
    })
}

/// Flows of a metering, which goes on when they run out.
#[pyclass(module = "netsonde._native")]
pub(crate) struct FlowIterator {
    metering: Shared,
    batch: Arc<RecordBatch>,
    row: usize,
}

impl FlowIterator {
    pub(crate) fn over(metering: Shared) -> Self {
        Self {
            metering,
            batch: Arc::new(FlowBatch::new().into_record_batch()),
            row: 0,
        }
    }
}

#[pymethods]
impl FlowIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Flow>> {
        while self.row == self.batch.num_rows() {
            // One step at a time: Ctrl-C is heard between two of them.
            py.check_signals()?;
            let Some(step) = py.detach(|| step(&self.metering)) else {
                return Ok(None);
            };
            if let Some(batch) = step.map_err(PyOSError::new_err)? {
                self.batch = Arc::new(batch);
                self.row = 0;
            }
        }
        self.row += 1;
        Ok(Some(Flow {
            batch: Arc::clone(&self.batch),
            row: self.row - 1,
        }))
    }
}

/// Go on for a while; None = the metering is done.
fn step(metering: &Shared) -> Option<std::io::Result<Option<RecordBatch>>> {
    let mut metering = locked(metering);
    (!metering.done()).then(|| metering.step())
}

/// Return a capsule as Arrow's PyCapsule interface has it.
pub(crate) fn arrow_stream(
    py: Python<'_>,
    metering: Shared,
    fail_on_damage: bool,
) -> PyResult<Bound<'_, PyCapsule>> {
    let batches = Batches {
        metering,
        fail_on_damage,
    };
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

struct Batches {
    metering: Shared,
    /// Taken when the damage was told.
    fail_on_damage: bool,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(step) = step(&self.metering) {
            match step {
                Ok(Some(batch)) if batch.num_rows() > 0 => return Some(Ok(batch)),
                Ok(_) => {}
                Err(error) => return Some(Err(ArrowError::from(error))),
            }
        }
        let damage = locked(&self.metering).damage.clone();
        let damage = damage.filter(|_| std::mem::take(&mut self.fail_on_damage))?;
        Some(Err(ArrowError::ExternalError(Box::new(ReadError::Damage(
            damage,
        )))))
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        FlowBatch::schema()
    }
}
