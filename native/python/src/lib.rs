// SPDX-License-Identifier: Apache-2.0
//! `netsonde._native`: bindings only. Each class has a file of its own; the work is done in the sibling crates.

mod capture;

use pyo3::prelude::*;

mod filter;
mod flows;
mod inject;
mod meter;
mod metering;
mod options;
mod output;
mod packets;
mod reading;
mod selection;
mod sinks;
mod told;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<meter::FileMeter>()?;
    module.add_class::<flows::Flow>()?;
    module.add_class::<flows::FlowIterator>()?;
    module.add_function(wrap_pyfunction!(meter::empty_flow_batch, module)?)?;
    module.add_function(wrap_pyfunction!(meter::empty_packet_batch, module)?)?;
    module.add_function(wrap_pyfunction!(meter::flows_to_json, module)?)?;
    module.add_function(wrap_pyfunction!(meter::flow_messages, module)?)?;
    module.add_function(wrap_pyfunction!(packets::packets_to_pcapng, module)?)?;
    module.add_function(wrap_pyfunction!(packets::packets_to_pcap, module)?)?;
    module.add_function(wrap_pyfunction!(packets::describe_packets, module)?)?;
    module.add_function(wrap_pyfunction!(packets::packet_facts, module)?)?;
    module.add_function(wrap_pyfunction!(packets::packets_to_wire, module)?)?;
    module.add_function(wrap_pyfunction!(packets::match_bpf, module)?)?;
    capture::register(module)?;
    inject::register(module)?;
    Ok(())
}
