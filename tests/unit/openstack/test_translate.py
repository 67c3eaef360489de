# SPDX-License-Identifier: Apache-2.0
"""What is shown of a real cloud's objects, and of absurd ones."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.model.elements import Metadata
from netsonde.openstack.cloud import Account
from netsonde.openstack.inventory import Inventory, Ref
from netsonde.openstack.objects import (
    COLLECTIONS,
    Changes,
    FixedIP,
    FloatingIP,
    Network,
    Port,
    Router,
    SecurityGroup,
    Subnet,
    Thing,
)
from netsonde.openstack.remarks import remark
from netsonde.openstack.translate import MOST_LISTED, MOST_TEXT, Translator
from netsonde.schema import unlisted
from recorded_cloud import RecordedCloud


@pytest.fixture
def recorded() -> RecordedCloud:
    return RecordedCloud()


def inventory_of(recorded: RecordedCloud, account: str = "admin") -> Inventory:
    inventory = Inventory()
    for kind, what in COLLECTIONS.items():
        things = recorded.things[account][what.path].values()
        inventory.take(kind, Changes([msgspec.convert(one, what.type) for one in things]))
    inventory.take_projects({recorded.one("ports", name="web")["project_id"]: "demo"} if account == "admin" else {})
    return inventory


def port(recorded: RecordedCloud, account: str = "admin", **fields: object) -> Metadata:
    inventory = inventory_of(recorded, account)
    return Translator("lab", inventory).port(inventory.ports[recorded.one("ports", **fields)["id"]]).neutron


def test_port_of_a_machine_has_the_names_of_all_that_it_touches(recorded: RecordedCloud) -> None:
    shown = port(recorded, name="oslab-vm")
    named = recorded.one("ports", name="oslab-vm")
    assert shown["PortID"] == named["id"]
    assert (shown["NetworkName"], shown["TenantName"], shown["VNI"]) == ("oslab-net", "demo", 7705)
    assert shown["IPV4"] == [f"{named['fixed_ips'][0]['ip_address']}/24"]
    assert shown["Subnets"] == [
        {
            "ID": named["fixed_ips"][0]["subnet_id"],
            "Name": "oslab-subnet",
            "CIDR": "10.77.0.0/24",
            "Gateway": "10.77.0.1",
            "DHCP": True,
        }
    ]
    assert shown["SecurityGroups"] == [{"ID": named["security_groups"][0], "Name": "default"}]
    floating = recorded.one("floatingips", port_id=named["id"])
    assert shown["FloatingIPs"] == [
        {
            "ID": floating["id"],
            "Address": floating["floating_ip_address"],
            "FixedAddress": floating["fixed_ip_address"],
            "RouterID": floating["router_id"],
            "Status": "ACTIVE",
        }
    ]


def test_tag_of_a_vlan_network_is_no_vni(recorded: RecordedCloud) -> None:
    shown = port(recorded, name="oslab-isolated-guest")
    assert (shown["VLAN"], shown["PhysicalNetwork"], "VNI" in shown) == (142, "extern", False)


def test_outside_of_a_router_belongs_to_the_routers_project(recorded: RecordedCloud) -> None:
    shown = port(recorded, device_owner="network:router_gateway")
    assert (shown["TenantName"], shown["RouterName"], shown["External"]) == ("demo", "oslab-router", True)


def test_only_a_machines_port_names_a_machine(recorded: RecordedCloud) -> None:
    inventory = inventory_of(recorded)
    translator = Translator("lab", inventory)
    machines = {one.device_owner: translator.port(one).machine for one in inventory.ports.values()}
    assert {owner for owner, machine in machines.items() if machine} == {"compute:nova"}


def test_member_sees_neither_hosts_nor_segmentation_ids(recorded: RecordedCloud) -> None:
    shown = port(recorded, "demo", name="web")
    assert (shown["NetworkName"], shown["IPV4"][0][-3:]) == ("oslab-net", "/24")  # type: ignore[index]
    assert not {"VNI", "NetworkType", "Host", "VIFType", "TenantName"} & shown.keys()


def test_address_is_bare_where_the_subnet_may_not_be_seen(recorded: RecordedCloud) -> None:
    for things in recorded.things.values():
        things["subnets"].clear()
    shown = port(recorded, name="web")
    assert shown["IPV4"] == [recorded.one("ports", name="web")["fixed_ips"][0]["ip_address"]]
    assert "Subnets" not in shown


def test_every_key_is_listed(recorded: RecordedCloud) -> None:
    inventory = inventory_of(recorded)
    translator = Translator("lab", inventory)
    for one in inventory.ports.values():
        assert unlisted({"Type": "tuntap", "Neutron": translator.port(one).neutron}) == []
    for network in inventory.networks.values():
        assert unlisted({"Type": "netns", "Neutron": translator.network(network).neutron}) == []
    for router in inventory.routers.values():
        assert unlisted({"Type": "netns", "Neutron": translator.router(router).neutron}) == []


def changed(inventory: Inventory, kind: str, **fields: object) -> set[Ref]:
    """Give the first object of a kind other fields; return what looks different for it."""
    first = next(iter(getattr(inventory, kind).values()))
    return inventory.take(kind, Changes([msgspec.structs.replace(first, **fields)]))


def different(inventory: Inventory, before: dict[Ref, Metadata]) -> set[Ref]:
    return {ref for ref, shown in shown_of(inventory).items() if before.get(ref) != shown}


def shown_of(inventory: Inventory) -> dict[Ref, Metadata]:
    make = Translator("lab", inventory)
    ports = {Ref("port", one.id): make.port(one).neutron for one in inventory.ports.values()}
    networks = {Ref("network", one.id): make.network(one).neutron for one in inventory.networks.values()}
    return ports | networks | {Ref("router", one.id): make.router(one).neutron for one in inventory.routers.values()}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("networks", {"name": "other"}),
        ("subnets", {"cidr": "10.0.0.0/8"}),
        ("security_groups", {"name": "other"}),
        ("routers", {"name": "other"}),
        ("floating_ips", {"status": "DOWN"}),
        ("floating_ips", {"port_id": None}),
        ("ports", {"name": "other"}),
    ],
)
def test_all_that_looks_different_is_found(recorded: RecordedCloud, kind: str, fields: dict[str, object]) -> None:
    inventory = inventory_of(recorded)
    before = shown_of(inventory)
    assert different(inventory, before) == set()
    told = changed(inventory, kind, **fields)
    assert different(inventory, before) <= told
    assert different(inventory, before) or kind == "security_groups"


@pytest.mark.parametrize("kind", [kind for kind in COLLECTIONS if kind != "ports"])
def test_all_that_looks_different_without_an_object_is_found(recorded: RecordedCloud, kind: str) -> None:
    inventory = inventory_of(recorded)
    before = shown_of(inventory)
    told = inventory.take(kind, Changes(gone=list(getattr(inventory, kind))))
    assert different(inventory, before) <= told
    assert different(inventory, before)


def test_projects_that_get_another_name_are_found(recorded: RecordedCloud) -> None:
    inventory = inventory_of(recorded)
    before = shown_of(inventory)
    told = inventory.take_projects({project: "renamed" for project in inventory.projects})
    assert different(inventory, before) == told != set()


def test_missing_rights_are_told(recorded: RecordedCloud) -> None:
    admin, demo = Account("admin", "admin", ("admin",)), Account("demo", "demo", ("member", "reader"))
    assert remark(admin, inventory_of(recorded), unknown=0) == ""
    assert "2 interfaces carry ids of ports that no cloud shows" in remark(admin, inventory_of(recorded), unknown=2)
    assert "demo (roles in demo: member, reader) sees what is its own only" in remark(
        demo, inventory_of(recorded, "demo"), unknown=0
    )
    assert "no network and no port is shown to demo" in remark(demo, Inventory(), unknown=0)


TEXTS = st.text('aé<\x00"/-10.:', max_size=400)
IDS = st.sampled_from(["10fb15fd-df7a-40ef-aeb6-0eab56c9e19c", "4b8e9714-ca4c-4764-ad3b-56bb98e8aad5", "", "x"])
FIXED = st.builds(FixedIP, TEXTS | st.ip_addresses().map(str), IDS)


@given(
    st.builds(
        Port,
        id=IDS,
        name=TEXTS | st.none(),
        network_id=IDS,
        project_id=TEXTS | st.none(),
        mac_address=TEXTS,
        device_id=IDS | TEXTS,
        device_owner=st.sampled_from(["compute:nova", "network:router_gateway", ""]) | TEXTS,
        fixed_ips=st.lists(FIXED, max_size=100),
        security_groups=st.lists(TEXTS | IDS, max_size=100),
    ),
    st.builds(Subnet, id=IDS, network_id=IDS, cidr=TEXTS | st.none(), name=TEXTS),
    st.builds(Network, id=IDS, name=TEXTS, network_type=TEXTS | st.just("vlan"), segmentation_id=st.integers()),
    st.builds(Router, id=IDS, name=TEXTS),
    st.builds(FloatingIP, id=IDS, port_id=IDS, floating_ip_address=TEXTS),
)
def test_whatever_tenants_write_is_shown_and_bounded(
    port: Port, subnet: Subnet, network: Network, router: Router, floating: FloatingIP
) -> None:
    inventory = Inventory()
    given: dict[str, Thing] = {
        "networks": network,
        "subnets": subnet,
        "routers": router,
        "floating_ips": floating,
        "ports": port,
    }
    for kind, one in given.items():
        inventory.take(kind, Changes([one]))
    inventory.take("security_groups", Changes([SecurityGroup("x", name="y" * 999)]))
    make = Translator("lab", inventory)
    for record in (make.port(port), make.network(network), make.router(router)):
        msgspec.json.encode(record)
        assert all(len(text) <= MOST_TEXT and text.isprintable() for text in texts_of(record.neutron))
        assert all(len(value) <= MOST_LISTED for value in record.neutron.values() if isinstance(value, list))


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_of(inner)
