# SPDX-License-Identifier: Apache-2.0
"""What a check may say: every mistake of fields and steps is named in one answer."""

from typing import Any

import pytest

from netsonde.checks.definitions import checked, needs_new_runs, planned, through
from netsonde.checks.steps._registry import STEPS
from netsonde.errors import UserError
from netsonde.model.checks import Check, CheckStep


def a_check(*steps: CheckStep, **more: Any) -> Check:
    given: dict[str, Any] = {"name": "vms", "gremlin_query": "G.V()", "steps": [*steps] or [CheckStep("dhcp")]}
    return Check(**{**given, **more})


def problems(check: Check) -> str:
    with pytest.raises(UserError) as refused:
        checked(check, now_ms=1000)
    return refused.value.message


def test_a_good_definition_is_taken_as_it_is() -> None:
    check = a_check(CheckStep("tcp", 500, {"Target": "[2001:db8::1]:80"}), CheckStep("icmp"))
    assert checked(check, now_ms=0) is check
    assert [step.within_ms for step in planned(check)] == [500, 10_000]


def test_every_wrong_field_is_named_at_once() -> None:
    said = problems(Check(name="a.b", within=1, first_packets=0, expires_at=1))
    for field in ("Name 'a.b'", "GremlinQuery", "Steps", "Within", "FirstPackets", "ExpiresAt"):
        assert field in said


def test_an_unknown_step_is_told_with_what_was_meant() -> None:
    assert problems(a_check(CheckStep("dhpc"))) == "step 1: there is no step 'dhpc'; did you mean 'dhcp'?"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (CheckStep("dhcp", 0, {"Servers": "10.0.0.1"}), "no parameter is called 'Servers'; its parameters are Family"),
        (CheckStep("dhcp", 0, {"Family": "v5"}), "Family: Invalid enum value"),
        (CheckStep("dhcp", 0, {"Server": "x"}), "Server 'x' is no IP address"),
        (CheckStep("dhcp", 5), "Within must be 0 or between 100 and"),
        (CheckStep("gateway", 0, {"MAC": "1"}), "MAC '1' is no MAC address"),
        (CheckStep("gateway", 0, {"Address": "x"}), "Address 'x' is no IP address"),
        (CheckStep("icmp", 0, {"Targets": ["x"], "Count": 0, "MaxLoss": 101, "MaxRTT": -1}), "MaxRTT must be"),
        (CheckStep("dns", 0, {"Server": "x"}), "Server 'x' is no IP address"),
        (CheckStep("tcp"), "Target '' is no ADDRESS:PORT"),
        (CheckStep("tcp", 0, {"Target": "10.0.0.1:0"}), "Target '10.0.0.1:0' is no ADDRESS:PORT"),
        (CheckStep("path"), "Through is empty"),
        (CheckStep("unexpected"), "name Protocols or Peers"),
        (CheckStep("unexpected", 0, {"Peers": ["x"]}), "Peers: 'x' is neither"),
    ],
)
def test_a_wrong_parameter_is_told_with_its_step(step: CheckStep, words: str) -> None:
    said = problems(a_check(step))
    assert said.startswith(f"step 1 ({step.type}): ")
    assert words in said


def test_every_step_of_the_registry_is_usable_under_its_name() -> None:
    assert {name: step.name for name, step in STEPS.items()} == {name: name for name in STEPS}


def test_the_interfaces_of_paths_are_captured_once() -> None:
    step = CheckStep("path", 0, {"Through": " G.V().Has('Name', 'br-int') "})
    assert through(a_check(step, step)) == ["G.V().Has('Name', 'br-int')"]


def test_words_about_a_check_may_change_without_new_runs() -> None:
    before = a_check()
    assert not needs_new_runs(before, a_check(description="x"))
    assert needs_new_runs(before, a_check(within=500))
