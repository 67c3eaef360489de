# SPDX-License-Identifier: Apache-2.0
"""The story that everything serves, played by clicking: wait, appear, see the first packets."""

import json
from pathlib import Path

import pytest

from browser.page import Page
from system.links import Links, send_udp
from system.stack import Stack

pytestmark = pytest.mark.browser


def card(state: str) -> str:
    return f"[data-testid=capture][data-state={state}]"


def node_id(stack: Stack, name: str) -> str:
    stack.wait(lambda: stack.query(f"G.V().Has('Name', '{name}')"), 5, f"{name} in the graph")
    return str(stack.query(f"G.V().Has('Name', '{name}')")[0]["ID"])


def create_by_expression(page: Page, expression: str) -> None:
    page.click("button", "Create")
    page.type_expression(expression)
    page.wait("[data-testid=preview] .tone-text-amber, [data-testid=preview] .tone-text-green")
    page.click("button", "Start capture")


def test_a_waiting_capture_shows_the_first_packets_of_a_new_interface(
    page: Page, stack: Stack, links: Links, tmp_path: Path
) -> None:
    create_by_expression(page, f"G.V().Has('Name', '{links.prefix}a')")
    page.wait(card("waiting"))
    assert "waiting" in page.text(f"{card('waiting')} .badge.tone-amber")

    left, right = links.veth("a")
    send_udp(right, 0, 5)
    page.wait(card("active"))
    page.wait(".toast.tone-green")

    page.click_node(node_id(stack, left))
    page.wait("[data-testid=packets] [role=row][aria-rowindex='2']")
    packets = page.texts("[data-testid=packets] .table-row")
    assert sum("10.9.8.7" in row for row in packets) == 5
    page.wait("[data-testid=flows] .table-row:has-text('10.9.8.7:40000')")
    page.picture("first-packets")

    page.run("await page.locator(\"[data-testid=packets] .table-row:has-text('10.9.8.7')\").first().click()")
    assert "0000  02 00 00 00 00 02 02 00  00 00 00 01 08 00 45 00" in page.text("[data-testid=hex] pre")

    file = tmp_path / "packets.pcapng"
    page.run(
        f"""const [download] = await Promise.all([
          page.waitForEvent('download'), page.getByRole('link', {{name: 'pcapng', exact: true}}).click()]);
        await download.saveAs({json.dumps(str(file))});"""
    )
    content = file.read_bytes()
    assert content[:4] == b"\x0a\x0d\x0d\x0a"
    assert content.count(b"\x0a\x09\x08\x07\x0a\x09\x08\x06") == 5


def test_two_interfaces_picked_on_the_map_are_captured_with_all_between(page: Page, stack: Stack, links: Links) -> None:
    left, right = links.veth("a")
    ends = [node_id(stack, name) for name in (left, right)]
    page.click("button", "Create")
    page.click("tab", "Pick on the map")
    for end in ends:
        page.click_node(end)
    page.wait("[data-testid=preview] .tone-text-green")
    assert "ShortestPathTo" in page.text(".picks code")
    page.click("button", "Start capture")
    page.wait(card("active"))
    page.wait("[data-testid=capture-interface]")
    rows = page.texts("[data-testid=capture-interface] .link-button")
    assert sorted(rows) == sorted([left, right])


def test_a_capture_is_paused_resumed_and_deleted(page: Page, links: Links) -> None:
    links.veth("a")
    create_by_expression(page, f"G.V().Has('Name', '{links.prefix}a')")
    page.wait(card("active"))
    page.click("button", "Pause")
    page.wait(card("paused"))
    page.click("button", "Resume")
    page.wait(card("active"))
    page.click("button", "Delete")
    page.click("button", "Delete it")
    page.run("await page.getByTestId('capture').waitFor({state: 'detached'})")
    assert "No captures yet" in page.text(".panel .empty-title")


def test_metadata_and_metrics_of_an_interface_are_shown(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    page.click_node(node_id(stack, left))
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    assert any(row.startswith("IfIndex") for row in page.texts(".tree-row"))
    page.click("tab", "Metrics")
    page.wait("[data-testid=inspector] :is(.chart, .empty)")
