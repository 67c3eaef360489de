# SPDX-License-Identifier: Apache-2.0
"""Columns of tables: chosen by mouse and by keys, kept by the browser."""

import json

import pytest

from browser.page import Page
from browser.test_accessible import AXE, RUN
from browser.test_console import ask
from browser.test_story import card, create_by_expression
from system.links import Links, send_udp
from system.stack import Stack

pytestmark = pytest.mark.browser


def heads(page: Page, table: str) -> list[str]:
    return [text.strip(" ↑↓\n") for text in page.texts(f"[data-testid={table}] [role=columnheader]")]


def turn(page: Page, column: str) -> None:
    name = json.dumps({"name": column, "exact": True})
    page.run(f"await page.locator('.chooser-list').getByRole('checkbox', {name}).click()")


def test_columns_of_answers_are_chosen_and_stay_so(page: Page) -> None:
    page.click("tab", "Query")
    ask(page, "G.V().Has('Name', 'lo')")
    assert {"Name", "Type"} <= set(heads(page, "result-table"))
    page.click("button", "Choose columns")
    turn(page, "Type")
    assert "Type" not in heads(page, "result-table")
    page.run("await page.evaluate(" + json.dumps(AXE.read_text()) + "); return null")
    assert page.run(RUN) == []
    page.picture("columns")
    page.run("await page.keyboard.press('Escape')")
    page.run("await page.locator('.chooser-list').waitFor({state: 'detached'})")
    page.run("await page.reload()")
    page.wait("[data-testid=result-table]")
    assert "Name" in heads(page, "result-table")
    assert "Type" not in heads(page, "result-table")
    page.click("button", "Choose columns")
    page.click("button", "As they come")
    assert "Type" in heads(page, "result-table")


def test_the_last_column_cannot_be_hidden(page: Page) -> None:
    page.click("tab", "Query")
    ask(page, "G.V().Has('Name', 'lo').ValueMap('Name')")
    assert heads(page, "result-table") == ["Name"]
    page.click("button", "Choose columns")
    assert page.run("return await page.locator('.chooser-list input').first().isDisabled()") is True


def test_flows_have_more_columns_than_are_shown_at_first(page: Page, stack: Stack, links: Links) -> None:
    left, right = links.veth("a")
    create_by_expression(page, f"G.V().Has('Name', '{left}')")
    page.wait(card("active"))
    send_udp(right, 0, 5)
    page.run("await page.locator('[data-tab=flows]').click()")
    page.run("await page.getByLabel('Filter flows').fill('10.9.8.7')")
    page.wait("[data-testid=flows] .table-row")
    assert "Transport" not in heads(page, "flows")
    page.run("await page.getByRole('button', {name: 'Choose columns'}).focus(); await page.keyboard.press('Enter')")
    page.run("await page.getByRole('checkbox', {name: 'Transport'}).focus(); await page.keyboard.press('Space')")
    page.wait("[data-testid=flows] .table-row :text-is('UDP')")
    assert "Transport" in heads(page, "flows")
    page.picture("flow-columns")
