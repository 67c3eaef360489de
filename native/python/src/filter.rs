// SPDX-License-Identifier: Apache-2.0
//! Filters of tcpdump's language for packets of a file.

use netsonde_capture::bpf::{dlt, Filter};
use netsonde_meter::{Frame, LinkType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A filter for the packets of a file, which may be of several link types: compiled for each when it turns up.
pub(crate) struct FileFilter {
    text: String,
    compiled: Vec<(LinkType, Option<Filter>)>,
}

impl FileFilter {
    /// The error is libpcap's, for Ethernet.
    pub(crate) fn new(text: &str) -> PyResult<Self> {
        let text = text.trim().to_owned();
        let mut compiled = Vec::new();
        if !text.is_empty() {
            let filter = Filter::compile(&text, dlt(LinkType::Ethernet));
            let filter = filter.map_err(PyValueError::new_err)?;
            compiled.push((LinkType::Ethernet, Some(filter)));
        }
        Ok(Self { text, compiled })
    }

    pub(crate) fn is_none(&self) -> bool {
        self.text.is_empty()
    }

    /// A link type for which the filter makes no sense has no packet that matches.
    pub(crate) fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let known = |(link_type, _): &&(LinkType, _)| *link_type == frame.link_type;
        if self.compiled.iter().find(known).is_none() {
            let filter = Filter::compile(&self.text, dlt(frame.link_type)).ok();
            self.compiled.push((frame.link_type, filter));
        }
        let found = self.compiled.iter().find(known);
        let filter = found.and_then(|(_, filter)| filter.as_ref());
        filter.is_some_and(|filter| filter.matches(frame.data, frame.wire_len))
    }
}
