# SPDX-License-Identifier: Apache-2.0
"""Objects as Neutron's API serves them (Networking v2.0), as far as they are used. Tenants choose many of their texts.

What an account may not see is left out by the server, as are keys of extensions that it does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import msgspec


class FixedIP(msgspec.Struct, frozen=True):
    """Address of a port."""

    ip_address: str = ""
    subnet_id: str = ""


class Port(msgspec.Struct, frozen=True):
    """`GET /v2.0/ports`."""

    id: str
    revision_number: int = 0
    name: str | None = None
    network_id: str = ""
    project_id: str | None = None
    mac_address: str = ""
    admin_state_up: bool | None = None
    status: str | None = None
    device_id: str | None = None
    device_owner: str | None = None
    fixed_ips: list[FixedIP] = []
    security_groups: list[str] = []
    port_security_enabled: bool | None = None
    host_id: str | None = msgspec.field(default=None, name="binding:host_id")
    vif_type: str | None = msgspec.field(default=None, name="binding:vif_type")
    vnic_type: str | None = msgspec.field(default=None, name="binding:vnic_type")


class Network(msgspec.Struct, frozen=True):
    """`GET /v2.0/networks`."""

    id: str
    revision_number: int = 0
    name: str | None = None
    project_id: str | None = None
    mtu: int | None = None
    external: bool | None = msgspec.field(default=None, name="router:external")
    network_type: str | None = msgspec.field(default=None, name="provider:network_type")
    physical_network: str | None = msgspec.field(default=None, name="provider:physical_network")
    segmentation_id: int | None = msgspec.field(default=None, name="provider:segmentation_id")


class Subnet(msgspec.Struct, frozen=True):
    """`GET /v2.0/subnets`."""

    id: str
    revision_number: int = 0
    name: str | None = None
    network_id: str = ""
    cidr: str | None = None
    gateway_ip: str | None = None
    enable_dhcp: bool | None = None


class Gateway(msgspec.Struct, frozen=True):
    """`external_gateway_info` of a router."""

    network_id: str = ""
    enable_snat: bool | None = None
    external_fixed_ips: list[FixedIP] = []


class Router(msgspec.Struct, frozen=True):
    """`GET /v2.0/routers`."""

    id: str
    revision_number: int = 0
    name: str | None = None
    project_id: str | None = None
    status: str | None = None
    external_gateway_info: Gateway | None = None


class FloatingIP(msgspec.Struct, frozen=True):
    """`GET /v2.0/floatingips`."""

    id: str
    revision_number: int = 0
    floating_ip_address: str = ""
    fixed_ip_address: str | None = None
    port_id: str | None = None
    router_id: str | None = None
    status: str | None = None


class SecurityGroup(msgspec.Struct, frozen=True):
    """`GET /v2.0/security-groups`."""

    id: str
    revision_number: int = 0
    name: str | None = None


Thing: TypeAlias = Port | Network | Subnet | Router | FloatingIP | SecurityGroup


class Collection(NamedTuple):
    """Where a kind of objects is, and what is asked of them."""

    path: str
    member: str
    """Name of the list in an answer."""
    type: type[Thing]

    @property
    def fields(self) -> list[str]:
        return [field.encode_name for field in msgspec.structs.fields(self.type)]


COLLECTIONS: Final[Mapping[str, Collection]] = {
    "networks": Collection("networks", "networks", Network),
    "subnets": Collection("subnets", "subnets", Subnet),
    "security_groups": Collection("security-groups", "security_groups", SecurityGroup),
    "routers": Collection("routers", "routers", Router),
    "floating_ips": Collection("floatingips", "floatingips", FloatingIP),
    "ports": Collection("ports", "ports", Port),
}
"""Kinds in the order in which they are read: what ports refer to comes first."""


@dataclass(slots=True)
class Changes:
    """What became of one kind of objects."""

    put: list[Thing] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    refused: int = 0
    """Objects that are not as the API describes them; they are left out."""
