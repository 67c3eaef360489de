# SPDX-License-Identifier: Apache-2.0
"""npm @skydive-project/skydive-ui 0.1.8, its prebuilt page unmodified, in Chromium against our server."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from browser.conftest import missing
from browser.page import Page
from system.stack import Stack

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
RACK: dict[str, Any] = {"ID": "old-page-rack", "Metadata": {"Name": "rack7", "Type": "switch"}}


@pytest.fixture(scope="module")
def page(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page after it has shown the host. It asks in vain for files that its index names before its base."""
    window = Page(stack.url, pictures=tmp_path_factory.mktemp("pictures"))
    window.run(f"await page.goto({json.dumps(stack.url + '/ui_v2')}); await page.locator('g.node.host').waitFor()")
    yield window
    window.close()


def shown(page: Page, node_id: str) -> None:
    page.run(f"await page.locator({json.dumps('#node-' + node_id)}).waitFor()")


def the_only(stack: Stack, name: str) -> dict[str, Any]:
    (node,) = stack.query(f"G.V().Has('Name', '{name}')")
    found: dict[str, Any] = node
    return found


def test_it_shows_the_live_graph_selects_and_captures(page: Page, stack: Stack, veth: tuple[str, str]) -> None:
    stack.call("POST", "/api/node", RACK)
    shown(page, RACK["ID"])
    page.run("await page.locator('g.node.switch .node-circle').click()")
    page.run("await page.getByRole('tab', {name: 'rack7'}).waitFor()")
    stack.call("DELETE", f"/api/node/{RACK['ID']}")
    page.run("await page.locator('g.node.switch').waitFor({state: 'detached'})")

    node = the_only(stack, veth[0])
    expression = json.dumps(f"G.V().Has('Name', '{veth[0]}')")
    page.run(f"""const box = page.getByRole('textbox', {{name: 'Filter'}});
        await box.fill({expression}); await box.press('Enter');""")
    page.run("await page.locator('g.node.host').waitFor({state: 'detached'})")
    shown(page, node["ID"])
    spot = "#node-" + node["ID"]
    page.run(f"await page.locator({json.dumps(spot + ' .node-circle')}).click({{button: 'right'}})")
    page.run("await page.locator('g.context-menu').getByText('Capture', {exact: true}).click()")
    stack.wait(lambda: [one["Count"] for one in captures(stack)] == [1], 10, "the page's capture, active")
    (capture,) = captures(stack)
    assert capture["GremlinQuery"] == f"G.V('{node['ID']}')"
    page.run(f"await page.locator({json.dumps(spot + ' .node-badge')}).first().waitFor({{state: 'attached'}})")
    stack.call("DELETE", f"/api/capture/{capture['UUID']}")


def captures(stack: Stack) -> list[dict[str, Any]]:
    return [one for one in stack.call("GET", "/api/capture").values() if one["GremlinQuery"].startswith("G.V('")]


def test_no_link_makes_it_run_a_script(page: Page, stack: Stack) -> None:
    address = json.dumps(f"{stack.url}/ui_v2?config=data:text/javascript,window.evil=1")
    page.run(f"""const told = (said) => said.text().includes('Content Security Policy');
        const refused = page.waitForEvent('console', told); await page.goto({address}); await refused;""")
    assert page.run("return await page.evaluate(() => window.evil ?? 0)") == 0


def test_its_index_is_told_where_it_is(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.url}/ui_v2/") as answer:
        assert b'var baseURL = "/ui_v2/"' in answer.read()
