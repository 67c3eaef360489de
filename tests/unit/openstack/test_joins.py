# SPDX-License-Identifier: Apache-2.0
"""What is the same thing in the graph and in a cloud, and what of it is laid upon a node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.model.elements import Json, Metadata
from netsonde.model.openstack import CloudRecord
from netsonde.openstack.joins import keys_of_node, keys_of_record, laid, port_id_of

ID = "10fb15fd-df7a-40ef-aeb6-0eab56c9e19c"
MACHINE = "6510f72e-7acb-43b0-aba4-c117445cd653"
MAC = "fa:16:3e:9a:c6:20"
PORT = CloudRecord("lab", "port", ID, MAC, MACHINE, {"PortID": ID})


def found(**metadata: Json) -> set[str]:
    return set(keys_of_node(metadata)) & set(keys_of_record(PORT))


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ({"Name": "eth7", "ExtID": {"iface-id": ID.upper()}}, f"port {ID}"),
        ({"Name": "tap10fb15fd-df"}, "device 10fb15fd-df"),
        ({"Name": "qvo10fb15fd-df"}, "device 10fb15fd-df"),
        ({"Name": "qr-10fb15fd-df"}, "device 10fb15fd-df"),
        ({"Name": "eth7", "ExtID": {"attached-mac": MAC.upper()}}, f"mac {MAC}"),
        ({"Name": "eth7", "PeerIntfMAC": MAC}, f"mac {MAC}"),
        ({"Name": "qg-00", "MAC": MAC}, f"mac {MAC}"),
        ({"Name": "vnet3", "MAC": "fe:16:3e:9a:c6:20"}, "tail 16:3e:9a:c6:20"),
    ],
)
def test_interface_is_a_port_by(metadata: Metadata, key: str) -> None:
    assert found(**metadata) == {key}


@pytest.mark.parametrize(
    "metadata",
    [
        {"Name": "eth0", "MAC": MAC},
        {"Name": "xtap10fb15fd-df"},
        {"Name": "tap10fb15fd-dfe"},
        {"Name": "tap10fb15fd-df", "Type": "ovsport"},
        {"Name": "tap10fb15fd-df", "Type": "netns"},
        {"Name": "eth7", "ExtID": {"iface-id": f"{ID}x"}},
        {"Name": "eth7", "ExtID": "tap"},
        {"Name": 7, "MAC": []},
        {},
    ],
)
def test_interface_is_no_port_by(metadata: Metadata) -> None:
    assert found(**metadata) == set()


def test_surest_sign_comes_first() -> None:
    keys = list(keys_of_node({"Name": "tap10fb15fd-df", "ExtID": {"iface-id": ID, "attached-mac": MAC}, "MAC": MAC}))
    assert keys[:2] == [f"port {ID}", "device 10fb15fd-df"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (f"qdhcp-{ID}", f"network {ID}"),
        (f"ovnmeta-{ID}", f"network {ID}"),
        (f"fip-{ID}", f"network {ID}"),
        (f"qrouter-{ID}", f"router {ID}"),
        (f"snat-{ID}", f"router {ID}"),
    ],
)
def test_namespace_is_named_by_what_it_serves(name: str, key: str) -> None:
    assert list(keys_of_node({"Name": name, "Type": "netns"})) == [key]
    assert list(keys_of_node({"Name": f"{name}-x", "Type": "netns"})) == []


def test_bridge_of_linux_bridge_agents_is_its_network() -> None:
    record = CloudRecord("lab", "network", ID)
    assert set(keys_of_node({"Name": "brq10fb15fd-df", "Type": "bridge"})) == {"bridge 10fb15fd-df"}
    assert "bridge 10fb15fd-df" in set(keys_of_record(record))


def test_iface_id_of_another_system_is_no_port() -> None:
    assert port_id_of({"ExtID": {"iface-id": "default_pod-1"}}) == ""


def test_what_agents_know_stays_theirs() -> None:
    base: Metadata = {
        "Name": "tap10fb15fd-df",
        "MAC": "fe:16:3e:9a:c6:20",
        "Manager": "docker",
        "VM": {"UUID": "other"},
        "ExtID": {"iface-id": ID},
        "PeerIntfMAC": "02:00:00:00:00:01",
    }
    assert laid(PORT, base) == {"Neutron": {"PortID": ID}}


def test_tap_without_external_ids_gets_the_machine_as_os_vif_writes_it() -> None:
    assert laid(PORT, {"Name": "tap10fb15fd-df", "MAC": "fe:16:3e:9a:c6:20"}) == {
        "Neutron": {"PortID": ID},
        "Manager": "neutron",
        "VM": {"UUID": MACHINE},
        "ExtID": {"vm-uuid": MACHINE, "attached-mac": MAC},
        "PeerIntfMAC": MAC,
    }


def test_bridge_between_tap_and_port_belongs_to_the_machine_and_is_not_the_port() -> None:
    assert "Neutron" not in laid(PORT, {"Name": "qbr10fb15fd-df"})
    assert laid(PORT, {"Name": "qbr10fb15fd-df"})["VM"] == {"UUID": MACHINE}


TEXTS = st.text("tapqr-0f:é\x00", max_size=20) | st.sampled_from(["netns", f"qdhcp-{ID}", "tap10fb15fd-df", MAC, ID])
INNER = st.none() | st.integers() | TEXTS
NAMES = st.sampled_from(["iface-id", "attached-mac", "UUID", ""])
VALUES = INNER | st.lists(INNER, max_size=3) | st.dictionaries(NAMES, INNER, max_size=3)


@given(st.dictionaries(st.sampled_from(["Name", "Type", "ExtID", "MAC", "PeerIntfMAC", "VM", "Manager"]), VALUES))
def test_nothing_that_agents_may_say_is_too_absurd(metadata: Metadata) -> None:
    for key in keys_of_node(metadata):
        assert key.partition(" ")[0] in ("port", "device", "bridge", "mac", "tail", "network", "router")
    assert laid(PORT, metadata).keys() <= {"Neutron", "Manager", "VM", "ExtID", "PeerIntfMAC"}
