# SPDX-License-Identifier: Apache-2.0
"""The documents say what is true: their queries parse, their links lead somewhere, generated pages are fresh."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netsonde.query import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
QUERY = re.compile(r'netsonde (?:query|capture create --gremlin) "([^"]+)"|`(G\.[^`\n]+)`|^ *(G\.[^#\n]+)', re.M)
"""In a command, in a sentence, and as a line of its own, perhaps with its answer behind a `#`."""
TO_BE_FILLED_IN = re.compile(r"…|\bt[12]?\b")
MISTAKES = {"G.V().Decendants()", 'G.V().values("Name").has("Nam", "x", "MTU")'}
"""Shown with what is said of them."""
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_queries_of_a_page_are_understood(page: Path) -> None:
    found = {"".join(groups).strip() for groups in QUERY.findall(page.read_text(encoding="utf-8"))}
    for query in found - MISTAKES:
        if not TO_BE_FILLED_IN.search(query):
            parse(query)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_generated_pages_are_fresh(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools/reference.py", tmp_path], check=True, capture_output=True)
    for page in tmp_path.iterdir():
        committed = ROOT / "docs/reference" / page.name
        assert page.read_text() == committed.read_text(), f"run `make docs`: {committed} is stale"
