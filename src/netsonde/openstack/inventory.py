# SPDX-License-Identifier: Apache-2.0
"""What is known of one cloud: its objects by kind and id, and whose records a change concerns. State without I/O."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from netsonde.model.openstack import RecordKind
from netsonde.openstack.objects import (
    COLLECTIONS,
    Changes,
    FloatingIP,
    Network,
    Port,
    Router,
    SecurityGroup,
    Subnet,
    Thing,
)


class Ref(NamedTuple):
    """What a record is made of."""

    kind: RecordKind
    id: str


class Inventory:
    """Objects as they were read last."""

    def __init__(self) -> None:
        self.networks: dict[str, Network] = {}
        self.subnets: dict[str, Subnet] = {}
        self.security_groups: dict[str, SecurityGroup] = {}
        self.routers: dict[str, Router] = {}
        self.floating_ips: dict[str, FloatingIP] = {}
        self.ports: dict[str, Port] = {}
        self.projects: dict[str, str] = {}
        """Names by id; of those that the account may see."""
        self.floating_by_port: dict[str, dict[str, FloatingIP]] = {}
        self.subnets_by_network: dict[str, dict[str, Subnet]] = {}

    def revisions(self, kind: str) -> Mapping[str, int]:
        """Return the revision of each object of a kind."""
        return {one.id: one.revision_number for one in self._of(kind).values()}

    def counts(self) -> Mapping[str, int]:
        return {kind: len(self._of(kind)) for kind in COLLECTIONS}

    def refs(self) -> set[Ref]:
        """Return what there are records of."""
        found = {Ref("port", one) for one in self.ports}
        found |= {Ref("network", one) for one in self.networks}
        return found | {Ref("router", one) for one in self.routers}

    def take(self, kind: str, changes: Changes) -> set[Ref]:
        """Take in what became of a kind; return what looks different for it."""
        objects = self._of(kind)
        before = [objects[one] for one in (*changes.gone, *(put.id for put in changes.put)) if one in objects]
        for gone in changes.gone:
            objects.pop(gone, None)
        objects.update({one.id: one for one in changes.put})
        touched = [*before, *changes.put]
        if kind == "floating_ips":
            self._index_floating(touched)
        elif kind == "subnets":
            self._index_subnets(touched)
        return self._concerned(kind, touched)

    def take_projects(self, names: Mapping[str, str]) -> set[Ref]:
        """Take in names of projects by id; return what looks different for it."""
        changed = {one for one in names.keys() | self.projects.keys() if names.get(one) != self.projects.get(one)}
        self.projects = dict(names)
        if not changed:
            return set()
        routers = {one.id for one in self.routers.values() if one.project_id in changed}
        found = {Ref("router", one) for one in routers}
        found |= {Ref("network", one.id) for one in self.networks.values() if one.project_id in changed}
        ports = (one for one in self.ports.values() if one.project_id in changed or one.device_id in routers)
        return found | {Ref("port", one.id) for one in ports}

    def unnamed(self) -> set[str]:
        """Return the ids of projects that own something and whose names are not known."""
        owners = {one.project_id for things in (self.ports, self.networks, self.routers) for one in things.values()}
        return {one for one in owners if one} - self.projects.keys()

    def missing(self, ports: Iterable[Port]) -> dict[str, list[str]]:
        """Return what ports refer to and is not known, by kind."""
        wanted: dict[str, set[str]] = {"networks": set(), "subnets": set(), "security_groups": set()}
        for port in ports:
            wanted["networks"].add(port.network_id)
            wanted["subnets"].update(fixed.subnet_id for fixed in port.fixed_ips)
            wanted["security_groups"].update(port.security_groups)
        found = {kind: sorted(ids - self._of(kind).keys() - {""}) for kind, ids in wanted.items()}
        return {kind: ids for kind, ids in found.items() if ids}

    def _concerned(self, kind: str, touched: Iterable[Thing]) -> set[Ref]:
        """Return whose records mention these objects; all ports are looked at, some 0.1 µs each."""
        ids = {one.id for one in touched}
        if kind == "ports":
            return {Ref("port", one) for one in ids}
        if kind == "floating_ips":
            return {Ref("port", one.port_id) for one in touched if isinstance(one, FloatingIP) and one.port_id}
        if not ids:
            return set()
        if kind == "security_groups":
            return self._ports(lambda port: not ids.isdisjoint(port.security_groups))
        if kind == "routers":
            return {Ref("router", one) for one in ids} | self._ports(lambda port: port.device_id in ids)
        networks = {one.network_id for one in touched if isinstance(one, Subnet)} | (
            ids if kind == "networks" else set()
        )
        gateways = ((one.id, one.external_gateway_info) for one in self.routers.values())
        found = {Ref("router", one) for one, gateway in gateways if gateway and gateway.network_id in networks}
        found |= {Ref("network", one) for one in networks}
        return found | self._ports(lambda port: port.network_id in networks)

    def _ports(self, is_concerned: Callable[[Port], bool]) -> set[Ref]:
        return {Ref("port", one.id) for one in self.ports.values() if is_concerned(one)}

    def _index_floating(self, touched: Iterable[Thing]) -> None:
        for one in touched:
            if isinstance(one, FloatingIP) and one.port_id:
                self.floating_by_port.get(one.port_id, {}).pop(one.id, None)
                if one.id in self.floating_ips and self.floating_ips[one.id].port_id == one.port_id:
                    self.floating_by_port.setdefault(one.port_id, {})[one.id] = self.floating_ips[one.id]
                elif not self.floating_by_port.get(one.port_id):
                    self.floating_by_port.pop(one.port_id, None)

    def _index_subnets(self, touched: Iterable[Thing]) -> None:
        for one in touched:
            if isinstance(one, Subnet):
                of_network = self.subnets_by_network.setdefault(one.network_id, {})
                of_network.pop(one.id, None)
                now = self.subnets.get(one.id)
                if now is not None and now.network_id == one.network_id:
                    of_network[one.id] = now
                elif not of_network:
                    del self.subnets_by_network[one.network_id]

    def _of(self, kind: str) -> dict[str, Thing]:
        objects: dict[str, Thing] = getattr(self, kind)
        return objects
