# SPDX-License-Identifier: Apache-2.0
"""The rules and groups of a real switch on the page: read when they are opened, and again on demand."""

import json
from collections.abc import Iterator

import pytest

from browser.page import Browser, Page
from browser.test_accessible import AXE, RUN
from live_graph import name, private_netns, run
from ovs_fixture import PrivateOvs, running_ovs
from system.stack import Stack

pytestmark = pytest.mark.browser

BRIDGE, PORT = name("b"), name("p")


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    with private_netns(), running_ovs(tmp_path_factory) as switch:
        switch.add_bridge(BRIDGE)
        switch.vsctl("add-port", BRIDGE, PORT, "--", "set", "Interface", PORT, "type=internal", "ofport_request=1")
        ofctl(switch, "del-flows")
        ofctl(switch, "add-flow", "table=0,priority=100,ip,in_port=1,nw_dst=10.0.0.9 actions=LOCAL")
        ofctl(switch, "add-flow", "table=7,priority=5,arp actions=drop")
        ofctl(switch, "add-group", "group_id=4,type=all,bucket=actions=output:1")
        yield switch


@pytest.fixture(scope="module")
def stack(switch: PrivateOvs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An all-in-one beside the switch, in the namespace of both."""
    env = {"NETSONDE_PROBES_OVSDB_ADDRESSES": switch.address}
    running = Stack(tmp_path_factory.mktemp("openflow") / "state", env=env).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Iterator[Browser]:
    """A Chromium in the same namespace."""
    running = Browser()
    yield running
    running.close()


def ofctl(switch: PrivateOvs, command: str, *arguments: str) -> str:
    return run("ovs-ofctl", "-O", "OpenFlow15", command, f"unix:{switch.directory / BRIDGE}.mgmt", *arguments)


def node_of(stack: Stack, kind: str, label: str) -> str:
    """Return a node when the port that is asked about is known too."""
    port = f"G.V().Has('Type', 'internal', 'Name', '{PORT}').HasKey('OfPort')"
    stack.wait(lambda: stack.query(port), 15, "the port in the graph")
    return str(stack.query(f"G.V().Has('Type', '{kind}', 'Name', '{label}')")[0]["ID"])


def rules(page: Page) -> list[str]:
    return page.texts("[data-testid=rules] .table-row")


def wait_count(page: Page, words: str) -> None:
    page.wait(f"[data-testid=rules-count]:text-is({json.dumps(words)})")


def test_the_rules_of_a_bridge_are_read_when_they_are_opened(page: Page, stack: Stack, switch: PrivateOvs) -> None:
    page.open(f"?tab=node&node={node_of(stack, 'ovsbridge', BRIDGE)}")
    page.click("tab", "OpenFlow")
    wait_count(page, "2 rules")
    assert any("ip,in_port=1,nw_dst=10.0.0.9" in row and "LOCAL" in row for row in rules(page))

    page.run("await page.getByLabel('Filter rules').fill('table=7')")
    wait_count(page, "1 of 2 rules")
    page.run("await page.getByTestId('rules').getByRole('row').nth(1).click()")
    page.wait("[aria-label='Chosen rule'] :text('Cookie')")

    page.run("await page.getByLabel('Filter rules').fill('')")
    ofctl(switch, "add-flow", "table=8 actions=NORMAL")
    page.click("button", "Refresh")
    wait_count(page, "3 rules")
    ofctl(switch, "del-flows", "table=8")

    page.click("tab", "Groups")
    wait_count(page, "1 group")
    assert any("{output:1}" in row for row in rules(page))


def test_of_a_port_the_page_shows_what_concerns_it(page: Page, stack: Stack) -> None:
    page.open(f"?tab=node&view=rules&node={node_of(stack, 'ovsport', PORT)}")

    wait_count(page, "1 rule")
    assert "in_port=1" in rules(page)[0]


def test_axe_finds_nothing_in_the_panel(page: Page, stack: Stack) -> None:
    page.open(f"?tab=node&view=rules&node={node_of(stack, 'ovsbridge', BRIDGE)}")
    wait_count(page, "2 rules")
    page.run("await page.getByTestId('rules').getByRole('row').nth(1).click()")
    page.run("await page.evaluate(" + json.dumps(AXE.read_text()) + "); return null")

    assert page.run(RUN) == []


def test_what_keeps_the_switch_from_being_asked_is_said(page: Page, stack: Stack, switch: PrivateOvs) -> None:
    socket = switch.directory / f"{BRIDGE}.mgmt"
    aside = socket.rename(socket.with_suffix(".aside"))
    try:
        page.open(f"?tab=node&view=rules&node={node_of(stack, 'ovsbridge', BRIDGE)}")
        page.wait(f"[role=alert]:has-text('{BRIDGE}: ')")
        assert ".mgmt" in page.text("[role=alert]")
    finally:
        aside.rename(socket)


def test_in_the_past_there_are_no_rules(page: Page, stack: Stack) -> None:
    found = node_of(stack, "ovsbridge", BRIDGE)
    created = stack.query(f"G.V('{found}')")[0]["UpdatedAt"]
    stack.wait(lambda: stack.query(f"G.At({created}).V('{found}')"), 15, "in the history")

    page.open(f"?tab=node&view=rules&node={found}&at={created}")

    page.wait(".empty-title:has-text('Rules are not recorded')")
