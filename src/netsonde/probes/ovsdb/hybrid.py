# SPDX-License-Identifier: Apache-2.0
"""The tap behind a port that is plugged the hybrid way, for which only the far end of a veth is in Open vSwitch. Pure,
but for reading the graph.

Where iptables filter, a tap is in a Linux bridge of its own, which a veth joins with the switch: tapX in qbrX, then
qvbX-qvoX. What Nova writes of the machine is with qvoX. X are the first 11 characters of the port's id.

Source: os-vif, vif_plug_ovs; Nova's names of devices.
"""

import re
from typing import Final

from netsonde.model.elements import Metadata
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.match import NodesByName, own_device
from netsonde.probes.ovsdb.monitor import Row
from netsonde.probes.ovsdb.rows import compact, mapping, text

_FAR_END: Final = re.compile(r"qvo([0-9a-f]{8}-[0-9a-f]{2})")
_OF_THE_MACHINE: Final = ("vm-uuid", "vm-id", "attached-mac")
"""External ids that are true of the tap as well; `iface-id` stays that of one interface."""


def tap_name(row: Row) -> str:
    """Return what the tap behind an interface is called, "" when it is no end of such a veth."""
    far_end = _FAR_END.fullmatch(text(row, "name"))
    return f"tap{far_end[1]}" if far_end else ""


def tap_note(graph: NodesByName, identity: Identity, row: Row) -> tuple[str, Metadata] | None:
    """Return the node of the tap, and what is true of it; None when there is none, or nothing to tell."""
    ids = mapping(row, "external_ids")
    said: Metadata = {name: ids[name] for name in _OF_THE_MACHINE if name in ids}
    device = own_device(graph, identity, tap_name(row)) if said else None
    return None if device is None else (device, compact(ExtID=said))
