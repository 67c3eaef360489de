# SPDX-License-Identifier: Apache-2.0
"""The examples of the manual run: those of the narrative page give what it says, those of each step and test something.

That the generated page is fresh is checked in test_docs.py.
"""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from netsonde.query import Kind, Limits, parse, run
from netsonde.query.predicates import PREDICATE_SPECS
from netsonde.query.steps._registry import MODULATORS, STEPS
from unit.query.lab import as_ids, lab_sources

PAGE = (Path(__file__).parents[3] / "docs/reference/query-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```query\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.splitlines()]
PATIENT = Limits(seconds=60.0)
DESCRIBED: Sequence[tuple[str, Callable[..., object]]] = [
    *{spec.name: (spec.name, spec.build) for spec in STEPS.values()}.values(),
    *((spec.name, spec.read) for spec in MODULATORS.values()),
    *((f"{spec.name}(…)", spec.build) for spec in PREDICATE_SPECS),
]


@pytest.mark.parametrize("line", EXAMPLES)
async def test_an_example_gives_what_the_page_says(line: str) -> None:
    expected = line.rsplit("# ", 1)[1]

    result = await run(parse(line), lab_sources(), PATIENT)

    found = as_ids(result.value)
    elements = result.kind in (Kind.NODES, Kind.EDGES)
    shown = sorted(cast("list[str]", found)) if elements else found
    assert shown == (sorted(expected.split()) if elements else json.loads(expected))


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 15


@pytest.mark.parametrize(("name", "builder"), DESCRIBED, ids=[name for name, _ in DESCRIBED])
async def test_the_docstring_of_a_step_or_test_has_an_example_that_finds_something(
    name: str, builder: Callable[..., object]
) -> None:
    examples = re.findall(r"`(G(?:\.[^`]+)?)`", inspect.getdoc(builder) or "")

    results = [await run(parse(example), lab_sources(), PATIENT) for example in examples]

    word = name.removesuffix("(…)").lower()
    assert any(word in example.lower() for example in examples)
    assert all(result.value not in (None, [], {}) for result in results)
