# SPDX-License-Identifier: Apache-2.0
"""Flow reports → flows as clients of the reference know them: `UUID`, `Network.A`, `Metric.ABBytes`, …

The spelling lives in `native/meter/src/wire.rs`; `docs/reference/flow-record.md` explains every field.
"""

from collections.abc import Iterable

import msgspec

from netsonde._native import flows_to_json
from netsonde.errors import WireError
from netsonde.model.elements import Json

FlowDict = dict[str, Json]

_decoder = msgspec.json.Decoder(list[FlowDict])


def flow_dicts(streams: Iterable[bytes]) -> list[FlowDict]:
    """Return the flows of Arrow IPC streams, one dict per row. Columns are found by name, missing ones are empty."""
    found: list[FlowDict] = []
    for stream in streams:
        try:
            found += _decoder.decode(flows_to_json(stream))
        except ValueError as broken:
            raise WireError(f"no batch of flows: {broken}") from broken
    return found


def latest(flows: Iterable[FlowDict]) -> list[FlowDict]:
    """Keep the last state of each flow, in the order in which flows first appear.

    Reports of one flow follow each other in time; of two with the same `Last` the later one in `flows` wins.
    """
    states: dict[Json, FlowDict] = {}
    for flow in flows:
        known = states.get(flow["UUID"])
        if known is None or _last_ms(known) <= _last_ms(flow):
            states[flow["UUID"]] = flow
    return list(states.values())


def _last_ms(flow: FlowDict) -> int:
    last = flow.get("Last")
    return last if isinstance(last, int) else 0
