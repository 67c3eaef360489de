# SPDX-License-Identifier: Apache-2.0
"""The tab Workflows by clicking: one is called with nodes of the map; one is written, run, cancelled and deleted."""

from collections.abc import Iterator

import pytest

from browser.page import Page
from browser.test_story import node_id
from system.links import Links
from system.stack import Stack

pytestmark = pytest.mark.browser

SOURCE = """Name: {name}
Title: {title}
Parameters:
  - Name: seconds
    Description: How long it takes
    Type: integer
    Default: 0
  - Name: how
    Type: choice
    Default: well
    Values:
      - Value: well
      - Value: badly
Source: |
  function wait(seconds, how) {{
    console.log('<b>waits</b> ' + seconds);
    progress(0.5, 'half of it');
    sleep(seconds * 1000);
    if (how === 'badly') throw new Error('it went badly');
    return {{Seconds: seconds, Names: ['<img src=x onerror=alert(1)>']}};
  }}
"""


@pytest.fixture(autouse=True)
def no_workflows_left(stack: Stack) -> Iterator[None]:
    yield
    for uuid, one in stack.call("GET", "/api/workflow").items():
        if not one["Bundled"]:
            stack.call("DELETE", f"/api/workflow/{uuid}")


def opened(page: Page, title: str) -> str:
    """Open the card with this title; returns its selector."""
    where = f"[data-testid=workflow]:has-text('{title}')"
    page.run(f"""await page.locator("{where} .card-title").click()""")
    return where


def test_a_bundled_workflow_is_called_with_two_nodes_picked_on_the_map(page: Page, stack: Stack, links: Links) -> None:
    ends = [node_id(stack, name) for name in links.veth("a")]
    page.run("await page.locator('[data-tab=workflows]').click()")
    page.wait("[data-testid=workflow] >> nth=3")
    opened(page, "Check MTU")
    page.run("await page.getByText('Source', {exact: true}).click()")
    page.wait("[data-testid=source]:has-text('function checkMtu')")
    assert page.run("return page.getByRole('button', {name: 'Run', exact: true}).isDisabled()") is True
    for parameter, end in zip(("source", "destination"), ends, strict=True):
        page.run(f"await page.locator(`button[aria-label^='{parameter}:']`).click()")
        page.click_node(end)
        page.wait(f"button[aria-label^='{parameter}: {links.prefix}']")
    page.click("button", "Run")
    page.wait("[data-testid=job-view][data-state=done]")
    assert page.texts("[data-testid=job-result] .tree-value") == ["true"]


def test_a_workflow_is_written_run_cancelled_and_deleted(page: Page, links: Links) -> None:
    title = f"Wait {links.prefix}"
    text = SOURCE.format(name=links.prefix, title=title)
    page.run("await page.locator('[data-tab=workflows]').click()")
    page.click("button", "Create")
    page.run(f"await page.getByLabel('Workflow in YAML').fill({text.replace('return', 'retur')!r})")
    page.click("button", "Create workflow")
    page.wait(".error-note:has-text('line')")
    assert "400" in page.run("return complaints.pop()")
    page.run(f"await page.getByLabel('Workflow in YAML').fill({text!r})")
    page.click("button", "Create workflow")
    page.wait(f"[data-testid=workflow]:has-text('{title}') form")

    page.click("button", "Run")
    page.wait("[data-testid=job-view][data-state=done]")
    assert page.text("[data-testid=job-log]") == "<b>waits</b> 0"
    assert "<img src=x onerror=alert(1)>" in page.text("[data-testid=job-result]")
    assert page.run("return page.locator('img:not(.brand img)').count()") == 0
    page.picture("job")

    page.click("button", "Workflows")
    page.run("await page.locator('.param-form select').selectOption('badly')")
    page.click("button", "Run")
    page.wait("[data-testid=job-view][data-state=failed] .error-note:has-text('it went badly')")

    page.click("button", "Workflows")
    page.run("await page.locator('.param-form input[type=number]').fill('60')")
    page.click("button", "Run")
    page.wait("[data-testid=job-view][data-state=running] .job-progress:has-text('half of it')")
    page.click("button", "Cancel")
    page.wait("[data-testid=job-view][data-state=cancelled]")
    page.click("button", "Workflows")
    page.wait(f"[data-testid=workflow]:has-text('{title}') [data-testid=job][data-state=cancelled]")
    page.click("button", "Delete")
    page.click("button", "Delete it")
    page.run(f"""await page.locator("[data-testid=workflow]", {{hasText: '{title}'}}).waitFor({{state: 'detached'}})""")
