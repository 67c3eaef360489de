# SPDX-License-Identifier: Apache-2.0
"""Manners of the page: mistakes are shown where they are, nothing becomes markup, it says when it is not live."""

import json

import pytest

from browser.page import Page
from browser.test_story import card, node_id
from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.browser


def test_a_mistake_in_an_expression_is_underlined_and_cannot_be_started(page: Page) -> None:
    page.click("button", "Create")
    page.type_expression("G.V().Has('Name', 'x'")
    page.wait(".cm-lintRange-error")
    assert page.text("[data-testid=preview] .tone-text-red") != ""
    assert page.run("return page.getByRole('button', {name: 'Start capture'}).isDisabled()") is True


def test_a_bad_packet_filter_is_refused_in_words(page: Page) -> None:
    page.click("button", "Create")
    page.type_expression("G.V().Has('Name', 'x')")
    page.run("await page.getByLabel('Packet filter').fill('not a filter')")
    page.click("button", "Start capture")
    page.wait(".error-note")
    assert "filter" in page.text(".error-note")
    assert "400" in page.run("return complaints.pop()")


def test_names_of_a_network_never_become_markup(page: Page, stack: Stack, links: Links) -> None:
    hostile = "<img>" + links.prefix
    ip("link", "add", hostile, "type", "veth", "peer", "name", links.prefix + "h")
    links.names.append(hostile)
    stack.capture(f"G.V().Has('Name', '{hostile}')", Name="<img src=x onerror=alert(1)>")
    page.wait(card("active"))
    assert "<img src=x onerror=alert(1)>" in page.text(card("active"))
    page.click_node(node_id(stack, hostile))
    page.wait("[data-testid=inspector] h2")
    assert page.text("[data-testid=inspector] h2") == hostile
    assert page.run("return page.locator('img:not(.brand img)').count()") == 0


def test_search_finds_a_node_and_brings_it_into_sight(page: Page, links: Links) -> None:
    left, _ = links.veth("a")
    page.run(f"await page.keyboard.press('/'); await page.keyboard.type({json.dumps(left)})")
    page.wait(f"#search-hits [role=option]:has-text('{left}')")
    page.run("await page.keyboard.press('Enter')")
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")


def test_the_address_keeps_what_is_looked_at(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    page.click_node(node_id(stack, left))
    page.click("tab", "Details")
    page.run("await page.reload()")
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    assert page.run("return page.getByRole('tab', {name: 'Details'}).getAttribute('aria-selected')") == "true"


def test_nodes_stay_where_they_are_when_others_come(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    first = node_id(stack, left)
    page.click_node(first)
    place = f"return page.evaluate((id) => window.netsondeNodeAt(id), {json.dumps(first)})"
    before = page.run(place)
    newcomer = node_id(stack, links.veth("b")[0])
    page.run(f"await page.waitForFunction((id) => window.netsondeNodeAt(id), {json.dumps(newcomer)})")
    assert page.run(place) == before


def test_a_capture_is_made_with_the_keyboard_alone(page: Page) -> None:
    page.run("await page.getByRole('button', {name: 'Create'}).focus(); await page.keyboard.press('Enter')")
    page.run("await page.locator('.cm-content').focus()")
    page.run("""await page.keyboard.insertText("G.V().Has('Name', 'nobody')"); await page.keyboard.press('Escape')""")
    page.wait("[data-testid=preview] .tone-text-amber")
    page.run("await page.keyboard.press('Control+Enter')")
    page.wait(card("waiting"))


def test_colours_follow_the_choice_and_stay(page: Page) -> None:
    page.click("button", "Dark colours")
    page.run("await page.reload()")
    assert page.run("return page.evaluate(() => document.documentElement.dataset.theme)") == "dark"


def test_the_name_of_the_host_leads_to_what_runs_there(page: Page, stack: Stack) -> None:
    page.click("button", stack.call("GET", "/api")["Host"])
    page.wait("[data-testid=process][data-service=agent] tr[data-state=running]:has-text('netlink')")
    page.wait("[data-testid=process][data-service=analyzer] tr[data-state=running]:has-text('history')")
    page.click("tab", "Status")
