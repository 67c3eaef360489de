// SPDX-License-Identifier: Apache-2.0
//! `SinkSpec`: where a capture is sent on to, for Python.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use netsonde_capture::sink::{self, FileSpec};
use netsonde_exports::Protocol;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// `kind` = netflow5, netflow9, ipfix, vxlan (`target` = ADDRESS:PORT), erspan (an IPv4 address), pcapng (`directory`).
/// `number` = observation domain, VNI, or session. Limits of files in bytes, ns, packets; 0 = none.
#[pyclass(frozen, from_py_object)]
#[derive(Clone)]
pub struct SinkSpec(pub sink::SinkSpec);

#[pymethods]
impl SinkSpec {
    #[new]
    #[pyo3(signature = (kind, *, target = "", number = 0, directory = PathBuf::new(), rotate_bytes = 0, rotate_ns = 0,
        rotate_packets = 0, total_bytes = 1 << 30, all_bytes = 0))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        kind: &str,
        target: &str,
        number: u32,
        directory: PathBuf,
        rotate_bytes: u64,
        rotate_ns: i64,
        rotate_packets: u64,
        total_bytes: u64,
        all_bytes: u64,
    ) -> PyResult<Self> {
        let export = |protocol| -> PyResult<_> {
            Ok(sink::SinkSpec::Export {
                protocol,
                target: socket_address(target)?,
                domain: number,
            })
        };
        let spec = match kind {
            "netflow5" => export(Protocol::NetFlow5)?,
            "netflow9" => export(Protocol::NetFlow9)?,
            "ipfix" => export(Protocol::Ipfix)?,
            "vxlan" => sink::SinkSpec::Vxlan {
                target: socket_address(target)?,
                vni: number,
            },
            "erspan" => erspan(target, number)?,
            "pcapng" => sink::SinkSpec::Files(FileSpec {
                directory,
                rotate_bytes,
                rotate_ns,
                rotate_packets,
                total_bytes,
                all_bytes,
            }),
            _ => return Err(PyValueError::new_err(format!("there is no sink {kind:?}"))),
        };
        Ok(Self(spec))
    }
}

fn erspan(target: &str, number: u32) -> PyResult<sink::SinkSpec> {
    let Ok(IpAddr::V4(target)) = target.parse() else {
        return Err(PyValueError::new_err(format!(
            "{target:?} is no IPv4 address"
        )));
    };
    Ok(sink::SinkSpec::Erspan {
        target,
        session: (number & 0x3ff) as u16,
    })
}

pub fn socket_address(text: &str) -> PyResult<SocketAddr> {
    text.parse()
        .map_err(|_| PyValueError::new_err(format!("{text:?} is no ADDRESS:PORT")))
}
