# SPDX-License-Identifier: Apache-2.0
"""The list `Captures` on nodes, which clients of the reference look at; it changes with states, never with counters.

Writes: the key `Captures` on captured nodes, in the layer `computed:captures`.
"""

from collections.abc import Sequence

from netsonde.captures.taps import Tap
from netsonde.graph import Graph
from netsonde.model.captures import Capture
from netsonde.model.elements import Json

OWNER = "computed:captures"


def publish_captures(graph: Graph, node_id: str, captures: Sequence[tuple[Capture, Tap]]) -> None:
    """Write which captures run, or failed, on a node; one that is only starting is not listed yet."""
    entries: list[Json] = [_entry(capture, tap) for capture, tap in captures if tap.state in ("active", "failed")]
    graph.note(node_id, OWNER, {"Captures": entries} if entries else {})


def _entry(capture: Capture, tap: Tap) -> Json:
    entry: dict[str, Json] = {"ID": capture.uuid, "State": "active" if tap.state == "active" else "error"}
    optional = {
        "Name": capture.name,
        "Description": capture.description,
        "BPFFilter": capture.bpf_filter,
        "Type": capture.type,
        "Error": tap.reason if tap.state == "failed" else "",
    }
    entry.update((key, text) for key, text in optional.items() if text)
    return entry
