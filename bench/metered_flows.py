# SPDX-License-Identifier: Apache-2.0
"""Flows as the meter reports them, as many as are wanted: a generated trace of mixed traffic, over and over.

Each round has other ids, addresses, ports and times, so that nothing in it repeats the rounds before but what repeats
in networks: protocols, counters, names of nodes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from make_trace import write_trace

from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.history.l3_tracking import mixed

_TIMES = [f.name for f in FLOW_SCHEMA if f.name.endswith(("start_ns", "last_ns", "syn_ns", "fin_ns", "rst_ns"))]
"""The columns that are a moment; the others in ns are how long something took."""
_IDS = ("uuid", "tracking_id")
NODES = 200
"""Interfaces that the flows are spread over, four a host."""


def metered(packets: int = 200_000, flows: int = 20_000) -> pa.Table:
    """Return what `netsonde meter --tcp` makes of a trace."""
    with tempfile.TemporaryDirectory() as name:
        trace, out = Path(name, "mixed.pcap"), Path(name, "flows.arrow")
        write_trace(trace, packets, flows)
        netsonde = Path(sys.executable).with_name("netsonde")
        subprocess.run([netsonde, "meter", "--tcp", trace, "-o", out], check=True)
        with pa.OSFile(str(out)) as file:
            return pa.ipc.open_file(file).read_all().cast(FLOW_SCHEMA).combine_chunks()


def round_of(flows: pa.Table, chance: np.random.Generator, rows: int, begin_ns: int, span_ns: int) -> pa.Table:
    """Return so many flows of those metered that began in a span of time."""
    chosen = flows.take(pa.array(chance.integers(0, flows.num_rows, rows)))
    moved = np.sort(begin_ns + chance.integers(0, span_ns, rows)) - chosen["start_ns"].to_numpy()
    node = chance.integers(0, NODES, rows)
    changed: dict[str, Any] = {name: _shifted(chosen[name], moved) for name in _TIMES}
    changed |= {name: chance.integers(1, 1 << 63, rows, dtype=np.uint64) for name in _IDS}
    changed["node_tid"] = _of([f"1bbd6f8a-9b91-5e19-9b8a-{number:012x}" for number in range(NODES)], node)
    changed["host"] = _of([f"compute-{number}" for number in range(NODES // 4)], node // 4)
    subnets = _of([f"10.{number}." for number in range(16)], chance.integers(0, 16, rows))
    changed["network_a"] = pc.if_else(
        pc.equal(chosen["network_protocol"], "IPV4"),
        pc.binary_join_element_wise(subnets, pc.utf8_slice_codeunits(chosen["network_a"], 5), ""),
        chosen["network_a"],
    )
    port = pa.array(chance.integers(32_768, 61_000, rows), pa.uint16())
    changed["transport_a"] = pc.if_else(pc.greater(chosen["transport_a"], 1024), port, chosen["transport_a"])
    # As the meter says, of the addresses and ports; where there are no ports, anything.
    changed["l3_tracking_id"] = pa.array(
        np.where(
            pc.equal(chosen["transport_protocol"], "").to_numpy(), chance.integers(1, 1 << 63, rows, dtype=np.uint64), 0
        )
    )
    columns = {
        name: _array(changed.get(name, chosen[name])).cast(FLOW_SCHEMA.field(name).type) for name in FLOW_SCHEMA.names
    }
    columns["l3_tracking_id"] = mixed(columns)
    return pa.table([columns[name] for name in FLOW_SCHEMA.names], schema=FLOW_SCHEMA)


def _array(column: Any) -> pa.Array:
    whole = pa.array(column) if isinstance(column, np.ndarray) else column
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def _shifted(times: pa.ChunkedArray, moved: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    values = times.to_numpy()
    return np.where(values == 0, 0, values + moved)


def _of(values: list[str], places: Any) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(values)).cast(pa.string())
