# SPDX-License-Identifier: Apache-2.0
"""A user who may only look: sees everything, and beside each control that is off which right is missing."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.page import Browser, Page
from system.stack import PROGRAM, Stack

pytestmark = pytest.mark.browser

PASSWORD = "only for this test"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Stack]:
    """An all-in-one with a login, and the user alice in the role reader."""
    running = Stack(tmp_path / "state", env={"NETSONDE_ACCESS_BACKENDS": "basic,token"})
    command = [str(PROGRAM), "access", "user", "add", "alice", "--role", "reader", "--password-file", "-"]
    subprocess.run([*command, "--state-dir", str(running.state)], input=PASSWORD.encode(), check=True)
    yield running.start()
    running.stop()


def test_a_reader_is_shown_everything_and_told_what_is_not_allowed(
    guarded: Stack, browser: Browser, tmp_path: Path
) -> None:
    page = Page(guarded.url, pictures=tmp_path, browser=browser)
    page.run(f"""
        await page.goto({json.dumps(guarded.url)});
        await page.getByLabel('Name').fill('alice');
        await page.getByLabel('Password').fill({json.dumps(PASSWORD)});
        await page.getByRole('button', {{name: 'Log in'}}).click();
        await page.locator('[data-testid=link][data-state=live]').waitFor();
    """)
    off = "return page.locator('.panel .button.primary').first().isDisabled()"
    for tab, right in (
        ("captures", "capture write"),
        ("checks", "check write"),
        ("alerts", "alert write"),
        ("inject", "injectpacket write"),
        ("workflows", "workflow.call write"),
    ):
        page.run(f"await page.locator('[data-tab={tab}]').click()")
        page.wait(f"[data-testid=refusal]:has-text('your roles (reader) do not have the right “{right}”')")
        assert page.run(off) is True, tab
    page.run("await page.locator('[data-testid=workflow] .card-title').first().click()")
    assert page.run("return page.getByRole('button', {name: 'Run', exact: true}).isDisabled()") is True
    page.run("await page.keyboard.press('/'); await page.keyboard.type('lo')")
    page.wait("#search-hits [role=option]")
    page.run("await page.keyboard.press('Enter')")
    page.wait("[data-testid=inspector] h2")
    inject = "page.getByTestId('inspector').getByRole('button', {name: 'Inject'})"
    assert page.run(f"return {inject}.isDisabled()") is True
    assert "injectpacket write" in page.run(f"return {inject}.getAttribute('title')")
    # Nothing was tried that is not allowed; before the login everything is refused, which the browser complains of.
    assert [text for text in page.complaints() if "403" in text] == []
    page.close()
