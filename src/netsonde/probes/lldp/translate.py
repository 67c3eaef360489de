# SPDX-License-Identifier: Apache-2.0
"""From the table of neighbours to switches, their ports, and the interfaces that they are plugged into. Pure.

Ids have no host in them: whoever hears a switch means the same node. A chassis id is unique by itself when it is an
address; names and numbers ("1", "Chassis 0") are so only together with the system's name.
"""

from collections.abc import Iterable
from typing import Final

from netsonde.graph.batch import OWNERSHIP
from netsonde.graph.ids import join_id
from netsonde.model.elements import Metadata
from netsonde.probes.contributions import Contribution
from netsonde.probes.lldp.frame import ADDRESS_TYPE, MAC_TYPE, Advertisement

PROBE: Final = "lldp"
LAYER2: Final = "layer2"


def neighbourhood(heard: Iterable[tuple[str, Advertisement]]) -> Contribution:
    """Return all switches and ports, with edges to the interfaces; of two that differ the one heard last holds."""
    found = Contribution()
    for interface, said in heard:
        switch = switch_id(said)
        port = join_id(switch, said.port_id, said.port_type)
        found.nodes[switch] = _switch(said)
        found.nodes[port] = _port(said)
        found.link(switch, port, OWNERSHIP)
        found.link(switch, port, LAYER2)
        found.link(port, interface, LAYER2)
    return found


def switch_id(said: Advertisement) -> str:
    """Return the id of the sender's node, the same on every host that hears it."""
    if said.chassis_type in (MAC_TYPE, ADDRESS_TYPE):
        return join_id(said.chassis_id, said.chassis_type)
    return join_id(said.chassis_id, said.chassis_type, _name(said.chassis, "SysName"))


def _switch(said: Advertisement) -> Metadata:
    name = _name(said.chassis, "SysName") or said.chassis_id
    return {"Type": "switch", "Probe": PROBE, "Name": name, "LLDP": said.chassis}


def _port(said: Advertisement) -> Metadata:
    name = _name(said.port, "Description") or said.port_id
    mtu: Metadata = {"MTU": said.mtu} if said.mtu else {}
    return {"Type": "switchport", "Probe": PROBE, "Name": name, **mtu, "LLDP": said.port}


def _name(facts: Metadata, key: str) -> str:
    found = facts.get(key)
    return found if isinstance(found, str) else ""
