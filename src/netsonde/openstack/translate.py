# SPDX-License-Identifier: Apache-2.0
"""Objects of a cloud as records: what is shown of a port, of a network's and of a router's namespace. Pure.

Of texts that tenants choose, what is no printable character becomes U+FFFD, and absurd lengths are cut.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from netsonde.model.elements import Json, Metadata
from netsonde.model.openstack import CloudRecord, RecordKind
from netsonde.openstack.inventory import Inventory
from netsonde.openstack.objects import FixedIP, FloatingIP, Network, Port, Router, Subnet

MOST_TEXT: Final = 255
"""Characters of a name or a status: what Neutron itself allows."""
MOST_LISTED: Final = 64
"""Addresses, subnets, groups or floating IPs of one thing that are shown."""
_OVERLAYS: Final = frozenset({"vxlan", "geneve", "gre"})
"""Types of networks whose segmentation id is a virtual network identifier."""
_MACHINES: Final = "compute:"
_ROUTERS: Final = re.compile(r"network:(router_|ha_router|floatingip_agent)")
"""Owners of ports whose device is a router."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Translator:
    """Makes the records of one cloud from what is known of it."""

    def __init__(self, cloud: str, known: Inventory) -> None:
        self._cloud = cloud
        self._known = known

    def port(self, port: Port) -> CloudRecord:
        """Return what is shown of the interface behind a port."""
        known, device, owner = self._known, port.device_id or "", port.device_owner or ""
        router = known.routers.get(device) if _ROUTERS.match(owner) else None
        said: Metadata = {
            "PortID": port.id,
            "PortName": port.name,
            **self._project(port.project_id or self._owner_of(port)),
            **self._network(port.network_id),
            "MAC": port.mac_address.lower(),
            "IPV4": self._addresses(port.fixed_ips, version=4),
            "IPV6": self._addresses(port.fixed_ips, version=6),
            "SubnetID": [fixed.subnet_id for fixed in port.fixed_ips[:MOST_LISTED] if fixed.subnet_id],
            "Subnets": self._subnets(fixed.subnet_id for fixed in port.fixed_ips),
            "SecurityGroups": [self._group(one) for one in port.security_groups[:MOST_LISTED]],
            "PortSecurity": port.port_security_enabled,
            "FloatingIPs": list(map(_floating, self._floating(port))),
            "RouterID": device if _ROUTERS.match(owner) else None,
            "RouterName": None if router is None else router.name,
            "DeviceOwner": owner,
            "DeviceID": device,
            "Host": port.host_id,
            "VIFType": port.vif_type,
            "VNICType": port.vnic_type,
            "Status": port.status,
            "AdminUp": port.admin_state_up,
        }
        machine = device.lower() if owner.startswith(_MACHINES) and _UUID.fullmatch(device.lower()) else ""
        return self._record("port", port.id, said, mac=port.mac_address.lower()[:MOST_TEXT], machine=machine)

    def network(self, network: Network) -> CloudRecord:
        """Return what is shown of namespaces that serve a network: DHCP, OVN's metadata, floating IPs."""
        subnets = self._known.subnets_by_network.get(network.id, {})
        said: Metadata = {
            **self._project(network.project_id),
            **self._network(network.id),
            "SubnetID": [*sorted(subnets)[:MOST_LISTED]],
            "Subnets": self._subnets(subnets),
        }
        return self._record("network", network.id, said)

    def router(self, router: Router) -> CloudRecord:
        """Return what is shown of namespaces of a router."""
        gateway = router.external_gateway_info
        said: Metadata = {
            "RouterID": router.id,
            "RouterName": router.name,
            **self._project(router.project_id),
            "Status": router.status,
        }
        if gateway is not None:
            outside = self._known.networks.get(gateway.network_id)
            said["Gateway"] = _without_nothing(
                {
                    "NetworkID": gateway.network_id,
                    "NetworkName": None if outside is None else outside.name,
                    "SNAT": gateway.enable_snat,
                    "IPV4": self._addresses(gateway.external_fixed_ips, version=4),
                    "IPV6": self._addresses(gateway.external_fixed_ips, version=6),
                }
            )
        return self._record("router", router.id, said)

    def _record(self, kind: RecordKind, id: str, said: Metadata, *, mac: str = "", machine: str = "") -> CloudRecord:
        neutron = _without_nothing({"Cloud": self._cloud, **said})
        return CloudRecord(self._cloud, kind, id, mac, machine, neutron)

    def _project(self, project: str | None) -> Metadata:
        """Return id and name of a project; the reference calls it a tenant, as Neutron once did."""
        return {"TenantID": project, "TenantName": self._known.projects.get(project or "")}

    def _owner_of(self, port: Port) -> str | None:
        """Return whose a port without a project is: a router's outside and a floating IP belong to the router's."""
        router = self._known.routers.get(port.device_id or "")
        return None if router is None else router.project_id

    def _network(self, network_id: str) -> Metadata:
        found: Metadata = {"NetworkID": network_id}
        network = self._known.networks.get(network_id)
        if network is None:
            return found
        found |= {
            "NetworkName": network.name,
            "NetworkType": network.network_type,
            "PhysicalNetwork": network.physical_network,
            "External": network.external,
            "MTU": network.mtu,
        }
        if network.network_type in _OVERLAYS:
            found["VNI"] = network.segmentation_id
        elif network.network_type == "vlan":
            found["VLAN"] = network.segmentation_id
        return found

    def _addresses(self, fixed: Sequence[FixedIP], *, version: int) -> list[Json]:
        """Return addresses with the length of the subnet's prefix, or bare where the subnet may not be seen."""
        found: list[Json] = []
        for one in fixed[:MOST_LISTED]:
            try:
                address = ip_address(one.ip_address)
            except ValueError:
                continue
            if address.version == version:
                subnet = self._known.subnets.get(one.subnet_id)
                _, _, length = ("" if subnet is None else subnet.cidr or "").partition("/")
                found.append(f"{address}/{length}" if length.isdigit() and len(length) <= 3 else str(address))
        return found

    def _subnets(self, ids: Iterable[str]) -> list[Json]:
        subnets = filter(None, (self._known.subnets.get(one) for one in dict.fromkeys(ids)))
        return list(map(_subnet, sorted(subnets, key=lambda one: one.id)[:MOST_LISTED]))

    def _group(self, id: str) -> Json:
        group = self._known.security_groups.get(id)
        return _without_nothing({"ID": id, "Name": None if group is None else group.name})

    def _floating(self, port: Port) -> list[FloatingIP]:
        found = self._known.floating_by_port.get(port.id, {})
        return [found[one] for one in sorted(found)][:MOST_LISTED]


def _subnet(subnet: Subnet) -> Json:
    return _without_nothing(
        {
            "ID": subnet.id,
            "Name": subnet.name,
            "CIDR": subnet.cidr,
            "Gateway": subnet.gateway_ip,
            "DHCP": subnet.enable_dhcp,
        }
    )


def _floating(one: FloatingIP) -> Json:
    return _without_nothing(
        {
            "ID": one.id,
            "Address": one.floating_ip_address,
            "FixedAddress": one.fixed_ip_address,
            "RouterID": one.router_id,
            "Status": one.status,
        }
    )


def _without_nothing(said: Metadata) -> Metadata:
    """Leave out what was not said, and make texts fit to be seen."""
    return {key: _cut(value) for key, value in said.items() if value not in (None, "", [], {})}


def _cut(value: Json) -> Json:
    if isinstance(value, list):
        return [_cut(one) for one in value]
    if not isinstance(value, str):
        return value
    text = value[:MOST_TEXT]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
