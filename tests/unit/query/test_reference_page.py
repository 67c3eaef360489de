# SPDX-License-Identifier: Apache-2.0
"""The examples of the reference page run, and give what the page says; the page names every step and test."""

import json
import re
from pathlib import Path
from typing import cast

import pytest

from netsonde.query import Kind, parse, run
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._registry import NOT_YET, STEPS
from unit.query.lab import as_ids, lab_sources

PAGE = (Path(__file__).parents[3] / "docs/reference/query-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```query\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("line", EXAMPLES)
async def test_an_example_gives_what_the_page_says(line: str) -> None:
    expected = line.rsplit("# ", 1)[1]

    result = await run(parse(line), lab_sources())

    found = as_ids(result.value)
    elements = result.kind in (Kind.NODES, Kind.EDGES)
    shown = sorted(cast("list[str]", found)) if elements else found
    assert shown == (sorted(expected.split()) if elements else json.loads(expected))


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 15


def test_the_page_names_every_step_and_every_test() -> None:
    names = {spec.name for spec in STEPS.values()} | NOT_YET
    words = {word.lower() for word in re.findall(r"\w+", PAGE)}

    assert {name for name in names if name.lower() not in words} == set()
    assert {name for name in PREDICATES if name not in words} == set()
