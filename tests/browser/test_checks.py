# SPDX-License-Identifier: Apache-2.0
"""The tab Checks: a check is made in its form, an interface appears, its verdict is shown with the reason."""

import pytest

from browser.page import Page
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser


def test_a_check_is_made_and_its_verdict_appears_by_itself(page: Page, stack: Stack, links: Links) -> None:
    page.run(f"""
        await page.locator('[data-tab=checks]').click();
        await page.getByRole('button', {{name: 'Create'}}).click();
        const form = page.getByRole('form', {{name: 'New check'}});
        await form.getByLabel('Name', {{exact: true}}).fill('{links.prefix}');
        await form.getByLabel('Interfaces').fill("G.V().Has('Name', '{links.prefix}v')");
        await form.getByLabel('Judged after').fill('0.5');
        await form.getByLabel('its gateway answers').uncheck();
        await form.getByLabel('Inject packets').selectOption('unsettled');
        await form.getByRole('button', {{name: 'Create check'}}).click();
        await page.locator('[data-testid=check]', {{hasText: 'no node matches'}}).waitFor();
    """)
    links.veth("v")
    page.wait("[data-testid=check-result][data-verdict=fail]")
    told = page.run("return await page.locator('[data-testid=check-result] td').last().innerText()")
    assert told.startswith(f"DHCP discover, injected at {links.prefix}v at ")
    assert told.endswith(": no server answered by dhcp4, 2 sent")
    page.run("""
        await page.locator('[data-testid=check]').getByRole('button', {name: 'Delete'}).click();
        await page.getByRole('button', {name: 'Delete it'}).click();
        await page.getByText('No checks yet').waitFor();
    """)
    stack.wait(lambda: stack.call("GET", "/api/capture") == {}, 10, "without captures")
