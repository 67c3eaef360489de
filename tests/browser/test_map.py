# SPDX-License-Identifier: Apache-2.0
"""The map beyond the present and beyond nodes: what was, what has gone, links, and the way of a flow."""

import json
import time

import pytest

from browser.page import Page
from browser.test_story import card, create_by_expression, node_id
from system.links import Links, ip, send_udp
from system.stack import Stack

pytestmark = pytest.mark.browser

CLICK_BETWEEN = """
const [from, to] = await page.evaluate((ids) => ids.map((id) => window.netsondeNodeAt(id)), ENDS);
const box = await page.getByTestId('canvas').boundingBox();
await page.mouse.click(box.x + (from.x + to.x) / 2, box.y + (from.y + to.y) / 2);
"""


# With its name below it a node stands a little higher than the middle.
STANDS_IN_THE_MIDDLE = """(id) => {
  const {clientWidth, clientHeight} = document.querySelector('[data-testid=canvas]');
  const {x, y} = window.netsondeNodeAt(id);
  return Math.abs(x - clientWidth / 2) < 2 && Math.abs(y - clientHeight / 2) < 20;
}"""


def wait_on_map(page: Page, node: str) -> None:
    page.click("button", "Open all groups")
    page.run(f"await page.waitForFunction((id) => window.netsondeNodeAt(id), {json.dumps(node)})")


def wait_off_map(page: Page, node: str) -> None:
    page.run(f"await page.waitForFunction((id) => !window.netsondeNodeAt(id), {json.dumps(node)})")


def test_the_map_shows_the_network_as_it_was(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    node = node_id(stack, left)
    then = int(time.time() * 1000)
    stack.wait(lambda: stack.query(f"G.At({then}).V().Has('Name', '{left}')"), 15, "in the history")
    ip("link", "del", left)
    wait_off_map(page, node)

    page.open(f"?at={then}")
    wait_on_map(page, node)
    page.wait("[data-testid=time-bar] :text('gone since')")
    page.click_node(node)
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")

    page.click("button", "Back to now")
    wait_off_map(page, node)
    page.wait(".empty-title:has-text('not there any more')")


def test_a_moment_is_chosen_by_its_date(page: Page) -> None:
    page.click("button", "Look at the past")
    page.run("""
        await page.getByLabel('Date and time').fill('2001-02-03T04:05:06');
        await page.keyboard.press('Enter');
        await page.getByText('Nothing is known of that moment').waitFor();
    """)
    assert "at=" in page.run("return page.url()")
    page.click("button", "Look at the past")
    assert "at=" not in page.run("return page.url()")


def test_a_link_is_selected_by_clicking_its_line(page: Page, stack: Stack, links: Links) -> None:
    left, right = links.veth("a")
    ends = [node_id(stack, left), node_id(stack, right)]
    wait_on_map(page, ends[0])
    wait_on_map(page, ends[1])
    # The search brings the pair into sight: both ends were placed side by side.
    page.run(f"await page.keyboard.press('/'); await page.keyboard.type({json.dumps(left)})")
    page.wait(f"#search-hits [role=option]:has-text('{left}')")
    page.run("await page.keyboard.press('Enter')")
    page.run(f"await page.waitForFunction({STANDS_IN_THE_MIDDLE}, {json.dumps(ends[0])})")
    page.run(CLICK_BETWEEN.replace("ENDS", json.dumps(ends)))
    page.wait(f"[data-testid=link-inspector] .link-ends:has-text('{left}'):has-text('{right}')")


def test_metadata_is_filtered_and_leads_to_nodes_with_the_same_value(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    page.click_node(node_id(stack, left))
    page.run("await page.getByLabel('Filter keys and values').fill('ifindex')")
    page.wait(".tree-row:has-text('IfIndex')")
    assert "MTU" not in page.texts(".tree-row .tree-key")
    page.run("await page.getByLabel('Filter keys and values').fill('name " + left + "')")
    page.run("await page.getByRole('button', {name: 'Find all nodes with this Name', exact: true}).click()")
    page.wait(f"[aria-label=Result] :text('{left}')")


def test_a_chosen_flow_rings_the_interfaces_that_saw_it(page: Page, stack: Stack, links: Links) -> None:
    left, right = links.veth("a")
    create_by_expression(page, f"G.V().Has('Name', Within('{left}', '{right}'))")
    page.wait(card("active"))
    stack.wait(
        lambda: len(stack.query(f"G.V().Has('Name', Within('{left}', '{right}')).HasKey('Captures')")) == 2, 10, "two"
    )
    send_udp(right, 0, 5)
    page.run("await page.locator('[data-tab=flows]').click()")
    page.run("await page.getByLabel('Filter flows').fill('10.9.8.7')")
    page.run("await page.locator('[data-testid=flows] .table-row').first().click()")
    page.wait("[data-testid=flow-path]:has-text('seen on 2 interfaces')")
