# SPDX-License-Identifier: Apache-2.0
"""The page and a server that goes away: it says so, comes back by itself, and is complete again."""

from pathlib import Path

import pytest

from browser.page import Browser, Page
from browser.test_story import node_id
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser

WATCH_SOCKETS = """await page.addInitScript(() => {
  window.sockets = [];
  window.WebSocket = class extends WebSocket {
    heard = [];
    constructor(address) {
      super(address);
      window.sockets.push(this);
      this.addEventListener('message', (event) => this.heard.push(JSON.parse(event.data).Type));
    }
  };
})"""


def test_a_lost_server_is_told_and_what_was_missed_is_shown_afterwards(
    stack: Stack, browser: Browser, links: Links, tmp_path: Path
) -> None:
    if stack.process is None:
        pytest.skip("NETSONDE_URL names a server of somebody else")
    page = Page(stack.url, pictures=tmp_path, browser=browser).open()
    stack.kill("analyzer")
    page.wait(".banner")
    assert "out of date" in page.text(".banner")
    left, _ = links.veth("a")
    page.wait("[data-testid=link][data-state=live]")
    page.click_node(node_id(stack, left))
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    page.close()


def test_a_cut_connection_goes_on_without_loading_the_graph_again(
    stack: Stack, browser: Browser, links: Links, tmp_path: Path
) -> None:
    page = Page(stack.url, pictures=tmp_path, browser=browser)
    page.run(WATCH_SOCKETS)
    page.open()
    page.run("await page.evaluate(() => window.sockets.at(-1).close())")
    left, _ = links.veth("a")
    page.run("await page.waitForFunction(() => window.sockets.length === 2 && window.sockets[1].heard.length > 1)")
    page.click_node(node_id(stack, left))
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    first, *more = page.run("return page.evaluate(() => window.sockets[1].heard)")
    page.close()
    assert first == "Resume"
    assert "SyncReply" not in more


def test_a_part_that_cannot_be_loaded_leaves_the_rest_of_the_page(page: Page) -> None:
    page.run("await page.route('**/assets/InjectTab*', (route) => route.abort())")
    page.click("tab", "Inject")
    page.wait("[data-testid=broken] >> text=Load the page again")
    page.click("tab", "Checks")
    page.wait("text=No checks yet")
    page.wait("[data-testid=canvas] canvas")
    page.run("complaints.length = 0")
