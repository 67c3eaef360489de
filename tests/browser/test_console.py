# SPDX-License-Identifier: Apache-2.0
"""The query console by clicking: completion while typing, mistakes underlined, every form of an answer."""

import json
from pathlib import Path

import pytest

from browser.page import Page
from browser.test_story import node_id
from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.browser

SUMMARY = "[data-testid=result-summary]"
ROW = "[data-testid=result-table] .table-row"


@pytest.fixture
def console(page: Page) -> Page:
    page.click("tab", "Query")
    page.wait("[data-testid=console] .cm-content")
    return page


def ask(page: Page, query: str) -> None:
    page.type_expression(query)
    page.run("await page.keyboard.press('Control+Enter')")
    page.wait(SUMMARY)


FIRST_OFFER = "await page.locator('.cm-tooltip-autocomplete li').first().click()"
"""By the mouse: the editor takes no key for an offer that has stood for less than 75 ms."""


def offered(page: Page, wanted: str) -> None:
    page.wait(f".cm-tooltip-autocomplete li:has-text({json.dumps(wanted)})")


def test_a_query_is_written_with_completion_alone(console: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    node_id(stack, left)
    console.run("await page.locator('.cm-content').click(); await page.keyboard.type('G.V().Ha')")
    offered(console, "HasKey(")
    console.run(f"{FIRST_OFFER}; await page.keyboard.type(`'Na`)")
    offered(console, "Name")
    console.run(f"{FIRST_OFFER}; await page.keyboard.type(`', '{links.prefix}`)")
    offered(console, left)
    console.run("await page.keyboard.press('Escape'); await page.keyboard.type(`a')`)")
    assert console.text(".cm-line") == f"G.V().Has('Name', '{left}')"
    console.click("button", "Run")
    console.wait(f"{SUMMARY}:has-text('1 node')")
    assert console.texts(f"{ROW} >> nth=0")[0].startswith(left)


def test_a_slash_in_a_query_stays_in_the_query(console: Page) -> None:
    console.run("await page.locator('.cm-content').click(); await page.keyboard.type('/* all */ G.V()')")
    assert console.text(".cm-line") == "/* all */ G.V()"


def test_a_mistake_is_underlined_and_cannot_be_run(console: Page) -> None:
    console.type_expression("G.V().Hass('Name', 'x')")
    console.wait(".cm-lintRange-error")
    assert "did you mean" in console.text("[data-testid=verdict]")
    assert console.text(".cm-lintRange-error") == "Hass"
    assert console.run("return page.getByRole('button', {name: 'Run', exact: true}).isDisabled()") is True


def test_an_answer_is_table_graph_json_and_file(console: Page, stack: Stack, links: Links, tmp_path: Path) -> None:
    left, right = links.veth("a")
    first = node_id(stack, left)
    linked = f"G.V('{first}').BothE('RelationType', 'layer2')"
    stack.wait(lambda: stack.query(linked), 5, "the pair's link")
    ask(console, f"G.V().Has('Name', Within('{left}', '{right}'))")
    console.wait(f"{SUMMARY}:has-text('2 nodes')")
    assert "ms" in console.text(SUMMARY)
    console.click("columnheader", "Name")
    assert [row.split("\n")[0] for row in console.texts(ROW)] == sorted((left, right), reverse=True)
    console.picture("console-table")

    console.click("tab", "Graph")
    console.wait("[data-testid=result-canvas] canvas")
    # The page may know the nodes before it hears of their link.
    console.wait("[data-testid=console] .map-note:has-text('2 nodes, 1 link')")

    console.click("tab", "JSON")
    assert {node["Metadata"]["Name"] for node in json.loads(console.text("[data-testid=result-json]"))} == {left, right}

    file = tmp_path / "result.csv"
    console.run(
        f"""const [download] = await Promise.all([
          page.waitForEvent('download'), page.getByRole('button', {{name: 'CSV', exact: true}}).click()]);
        await download.saveAs({json.dumps(str(file))});"""
    )
    head, *rows = file.read_text().splitlines()
    assert head.startswith("Name,Type,")
    assert {row.split(",")[0] for row in rows} == {left, right}
    assert first in file.read_text()


def test_a_row_leads_to_its_node(console: Page, stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    node_id(stack, left)
    ask(console, f"G.V().Has('Name', '{left}')")
    console.run(f"await page.locator({json.dumps(ROW)}).first().click()")
    console.click("button", "Inspect")
    console.wait(f"[data-testid=inspector] h2:has-text('{left}')")
    console.click("tab", "Query")
    console.wait(f"{SUMMARY}:has-text('1 node')")


def test_the_address_brings_query_and_form_back_and_history_keeps_them(console: Page) -> None:
    ask(console, "G.V().Has('Type', 'host').Values('Name')")
    ask(console, "G.V().Has('Type', 'host').Count()")
    console.click("tab", "JSON")
    console.run("await page.reload()")
    console.wait("[data-testid=result-json]")
    assert console.text("[data-testid=result-json]") == "1"
    assert console.text(".cm-line") == "G.V().Has('Type', 'host').Count()"
    console.run("await page.goBack()")
    console.wait(f"{SUMMARY}:has-text('1 row')")
    console.run("await page.getByLabel('History').selectOption(`G.V().Has('Type', 'host').Values('Name')`)")
    assert console.text(".cm-line") == "G.V().Has('Type', 'host').Values('Name')"


def test_names_of_a_network_are_text_in_every_form(console: Page, stack: Stack, links: Links) -> None:
    hostile = "<img>" + links.prefix
    ip("link", "add", hostile, "type", "veth", "peer", "name", links.prefix + "h")
    links.names.append(hostile)
    node_id(stack, hostile)
    ask(console, f"G.V().Has('Name', '{hostile}')")
    assert console.texts(ROW)[0].startswith(hostile)
    console.click("tab", "JSON")
    assert hostile in console.text("[data-testid=result-json]")
    assert console.run("return page.locator('img:not(.brand img)').count()") == 0


def test_why_nothing_is_found_is_explained(console: Page) -> None:
    console.type_expression("G.V().Has('Nam', 'x')")
    console.wait("[data-testid=verdict]:has-text('gives nodes')")
    console.click("button", "Explain")
    console.wait("[data-testid=explanation]")
    assert "Nam" in console.text("[data-testid=explanation]")
    # A server that does not measure steps yet refuses the wish once.
    console.run("complaints.length = 0")


def test_a_query_that_goes_too_far_is_told_as_the_server_says_it(console: Page) -> None:
    console.type_expression("G.At('yesterday').V()")
    console.wait("[data-testid=verdict]")
    console.run("await page.keyboard.press('Control+Enter')")
    console.wait("[data-testid=console] .error-text")
    assert "yesterday" in console.text("[data-testid=console] .error-text")
    console.run("complaints.length = 0")
