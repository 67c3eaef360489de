# SPDX-License-Identifier: Apache-2.0
"""Steps and predicates of the published list: all of them, described, with examples that are understood."""

import re

from netsonde.query import parse
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._registry import STEPS
from netsonde.schema.language import predicates, steps


def test_every_step_is_listed_once_with_what_it_takes() -> None:
    listed = {step.name: step for step in steps()}
    assert set(listed) == {spec.name for spec in STEPS.values()}
    assert listed["Out"].takes == {"nodes": "nodes", "flows": "nodes"}
    assert [step.name for step in steps() if not step.doc] == []


def test_the_text_of_a_step_is_one_line_and_its_example_a_call() -> None:
    assert [step.name for step in steps() if "\n" in step.doc] == []
    assert {step.name for step in steps() if step.example} >= {"Has", "Sort", "At"}
    assert all(re.fullmatch(r"[\w.]+\(.*", step.example, re.DOTALL) for step in steps() if step.example)


def test_every_predicate_is_listed_and_its_example_runs() -> None:
    assert {one.name.lower() for one in predicates()} == set(PREDICATES)
    for one in predicates():
        if one.example.startswith("Has("):
            parse(f"G.V().{one.example}")
