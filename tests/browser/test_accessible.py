# SPDX-License-Identifier: Apache-2.0
"""What axe-core finds wrong with the page for people who do not see it, or not well: nothing, in both themes."""

import json

import pytest

from browser.page import ROOT, Page
from browser.test_story import create_by_expression, node_id
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
return await page.evaluate(async () => {
  const {violations} = await window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']});
  const told = (id, {html, any}) => `${id}: ${html.slice(0, 200)} ${any[0]?.message ?? ''}`;
  return violations.flatMap(({id, nodes}) => nodes.map((node) => told(id, node)));
});
"""


def test_axe_finds_nothing_in_any_tab(page: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    create_by_expression(page, f"G.V().Has('Name', '{left}')")
    node = node_id(stack, left)
    for theme in ("light", "dark"):
        page.run(f"await page.evaluate((theme) => localStorage.setItem('netsonde.theme', theme), '{theme}')")
        page.run("await page.evaluate(() => localStorage.setItem('netsonde.overview', 'true'))")
        found: list[str] = []
        for tab in ("captures", "checks", "alerts", "inject", "workflows", "node", "flows", "query"):
            # With a mistake in the map's query, which is told in red.
            page.open(f"?tab={tab}&node={node}&map=G.V().Hass()")
            page.wait("[data-testid=map-query-words].tone-text-red")
            page.run(f"await page.keyboard.press('/'); await page.keyboard.type('{left}')")
            page.wait("#search-hits [role=option]")
            page.run("await page.keyboard.press('Shift+Enter')")
            page.wait("[data-testid=selection-bar]")
            page.run("await page.evaluate(" + json.dumps(AXE.read_text()) + "); return null")
            if tab in ("captures", "checks", "alerts", "inject"):
                page.click("button", "Create")
            found += [f"{theme} {tab}: {one}" for one in page.run(RUN)]
        assert found == []
