# SPDX-License-Identifier: Apache-2.0
"""The query of the map: what it finds stands out or is all there is, live; mistakes; favourites."""

import json

import pytest

from browser.page import Page
from browser.test_map import wait_off_map, wait_on_map
from browser.test_story import node_id
from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.browser

FIELD = "page.getByLabel('Show only what this finds')"
WORDS = "[data-testid=map-query-words]"


def ask(page: Page, query: str) -> None:
    page.run(f"await {FIELD}.fill({json.dumps(query)}); await page.keyboard.press('Enter')")


@pytest.fixture
def asking(page: Page) -> Page:
    page.click("button", "Ask what the map shows")
    return page


def test_what_a_query_does_not_find_is_hidden_and_comes_back(asking: Page, stack: Stack, links: Links) -> None:
    left, right = links.veth("a")
    ends = [node_id(stack, left), node_id(stack, right)]
    for end in ends:
        wait_on_map(asking, end)
    ask(asking, f"G.V().Has('Name', '{left}')")
    asking.wait(f"{WORDS}:has-text('1 node, 0 links')")
    assert asking.run(f"return page.evaluate((id) => window.netsondeNodeAt(id), {json.dumps(ends[1])})") is not None
    asking.click("button", "Hide what is not found")
    wait_off_map(asking, ends[1])
    assert asking.run(f"return page.evaluate((id) => window.netsondeNodeAt(id), {json.dumps(ends[0])})") is not None
    asking.wait("[data-testid=map-note]:has-text('not found by the query')")
    asking.picture("map-query")
    asking.click("button", "Show the whole map")
    wait_on_map(asking, ends[1])
    assert "map=" not in asking.run("return page.url()")


def test_the_map_follows_what_begins_and_ceases_to_be_found(asking: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    node = node_id(stack, left)
    ask(asking, f"G.V().Has('Name', '{left}').Has('MTU', 1400)")
    asking.wait(f"{WORDS}:has-text('Nothing is found now')")
    ip("link", "set", left, "mtu", "1400")
    asking.wait(f"{WORDS}:has-text('1 node')")
    # The address brings it back, and hides at once.
    asking.run("await page.goto(page.url() + '&others=hide')")
    asking.wait(f"{WORDS}:has-text('1 node')")
    wait_on_map(asking, node)
    ip("link", "set", left, "mtu", "1500")
    asking.wait(f"{WORDS}:has-text('Nothing is found now')")
    wait_off_map(asking, node)


def test_a_mistake_is_told_with_its_column(asking: Page) -> None:
    ask(asking, "G.V().Hass('Name', 'x')")
    asking.wait(f"{WORDS}.tone-text-red:has-text('Column 7')")
    assert "did you mean" in asking.text(WORDS)
    ask(asking, "G.V().Count()")
    asking.wait(f"{WORDS}.tone-text-red:has-text('a map shows nodes and links')")


def test_every_favourite_that_comes_with_the_page_is_answered(asking: Page) -> None:
    options = asking.run(
        "return page.getByLabel('Favourites', {exact: true}).locator('option:not([disabled])')"
        ".evaluateAll((all) => all.map((one) => one.value))"
    )
    assert len(options) > 3
    for option in options:
        asking.run(f"await page.getByLabel('Favourites', {{exact: true}}).selectOption({json.dumps(option)})")
        asking.wait(f"{WORDS}:not(.tone-text-red):text-matches('found|nodes?,')")


def test_a_favourite_is_kept_by_the_browser_until_it_is_let_go(asking: Page) -> None:
    ask(asking, "G.V().Has('Type', 'bridge')")
    asking.click("button", "Keep among the favourites")
    asking.open()
    asking.click("button", "Ask what the map shows")
    asking.run("await page.getByLabel('Favourites', {exact: true}).selectOption(`G.V().Has('Type', 'bridge')`)")
    asking.wait("button[aria-label='Keep among the favourites'][aria-pressed=true]")
    asking.click("button", "Keep among the favourites")
    asking.wait("button[aria-label='Keep among the favourites'][aria-pressed=false]")
