# SPDX-License-Identifier: Apache-2.0
"""The tab Inject: both ends are picked on the map, answers are counted while they come, and a long run is stopped."""

import secrets
import subprocess
from collections.abc import Iterator

import pytest

from browser.page import Page
from system.links import ip
from system.stack import Stack

pytestmark = pytest.mark.browser


@pytest.fixture
def ends(stack: Stack) -> Iterator[tuple[str, str]]:
    """Ids of both ends of a veth pair between two namespaces: 10.98.7.1 and 10.98.7.2."""
    stem = secrets.token_hex(3)
    names = f"pga{stem}", f"pgb{stem}"
    for name in names:
        ip("netns", "add", name)
    left, right = f"l{stem}", f"r{stem}"
    ip("-n", names[0], "link", "add", left, "type", "veth", "peer", "name", right, "netns", names[1])
    for number, (name, link) in enumerate(zip(names, (left, right), strict=True), 1):
        ip("-n", name, "addr", "add", f"10.98.7.{number}/24", "dev", link)
        ip("-n", name, "link", "set", link, "up")
    query = f"G.V().Has('Name', Within('{left}', '{right}')).HasKey('IPV4')"
    stack.wait(lambda: len(stack.query(query)) == 2, 15, "both ends in the graph")
    ids = {node["Metadata"]["Name"]: str(node["ID"]) for node in stack.query(query)}
    yield ids[left], ids[right]
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture(autouse=True)
def no_injections_left(stack: Stack) -> Iterator[None]:
    yield
    for uuid in stack.call("GET", "/api/injectpacket"):
        stack.call("DELETE", f"/api/injectpacket/{uuid}")


def card(state: str) -> str:
    return f"[data-testid=injection][data-state={state}]"


def test_packets_are_sent_between_two_nodes_of_the_map_and_their_answers_counted(
    page: Page, ends: tuple[str, str]
) -> None:
    page.run("await page.locator('[data-tab=inject]').click()")
    page.click("button", "Create")
    page.run("await page.locator(`button[aria-label^='From:']`).click()")
    for end in ends:
        page.click_node(end)
    values = "return page.locator('.form input.mono').evaluateAll((all) => all.slice(0, 2).map((one) => one.value))"
    page.wait("button[aria-label^='To: r']")
    assert page.run(values) == ["10.98.7.1", "10.98.7.2"]
    page.run("""
        const form = page.getByRole('form', {name: 'New injection'});
        await form.getByLabel('Packets').fill('3');
        await form.getByLabel('One every').fill('10');
        await form.getByRole('button', {name: 'Inject'}).click();
    """)
    page.wait(f"{card('finished')} [data-testid=injection-counters]:has-text('3 of 3 sent')")
    counters = page.text(f"{card('finished')} [data-testid=injection-counters]")
    assert "3 answered" in counters
    assert "0 % lost" in counters
    assert len(page.texts("[data-testid=injection-result][data-verdict=reply]")) == 3
    page.picture("inject")


def test_an_injection_from_the_selected_interface_is_watched_and_stopped(page: Page, ends: tuple[str, str]) -> None:
    page.click_node(ends[0])
    page.click("button", "Inject")
    page.run("""
        const form = page.getByRole('form', {name: 'New injection'});
        await form.getByLabel('Type').selectOption('arp');
        await form.getByLabel('To address').fill('10.98.7.77');
        await form.getByLabel('Packets').fill('100000');
        await form.getByLabel('One every').fill('50');
        await form.getByLabel('From address').fill('not an address');
        await form.getByRole('button', {name: 'Inject'}).click();
    """)
    page.wait(".form .error-note:has-text('SrcIP')")
    assert "400" in page.run("return complaints.pop()")
    page.run("""
        const form = page.getByRole('form', {name: 'New injection'});
        await form.getByLabel('From address').fill('10.98.7.1');
        await form.getByRole('button', {name: 'Inject'}).click();
    """)
    # Nobody has that address, and after a second of waiting the page says so.
    page.wait(f"{card('running')} [data-testid=injection-counters]:has-text('100 % lost')")
    page.run(f"await page.locator('{card('running')}').getByRole('button', {{name: 'Stop'}}).click()")
    page.wait(".toast:has-text('Stopped after')")
    page.run(f"await page.locator('{card('running')}').waitFor({{state: 'detached'}})")
