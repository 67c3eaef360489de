# SPDX-License-Identifier: Apache-2.0
"""Several nodes chosen together on the map, by mouse and by keys, and the overview beside it."""

import json

import pytest

from browser.page import Page
from browser.test_map import wait_on_map
from browser.test_story import card, node_id
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser

BAR = "[data-testid=selection-bar]"
AT = """
const box = await page.getByTestId('canvas').boundingBox();
const spots = await page.evaluate((ids) => ids.map((id) => window.netsondeNodeAt(id)), IDS);
const at = (spot) => [box.x + spot.x, box.y + spot.y];
"""
PLACES = "return await page.evaluate((ids) => ids.map((id) => window.netsondeNodeAt(id)), IDS)"


def pair(page: Page, stack: Stack, links: Links, label: str) -> list[str]:
    """Make two linked interfaces; return their ids when the map has them all in sight."""
    ids = [node_id(stack, name) for name in links.veth(label)]
    for one in ids:
        wait_on_map(page, one)
    page.click("button", "Show all")
    return ids


def on(page: Page, ids: list[str], statements: str) -> None:
    """Run statements that know `spots` of nodes and how to go `at` one."""
    page.run((AT + statements).replace("IDS", json.dumps(ids)))


def test_nodes_taken_with_shift_are_captured_by_one_expression(page: Page, stack: Stack, links: Links) -> None:
    ids = pair(page, stack, links, "a")
    on(page, ids, "await page.keyboard.down('Shift'); for (const one of spots) await page.mouse.click(...at(one));")
    page.run("await page.keyboard.up('Shift')")
    page.wait(f"{BAR}:has-text('2 nodes chosen')")
    page.picture("selection")
    page.run(f"await page.locator('{BAR}').getByRole('button', {{name: 'Capture', exact: true}}).click()")
    page.wait("[data-testid=preview]:has-text('Matches 2 nodes')")
    page.click("button", "Start capture")
    page.wait(card("active"))
    (capture,) = stack.call("GET", "/api/capture").values()
    assert capture["GremlinQuery"].startswith("G.V().Has('TID', Within(")
    on(page, ids, "await page.mouse.click(...at(spots[0]));")
    page.run(f"await page.locator('{BAR}').waitFor({{state: 'detached'}})")


def test_a_box_takes_what_is_inside_and_escape_lets_go(page: Page, stack: Stack, links: Links) -> None:
    ids = pair(page, stack, links, "a")
    page.click("button", "Arrange in rows")
    on(
        page,
        ids,
        """
        const xs = spots.map(({x}) => x), ys = spots.map(({y}) => y);
        // Whole, with the names below them, at the largest size that a map is fitted with.
        const [x1, x2] = [Math.min(...xs) - 65, Math.max(...xs) + 65];
        const [y1, y2] = [Math.min(...ys) - 55, Math.max(...ys) + 75];
        await page.keyboard.down('Shift');
        await page.mouse.move(...at({x: x1, y: y1}));
        await page.mouse.down();
        await page.mouse.move(...at({x: x2, y: y2}), {steps: 8});
        await page.mouse.up();
        await page.keyboard.up('Shift');
        """,
    )
    page.wait(BAR)
    assert int(page.text(f"{BAR} strong").split()[0]) >= 2
    page.run("await page.getByRole('button', {name: 'Show all'}).focus(); await page.keyboard.press('Escape')")
    page.run(f"await page.locator('{BAR}').waitFor({{state: 'detached'}})")


def test_nodes_are_chosen_pinned_and_let_go_by_keys_alone(page: Page, stack: Stack, links: Links) -> None:
    ids = pair(page, stack, links, "a")
    page.run(f"await page.keyboard.press('/'); await page.keyboard.type({json.dumps(links.prefix)})")
    page.wait("#search-hits [role=option] >> nth=1")
    page.run("await page.keyboard.press('Shift+Enter')")
    page.run("await page.keyboard.press('ArrowDown'); await page.keyboard.press('Shift+Enter')")
    page.wait(f"{BAR}:has-text('2 nodes chosen')")
    page.run("await page.getByRole('button', {name: 'Keep them where they are'}).focus()")
    page.run("await page.keyboard.press('Enter')")
    page.wait(f"{BAR} [aria-pressed=true]")
    # Elsewhere than any arrangement would put them.
    on(
        page,
        ids,
        """
        await page.mouse.move(...at(spots[0]));
        await page.mouse.down();
        await page.mouse.move(...at({x: spots[0].x + 300, y: spots[0].y + 150}), {steps: 5});
        await page.mouse.up();
        """,
    )
    page.click("button", "Arrange in rows")
    first, second = page.run(PLACES.replace("IDS", json.dumps(ids)))
    # By the zoom that the arrangement ended with: far beyond the distance of two neighbours.
    assert first["x"] - second["x"] > 100
    page.open()
    wait_on_map(page, ids[0])
    page.run("await page.keyboard.press('/')")
    page.run(f"await page.keyboard.type({json.dumps(links.prefix)})")
    page.wait("#search-hits [role=option]")
    page.run("await page.keyboard.press('Shift+Enter')")
    page.wait(f"{BAR} [aria-pressed=true]")
    page.click("button", "Keep them where they are")
    page.wait(f"{BAR} [aria-pressed=false]")
    page.click("button", "Choose none")
    page.run(f"await page.locator('{BAR}').waitFor({{state: 'detached'}})")


def test_what_the_maps_query_finds_is_chosen_and_its_groups_close(page: Page, stack: Stack, links: Links) -> None:
    ids = pair(page, stack, links, "a")
    page.click("button", "Ask what the map shows")
    query = f"G.V().Has('@ID', Within('{ids[0]}', '{ids[1]}'))"
    page.run(f"await page.getByLabel('Show only what this finds').fill({json.dumps(query)})")
    page.run("await page.keyboard.press('Enter')")
    page.click("button", "Choose them")
    page.wait(f"{BAR}:has-text('2 nodes chosen')")
    page.click("button", "Close the groups around them")
    page.run(f"await page.waitForFunction((id) => !window.netsondeNodeAt(id), {json.dumps(ids[0])})")


DRAWN = """
const inked = (screen) => {
  const {data} = screen.getContext('2d').getImageData(0, 0, screen.width, screen.height);
  return data.some((ink) => ink);
};
await page.waitForFunction(inked, await page.locator('[data-testid=minimap] canvas').elementHandle());
"""


def test_the_overview_moves_the_map_and_stays_wanted(page: Page, stack: Stack, links: Links) -> None:
    ids = pair(page, stack, links, "a")
    page.click("button", "Overview")
    page.wait("[data-testid=minimap] canvas")
    page.run(DRAWN)
    before = page.run(PLACES.replace("IDS", json.dumps(ids)))
    page.run("await page.getByTestId('minimap').click({position: {x: 20, y: 20}})")
    moved = page.run(PLACES.replace("IDS", json.dumps(ids)))
    assert moved != before
    page.run("await page.getByTestId('minimap').focus(); await page.keyboard.press('ArrowLeft')")
    assert page.run(PLACES.replace("IDS", json.dumps(ids)))[0]["x"] == pytest.approx(moved[0]["x"] + 80)
    page.open()
    page.wait("[data-testid=minimap] canvas")
    page.picture("overview")
    page.click("button", "Overview")
