# SPDX-License-Identifier: Apache-2.0
"""The fuzzer of queries reaches every step of the registry without knowing any of them."""

import os
import random
import subprocess
import sys
from typing import Final

import pytest
from query_fuzz.__main__ import too_busy
from query_fuzz.strangers import _own_ticks
from query_fuzz.texts import extended, trial

from netsonde.query import parse
from netsonde.query.kinds import Kind
from netsonde.query.steps._api import StepSpec
from netsonde.query.steps._registry import STEPS

BEFORE: Final = {
    Kind.GRAPH: "G",
    Kind.NODES: "G.V().As('a').As('b')",
    Kind.EDGES: "G.V().BothE()",
    Kind.PATHS: "G.V().ShortestPathTo(Metadata('Type', 'host'))",
    Kind.VALUES: "G.V().Values('Name')",
    Kind.FLOWS: "G.Flows()",
    Kind.METRICS: "G.V().Metrics()",
}
SPECS = {spec.name: spec for spec in STEPS.values() if not BEFORE.keys().isdisjoint(spec.gives)}
del SPECS["Loops"]  # stands only within Repeat


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_arguments_are_found_that_the_step_accepts(spec: StepSpec) -> None:
    """One that fails here needs an example in its docstring, such as `Name('…')`."""
    text = next(before for kind, before in BEFORE.items() if kind in spec.gives)
    pick = random.Random(7)

    found = next(filter(None, (extended(pick, text, spec) for _ in range(40))), "")

    assert parse(found).steps[-1].name == spec.name


def test_trials_can_be_repeated_by_their_seed() -> None:
    one, other = random.Random(3), random.Random(3)

    assert [trial(one) for _ in range(20)] == [trial(other) for _ in range(20)]


def test_what_our_own_processes_use_is_not_taken_by_strangers() -> None:
    before = _own_ticks()
    burn = "import time, sys\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert _own_ticks() - before >= 0.25 * os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("usual_ms", "others", "why"),
    [(10.0, 0.1, ""), (101.0, 0.0, "without any query"), (10.0, 0.3, "other programs kept 0.30 processors")],
)
def test_lateness_is_judged_on_a_quiet_machine_only(usual_ms: float, others: float, why: str) -> None:
    assert too_busy(usual_ms, others)[: len(why) or None] == why
