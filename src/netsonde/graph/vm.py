# SPDX-License-Identifier: Apache-2.0
"""Which virtual machine an interface belongs to, under one key, whichever external id a release writes.

Source: `ExtID.vm-uuid` (os-vif, Nova) before `ExtID.vm-id` (libvirt), both a domain's UUID; what probes know from QEMU
stands under the same key, and gives way to them.
Writes: the key `VM.UUID`, on the graphs of agents.
"""

from collections.abc import Callable, Iterable
from typing import Final

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Metadata

EXTERNAL_IDS: Final = ("vm-uuid", "vm-id")


class VmLayer:
    """Computed layer of a graph; see `Graph.add_computed`."""

    owner = "computed:vm"

    def __init__(self) -> None:
        self._stated: set[str] = set()

    def update(
        self, graph: GraphReader, base: Callable[[str], Metadata], touched: Iterable[str]
    ) -> dict[str, Metadata]:
        changed: dict[str, Metadata] = {}
        for node_id in touched:
            node = graph.node(node_id)
            found = "" if node is None else machine_of(node.metadata)
            if found and node is not None and _shown(node.metadata) != found:
                self._stated.add(node_id)
                changed[node_id] = {"VM": {"UUID": found}}
            elif not found and node_id in self._stated:
                self._stated.discard(node_id)
                if node is not None:
                    changed[node_id] = {}
        return changed


def machine_of(metadata: Metadata) -> str:
    """Return the UUID that the external ids of a node give, in lower case; "" = none."""
    ids = metadata.get("ExtID")
    if not isinstance(ids, dict):
        return ""
    values = (ids.get(name) for name in EXTERNAL_IDS)
    return next((value.lower() for value in values if isinstance(value, str) and value), "")


def _shown(metadata: Metadata) -> str:
    machine = metadata.get("VM")
    found = machine.get("UUID") if isinstance(machine, dict) else None
    return found if isinstance(found, str) else ""
