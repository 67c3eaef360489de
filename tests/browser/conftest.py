# SPDX-License-Identifier: Apache-2.0
"""A running Netsonde, and its page in a browser. NETSONDE_URL names a running one to be used instead."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.page import ROOT, Browser, Page
from system.links import Links
from system.stack import Stack

HERE = Path(__file__).parent
PAGE = ROOT / "src" / "netsonde" / "api" / "page" / "index.html"


def missing() -> str:
    """Return what these tests lack on this machine, "" when they can run."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("chromium"):
        return "needs Chromium: apt-get install chromium"
    if not (ROOT / "web" / "node_modules" / "playwright-core").is_dir():
        return "needs web/node_modules: npm ci in web/"
    return "" if PAGE.is_file() else "needs the built page: npm run build in web/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if reason and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One all-in-one for all tests of the page: each makes its own links and captures."""
    running = Stack(tmp_path_factory.mktemp("netsonde") / "state")
    elsewhere = os.environ.get("NETSONDE_URL")
    if elsewhere:
        running.url = elsewhere.rstrip("/")
        yield running
        return
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests: each page has a profile of its own in it."""
    running = Browser()
    yield running
    running.close()


@pytest.fixture
def page(stack: Stack, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page, live; at the end nothing may have been complained about in the browser's console."""
    window = Page(stack.url, pictures=tmp_path, browser=browser)
    yield window.open()
    complaints = window.complaints()
    window.close()
    assert complaints == []


@pytest.fixture
def links() -> Iterator[Links]:
    """Links with a random prefix in this namespace, deleted afterwards."""
    made = Links(f"t{secrets.token_hex(2)}")
    yield made
    for name in made.names:
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture(autouse=True)
def no_captures_left(stack: Stack) -> Iterator[None]:
    """Delete what a test left behind, so that the next one starts from an empty list."""
    yield
    for uuid in stack.call("GET", "/api/capture"):
        stack.call("DELETE", f"/api/capture/{uuid}")
