# SPDX-License-Identifier: Apache-2.0
"""A cloud, analyzers over one bucket, and the graph that they show: as it comes, changes, fails, returns."""

import asyncio
from typing import Any

import pytest

from netsonde.model.elements import Json
from netsonde.model.openstack import CloudRecord
from netsonde.openstack import reader as reading
from netsonde.openstack.settings import CloudSettings
from recorded_cloud import RecordedCloud
from unit.captures.fakes import FakeLease, FakeStore
from unit.openstack.clouds import NAME, hurried, settings_for, showing, until

pytestmark = pytest.mark.timeout(30)
Store = FakeStore[CloudRecord]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LOOK_GAP", 0.02)
    monkeypatch.setattr("netsonde.openstack.wanted.FIRST", 0.02)


def tap_of(port: dict[str, Any], **more: Json) -> dict[str, Json]:
    """Return what an agent says of the interface that Open vSwitch has for a port."""
    return {"Name": f"tap{port['id'][:11]}", "Type": "tuntap", "ExtID": {"iface-id": port["id"]}, **more}


async def test_interface_shows_its_port_whichever_comes_first(cloud: RecordedCloud, store: Store) -> None:
    web, vm = cloud.one("ports", name="web"), cloud.one("ports", name="oslab-vm")
    async with showing(store, settings_for(cloud)) as shown:
        shown.says(early=tap_of(web))
        await shown.comes("early", PortName="web", NetworkName="oslab-net")
        shown.says(early=tap_of(web), late=tap_of(vm))
        await shown.comes("late", PortName="oslab-vm")
        metadata = shown.analyzer.shown("late")
        assert (metadata["Manager"], metadata["VM"]) == ("neutron", {"UUID": vm["device_id"]})


async def test_namespaces_are_named_by_network_and_router(cloud: RecordedCloud, store: Store) -> None:
    network, router = cloud.one("networks", name="oslab-isolated"), cloud.one("routers")
    dhcp: dict[str, Json] = {"Name": f"qdhcp-{network['id']}", "Type": "netns"}
    async with showing(store, settings_for(cloud)) as shown:
        shown.says(dhcp=dhcp, router={"Name": f"qrouter-{router['id']}", "Type": "netns"})
        await shown.comes("dhcp", NetworkName="oslab-isolated", TenantName="demo", VLAN=142)
        gateway = (await shown.comes("router", RouterName="oslab-router"))["Gateway"]
        assert isinstance(gateway, dict)
        assert gateway["NetworkName"] == "oslab-ext"


async def test_port_of_a_new_interface_is_asked_for_long_before_the_next_look(
    cloud: RecordedCloud, store: Store
) -> None:
    async with showing(store, settings_for(cloud, interval=3600)) as shown:
        await shown.looks(0)
        await until(lambda: shown.state.state == "running")
        like = cloud.one("ports", name="web")
        network = cloud.add("networks", cloud.one("networks", name="oslab-net"), name="new-net")
        made = cloud.add("ports", like, name="new", network_id=network, mac_address="fa:16:3e:00:00:07")
        shown.says(tap={"Name": "tap0", "Type": "tuntap", "ExtID": {"iface-id": made}})
        await shown.comes("tap", PortName="new", NetworkName="new-net")
        assert shown.state.counters["looks"] == 1


async def test_port_that_is_plugged_is_asked_for_until_it_is_up(cloud: RecordedCloud, store: Store) -> None:
    guest = cloud.one("ports", name="oslab-guest")
    assert guest["status"] == "DOWN"
    async with showing(store, settings_for(cloud, interval=3600)) as shown:
        shown.says(tap=tap_of(guest))
        await shown.comes("tap", Status="DOWN")
        cloud.change("ports", guest["id"], status="ACTIVE")
        await shown.comes("tap", Status="ACTIVE")
        asked = len(cloud.asked)
        await asyncio.sleep(0.3)  # Nothing is to happen: a port that is up is not asked for any more.
        assert len(cloud.asked) == asked


async def test_new_interface_does_not_wait_until_a_large_cloud_has_been_listed(
    cloud: RecordedCloud, store: Store
) -> None:
    async with showing(store, hurried(settings_for(cloud))) as shown:
        await shown.looks()
        cloud.holds = lambda question: "/ports?" in question and "id=" not in question.replace("fields=id", "")
        asked = len(cloud.asked)
        await until(lambda: any(cloud.holds(one) for one in cloud.asked[asked:]))
        made = cloud.add("ports", cloud.one("ports", name="web"), name="new", mac_address="fa:16:3e:00:00:07")
        shown.says(tap={"Name": "tap0", "Type": "tuntap", "ExtID": {"iface-id": made}})
        await shown.comes("tap", PortName="new")
        cloud.change("ports", made, name="newer")
        cloud.holds = lambda _: False
        await shown.comes("tap", PortName="newer")


async def test_names_of_projects_may_be_missing(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    cloud.answers["projects"] = (500, b"away")
    async with showing(store, settings_for(cloud)) as shown:
        shown.says(tap=tap_of(web))
        found = await shown.comes("tap", PortName="web", TenantID=web["project_id"])
        assert "TenantName" not in found
        assert shown.state.counters["projects_failed"] == 1


async def test_new_project_is_named_with_its_first_port(cloud: RecordedCloud, store: Store) -> None:
    async with showing(store, hurried(settings_for(cloud))) as shown:
        await shown.looks()
        cloud.projects["5" * 32] = "new-shop"
        made = cloud.add("ports", cloud.one("ports", name="web"), project_id="5" * 32, mac_address="")
        shown.says(tap={"Name": "tap0", "Type": "tuntap", "ExtID": {"iface-id": made}})
        await shown.comes("tap", TenantName="new-shop")
        asked = sum("/projects" in one for one in cloud.asked)
        await shown.looks(3)
        assert sum("/projects" in one for one in cloud.asked) == asked == 2


async def test_many_new_interfaces_are_asked_for_together(cloud: RecordedCloud, store: Store) -> None:
    async with showing(store, settings_for(cloud, interval=3600)) as shown:
        await until(lambda: shown.state.state == "running")
        like, before = cloud.one("ports", name="web"), len(cloud.asked)
        made = [cloud.add("ports", like, name=f"p{number}", mac_address="") for number in range(60)]
        taps: dict[str, dict[str, Json]] = {one: {"Type": "tuntap", "ExtID": {"iface-id": one}} for one in made}
        shown.says(**taps)
        await until(lambda: all(shown.neutron(one) for one in made))
        assert len([one for one in cloud.asked[before:] if "/ports?" in one]) <= 3


async def test_id_that_no_cloud_knows_is_told_and_asked_for_a_few_times_only(
    cloud: RecordedCloud, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.openstack.wanted._TRIES", 3)
    async with showing(store, settings_for(cloud, interval=3600)) as shown:
        await until(lambda: shown.state.state == "running")
        stranger: dict[str, Json] = {"iface-id": "00000000-0000-4000-8000-000000000000"}
        shown.says(tap={"Name": "tap0", "Type": "tuntap", "ExtID": stranger})
        await until(lambda: shown.state.counters.get("ports_asked_for", 0) == 3)
        assert "1 interfaces carry ids of ports that no cloud shows" in shown.state.reason
        await asyncio.sleep(0.2)  # Nothing is to happen.
        assert shown.state.counters["ports_asked_for"] == 3


async def test_what_changes_and_goes_in_the_cloud_changes_and_goes_in_the_graph(
    cloud: RecordedCloud, store: Store
) -> None:
    web, network = cloud.one("ports", name="web"), cloud.one("networks", name="oslab-net")
    async with showing(store, hurried(settings_for(cloud))) as shown:
        shown.says(tap=tap_of(web))
        await shown.comes("tap", PortName="web")
        cloud.change("networks", network["id"], name="renamed")
        await shown.comes("tap", NetworkName="renamed")
        cloud.delete("ports", web["id"])
        await until(lambda: not shown.neutron("tap"))
        assert shown.analyzer.shown("tap") == {**tap_of(web), "Name": f"tap{web['id'][:11]}"}
        assert f"{NAME}.port.{web['id']}" not in store.entries


async def test_nothing_is_written_while_nothing_changes(cloud: RecordedCloud, store: Store) -> None:
    async with showing(store, hurried(settings_for(cloud))) as shown:
        await shown.looks()
        written = store.writes
        await shown.looks(3)
        assert store.writes == written
        assert not [one for one in cloud.asked[-12:] if "fields=mac_address" in one]


async def test_names_stay_while_the_cloud_is_away_and_it_is_told(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    async with showing(store, hurried(settings_for(cloud))) as shown:
        shown.says(tap=tap_of(web))
        await shown.comes("tap", PortName="web")
        cloud.answers["ports"] = (503, b"away")
        await until(lambda: shown.state.state == "failed")
        assert "answers 503: away" in shown.state.reason
        assert shown.neutron("tap")["PortName"] == "web"
        del cloud.answers["ports"]
        cloud.change("ports", web["id"], name="after")
        await shown.comes("tap", PortName="after")
        await until(lambda: shown.state.state == "running")


async def test_refused_log_in_is_told_and_not_repeated(cloud: RecordedCloud, store: Store) -> None:
    cloud.password = "another"
    async with showing(store, hurried(settings_for(cloud))) as shown:
        await until(lambda: shown.state.state == "failed")
        assert "refuses admin: check its password" in shown.state.reason
        await asyncio.sleep(0.3)  # Nothing is to happen: some failures may lock an account.
        assert cloud.asked.count("POST /v3/auth/tokens") == 1


async def test_account_without_rights_is_told(cloud: RecordedCloud, store: Store) -> None:
    async with showing(store, settings_for(cloud, "demo")) as shown:
        await until(lambda: shown.state.state == "running")
        assert "demo (roles in demo: member, reader) sees what is its own only" in shown.state.reason
        assert shown.state.counters["incomplete"] == 1


async def test_analyzer_that_starts_anew_shows_names_without_the_cloud(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    async with showing(store, settings_for(cloud)) as first:
        first.says(tap=tap_of(web))
        await first.comes("tap", PortName="web")
    gone = CloudSettings(auth_url="http://127.0.0.1:9/v3", username="admin", password="right")
    async with showing(store, gone) as second:
        second.says(tap=tap_of(web))
        await second.comes("tap", PortName="web")
        await until(lambda: second.state.state == "failed")
        assert second.neutron("tap")["PortName"] == "web"


async def test_restart_writes_only_what_changed_meanwhile(cloud: RecordedCloud, store: Store) -> None:
    async with showing(store, settings_for(cloud)) as first:
        await until(lambda: first.state.state == "running")
    web, gone = cloud.one("ports", name="web")["id"], cloud.one("ports", name="oslab-guest")["id"]
    cloud.change("ports", web, name="renamed")
    cloud.delete("ports", gone)
    before = dict(store.entries)
    async with showing(store, settings_for(cloud)) as second:
        await until(lambda: second.state.state == "running")
    differ = {key for key in before.keys() | store.entries.keys() if before.get(key) != store.entries.get(key)}
    assert differ == {f"{NAME}.reader", f"{NAME}.port.{web}", f"{NAME}.port.{gone}"}


async def test_one_of_two_analyzers_reads_and_both_show(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    waiting = FakeLease()
    waiting.free.clear()
    async with (
        showing(store, settings_for(cloud)) as leader,
        showing(store, settings_for(cloud), host="a2", lease=waiting) as other,
        showing(store, None, host="a3") as without_settings,
    ):
        for shown in (leader, other, without_settings):
            shown.says(tap=tap_of(web))
            await shown.comes("tap", PortName="web")
        await until(lambda: other.state.reason == "the analyzer a1 reads it")
        assert cloud.asked.count("POST /v3/auth/tokens") == 1


async def test_cloud_that_nobody_reads_any_more_is_forgotten(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    async with showing(store, settings_for(cloud)) as reader:
        await until(lambda: reader.state.state == "running")
    del store.entries[f"{NAME}.reader"]  # As when its time is over.
    async with showing(store, None, host="a2", orphaned=0.05) as shown:
        shown.says(tap=tap_of(web))
        await until(lambda: not store.entries)
        await until(lambda: not shown.neutron("tap"))


async def test_bus_that_is_away_costs_nothing_but_time(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    async with showing(store, hurried(settings_for(cloud))) as shown:
        shown.says(tap=tap_of(web))
        await shown.comes("tap", PortName="web")
        store.away = True
        cloud.change("ports", web["id"], name="meanwhile")
        await until(lambda: shown.state.state == "failed")
        store.away = False
        await shown.comes("tap", PortName="meanwhile")


async def test_cloud_that_hangs_does_not_hold_up_the_end(cloud: RecordedCloud, store: Store) -> None:
    cloud.holds = lambda _: True
    async with asyncio.timeout(20), showing(store, settings_for(cloud, timeout=60)) as shown:
        await until(lambda: any("/v2.0/" in one for one in cloud.asked))
        assert shown.state.state == "starting"


async def test_macs_that_several_ports_have_tell_nothing(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    cloud.add("ports", web, name="twin")
    async with showing(store, settings_for(cloud)) as shown:
        tap: dict[str, Json] = {"Name": "vnet1", "Type": "tuntap", "MAC": f"fe{web['mac_address'][2:]}"}
        named = tap_of(web, MAC=web["mac_address"])
        shown.says(unclear=tap, named=named)
        await shown.comes("named", PortName="web")
        await until(lambda: shown.health["openstack"].counters["ambiguous"] == 1)
        assert shown.neutron("unclear") == {}


async def test_what_users_say_stands_above_the_cloud(cloud: RecordedCloud, store: Store) -> None:
    web = cloud.one("ports", name="web")
    async with showing(store, settings_for(cloud)) as shown:
        shown.says(tap=tap_of(web))
        await shown.comes("tap", PortName="web")
        await shown.analyzer.declared.annotate("tap", {"Neutron": {"PortName": "mine"}}, {})
        await shown.comes("tap", PortName="mine", NetworkName="oslab-net")
