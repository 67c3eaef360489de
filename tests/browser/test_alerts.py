# SPDX-License-Identifier: Apache-2.0
"""The tab Alerts: one is tried on the past, made, fires, is muted and changed, by clicking."""

from collections.abc import Iterator

import pytest

from browser.page import Page
from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.browser


OPEN = "await page.locator('[data-tab=alerts]').click()"
"""By its place: the label has a number, too."""


def card(state: str) -> str:
    return f"[data-testid=alert][data-state={state}]"


@pytest.fixture(autouse=True)
def no_alerts_left(stack: Stack) -> Iterator[None]:
    yield
    for uuid in stack.call("GET", "/api/alert"):
        stack.call("DELETE", f"/api/alert/{uuid}")


def test_an_alert_is_made_and_fires_on_the_page_while_another_tab_is_open(page: Page, links: Links) -> None:
    left, _ = links.veth("a")
    page.run(OPEN)
    page.click("button", "Create")
    page.type_expression("G.V().Hass('Name', 'x')")
    page.wait("[data-testid=preview] .tone-text-red")
    assert page.run("return page.getByRole('button', {name: 'Create alert'}).isDisabled()") is True
    page.type_expression(f"G.V().Has('Name', '{left}', 'State', 'DOWN')")
    page.wait("[data-testid=preview] .tone-text-green")
    page.run(f"""
        const form = page.getByRole('form', {{name: 'New alert'}});
        await form.getByLabel('Name', {{exact: true}}).fill('{links.prefix}');
        await form.getByLabel('Severity').selectOption('critical');
        await form.getByText('Hysteresis').click();
        await form.getByLabel('Labels').fill('team=net');
        await form.getByLabel('Description').fill('<img src=x onerror=alert(1)>');
        await form.getByRole('button', {{name: 'Create alert'}}).click();
    """)
    page.wait(f"{card('inactive')}:has-text('{links.prefix}')")
    page.run("await page.locator('[data-tab=captures]').click()")
    ip("link", "set", left, "down")
    page.wait(f".toast.tone-red:has-text('{links.prefix}')")
    page.wait("[data-testid=alerts-firing]")
    page.run(OPEN)
    page.wait(f"{card('firing')} [data-testid=alert-step][data-state=firing]")
    assert "<img src=x onerror=alert(1)>" in page.text(card("firing"))
    assert page.run("return page.locator('img:not(.brand img)').count()") == 0
    page.picture("alerts")
    ip("link", "set", left, "up")
    page.wait(f"{card('resolved')} [data-testid=alert-step][data-state=resolved]")
    page.click("button", "Delete")
    page.click("button", "Delete it")
    page.wait(".empty-title:has-text('No alerts yet')")


def test_a_muted_alert_fires_and_tells_nobody(page: Page, stack: Stack, links: Links) -> None:
    wanted = {"Name": links.prefix, "Expression": f"G.V().Has('Name', '{links.prefix}m')"}
    alert = stack.call("POST", "/api/alert", wanted)
    page.run(OPEN)
    page.wait(f"{card('inactive')}:has-text('{links.prefix}')")
    page.run("await page.getByLabel('Mute').selectOption({label: 'for an hour'})")
    page.wait(f"{card('inactive')}[data-muted=true]")
    links.veth("m")
    page.wait(card("firing"))
    assert [step["Notified"] for step in stack.call("GET", f"/api/alert/{alert['UUID']}/history")] == [False]
    assert page.texts(".toast") == []
    page.click("button", "Tell of it again")
    page.wait(f".toast.tone-red:has-text('{links.prefix}')")
    page.wait(f"{card('firing')}[data-muted=false]")


def test_an_alert_is_changed_and_tried_on_the_past(page: Page, stack: Stack) -> None:
    wanted = "G.V().Has('Type', 'host')"
    stack.wait(lambda: stack.query(f"G.At('-4s').{wanted[2:]}"), 20, "history of the last seconds")
    uuid = stack.call("POST", "/api/alert", {"Name": "old", "Expression": "G.V().Has('Name', 'nobody')"})["UUID"]
    page.run(OPEN)
    page.click("button", "Change")
    page.wait(".cm-content")
    page.type_expression(wanted)
    page.wait("[data-testid=preview] .tone-text-amber:has-text('1 result')")
    page.run("""
        const form = page.getByRole('form', {name: 'Change alert'});
        await form.getByLabel('Name', {exact: true}).fill('new');
        await form.getByLabel('Over').selectOption('the last 10 minutes');
        await form.getByRole('button', {name: 'Dry run'}).click();
    """)
    page.wait("[data-testid=rehearsal] strong:has-text('It would have fired once, with 1 notice')")
    assert page.texts("table[aria-label='Dry run'] [data-testid=alert-step]") != []
    page.click("button", "Save")
    page.wait(f"{card('firing')}:has-text('new')")
    assert stack.call("GET", f"/api/alert/{uuid}")["Expression"] == wanted


def test_keys_choose_for_how_long_an_alert_is_muted_before_it_is(page: Page, stack: Stack) -> None:
    alert = stack.call("POST", "/api/alert", {"Name": "keys", "Expression": "G.V().Has('Name', 'x')"})["UUID"]
    page.run(OPEN)
    page.wait(card("inactive"))
    page.run("await page.getByLabel('Mute').focus(); await page.keyboard.press('u')")
    page.run("await page.keyboard.press('ArrowDown')")
    # A second look at the same alert, which comes after whatever the keys have sent.
    page.run("await page.evaluate(() => fetch('api/alert'))")
    assert stack.call("GET", f"/api/alert/{alert}")["MutedUntil"] == 0
    page.run("await page.keyboard.press('ArrowDown'); await page.keyboard.press('Enter')")
    page.wait("[data-testid=alert][data-muted=true]")
