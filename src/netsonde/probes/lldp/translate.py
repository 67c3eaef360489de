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
from netsonde.probes.lldp.cdp import PROTOCOL as CDP
from netsonde.probes.lldp.cdp import system_name
from netsonde.probes.lldp.frame import ADDRESS_TYPE, MAC_TYPE, Advertisement

PROBE: Final = "lldp"
LAYER2: Final = "layer2"


def neighbourhood(heard: Iterable[tuple[str, Advertisement]]) -> Contribution:
    """Return all switches and ports, with edges to the interfaces; of two that differ the one heard last holds.

    A device that speaks LLDP and CDP on one interface is one node, and so is its port.
    """
    found = Contribution()
    everything = list(heard)
    by_lldp = {(interface, _own_name(said)): said for interface, said in everything if said.protocol != CDP}
    for interface, said in sorted(everything, key=lambda each: each[1].protocol == CDP):
        same = by_lldp.get((interface, _own_name(said)), said) if said.protocol == CDP else said
        switch = switch_id(same)
        port = join_id(switch, same.port_id, same.port_type)
        for node, shown in ((switch, _switch(said)), (port, _port(said))):
            found.nodes[node] = shown | found.nodes.get(node, {}) if same is not said else shown
        found.link(switch, port, OWNERSHIP)
        found.link(switch, port, LAYER2)
        found.link(port, interface, LAYER2)
    return found


def _own_name(said: Advertisement) -> str:
    """Return what a device calls itself in either protocol; its id keeps those apart that do not say."""
    return system_name(said.chassis) or said.chassis_id


def switch_id(said: Advertisement) -> str:
    """Return the id of the sender's node, the same on every host that hears it."""
    if said.chassis_type in (MAC_TYPE, ADDRESS_TYPE):
        return join_id(said.chassis_id, said.chassis_type)
    return join_id(said.chassis_id, said.chassis_type, _name(said.chassis, "SysName"))


def _switch(said: Advertisement) -> Metadata:
    name = _name(said.chassis, "SysName") or said.chassis_id
    return {"Type": "switch", "Probe": PROBE, "Name": name, said.protocol: said.chassis}


def _port(said: Advertisement) -> Metadata:
    name = _name(said.port, "Description") or said.port_id
    mtu: Metadata = {"MTU": said.mtu} if said.mtu else {}
    return {"Type": "switchport", "Probe": PROBE, "Name": name, **mtu, said.protocol: said.port}


def _name(facts: Metadata, key: str) -> str:
    found = facts.get(key)
    return found if isinstance(found, str) else ""
