# SPDX-License-Identifier: Apache-2.0
"""The page and a server that goes away: it says so, comes back by itself, and is complete again."""

from pathlib import Path

import pytest

from browser.page import Page
from browser.test_story import node_id
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser


def test_a_lost_server_is_told_and_what_was_missed_is_shown_afterwards(
    stack: Stack, links: Links, tmp_path: Path
) -> None:
    if stack.process is None:
        pytest.skip("NETSONDE_URL names a server of somebody else")
    page = Page(stack.url, pictures=tmp_path).open()
    stack.kill("analyzer")
    page.wait(".banner")
    assert "out of date" in page.text(".banner")
    left, _ = links.veth("a")
    page.wait("[data-testid=link][data-state=live]")
    page.click_node(node_id(stack, left))
    page.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    page.close()
