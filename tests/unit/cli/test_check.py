# SPDX-License-Identifier: Apache-2.0
"""`netsonde check`: create, list, run and wait, results, JUnit."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from netsonde.checks.steps._registry import STEPS
from netsonde.cli.check_options import LISTS, duration_ms, parsed
from unit.api.fakes import NOW_MS
from unit.checks.running import Running, running
from unit.cli.conftest import Command, Server


@pytest.fixture
def checks(server: Server) -> Iterator[Running]:
    with running(server) as made:
        yield made


def test_a_check_is_created_with_what_was_given(netsonde: Command, server: Server) -> None:
    done = netsonde(
        *("check", "create", "-g", "G.V()", "--name", "vms", "-s", "dhcp:Server=10.0.0.1,Within=5s"),
        *("-s", "icmp:Targets=10.0.0.1+10.0.0.2,Count=3,MaxLoss=0.5", "--within", "20s", "--ttl", "1m", "-o", "json"),
    )
    made = json.loads(done.out)
    assert made["Steps"] == [
        {"Type": "dhcp", "Within": 5000, "Parameters": {"Server": "10.0.0.1"}},
        {"Type": "icmp", "Within": 0, "Parameters": {"Targets": ["10.0.0.1", "10.0.0.2"], "Count": 3, "MaxLoss": 0.5}},
    ]
    assert (made["Name"], made["Within"], made["ExpiresAt"]) == ("vms", 20_000, NOW_MS + 60_000)


def test_a_check_comes_from_a_file_and_options_win(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "check.yaml"
    file.write_text("Name: vms\nGremlinQuery: G.V()\nSteps: [{Type: dhcp}]\n")
    assert json.loads(netsonde("check", "create", "-f", str(file), "-n", "x", "-o", "json").out)["Name"] == "x"
    assert netsonde("check", "create", "-f", str(tmp_path / "none")).err.startswith("error: cannot read")
    file.write_text("[")
    assert "is no check in JSON or YAML" in netsonde("check", "create", "-f", str(file)).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "-g", "G.V()"),
        ("create", "-g", "G.V()", "-s", "tcp:x"),
        ("results", "vms", "--verdict", "x"),
    ],
)
def test_what_is_no_definition_is_wrong_usage(netsonde: Command, arguments: tuple[str, ...]) -> None:
    assert netsonde("check", *arguments).status == 2


def test_queries_with_commas_are_one_parameter() -> None:
    step = parsed("path:Through=G.V().Has('Name', Regex('q,r=.*')),Protocol=ARP")
    assert step["Parameters"] == {"Through": "G.V().Has('Name', Regex('q,r=.*'))", "Protocol": "ARP"}


def test_the_parameters_that_are_lists_are_known() -> None:
    fields = (field for step in STEPS.values() for field in msgspec.structs.fields(step.parameters))
    assert {field.encode_name for field in fields if field.type == list[str]} == {*LISTS}


def test_durations_are_read() -> None:
    assert [duration_ms(text) for text in ("10s", "1.5s", "500ms", "2m", "7")] == [10_000, 1500, 500, 120_000, 7]


def test_checks_are_listed_shown_and_deleted(netsonde: Command, checks: Running) -> None:
    uuid = checks.create()
    checks.found(uuid, "tap1", "fail", "no lease")
    listed = netsonde("check", "list", "-o", "csv").out.splitlines()[1]
    assert listed.startswith(f"{uuid},vms,0,1,0,0,dhcp,waiting,no node matches,")
    shown = netsonde("check", "get", "vms").out
    assert "tap1" in shown
    assert "no lease" in shown
    assert netsonde("check", "delete", uuid[:8]) == (0, "", "")
    assert "no check is called 'vms'" in netsonde("check", "get", "vms").err


def test_results_are_filtered(netsonde: Command, checks: Running) -> None:
    uuid = checks.create()
    checks.found(uuid, "tap1", "fail", "no lease")
    checks.found(uuid, "tap2", "pass")
    failed = json.loads(netsonde("check", "results", "vms", "--verdict", "fail", "-o", "json").out)
    assert [one["NodeName"] for one in failed] == ["tap1"]
    steps = netsonde("check", "results", "vms", "--steps", "-o", "csv").out.splitlines()
    assert steps == [
        "INTERFACE,STEP,VERDICT,SECONDS,SENTENCE",
        "tap1,dhcp,fail,1.250,no lease",
        "tap2,dhcp,pass,1.250,",
    ]


def finish(checks: Running, **results: Any) -> None:
    """Let the only check get results as soon as it is there."""
    uuid = next(iter(checks.held.definitions.entries))
    for name, (verdict, sentence) in results.items():
        checks.found(uuid, name, verdict, sentence)


@pytest.mark.parametrize(("verdict", "status"), [("pass", 0), ("fail", 1), ("unknown", 1)])
def test_a_run_of_a_query_waits_for_its_verdict_and_goes(
    netsonde: Command, checks: Running, tmp_path: Path, verdict: str, status: int
) -> None:
    def judge() -> None:
        while not checks.held.definitions.entries:
            ready.wait(0.01)
        finish(checks, tap1=(verdict, "no\x1b lease"))

    ready, report = threading.Event(), tmp_path / "report.xml"
    judging = threading.Thread(target=judge)
    judging.start()
    done = netsonde("check", "run", "-g", "G.V()", "-s", "dhcp", "--wait", "--junit", str(report), "-o", "csv")
    judging.join()
    assert done.status == status
    assert f"tap1,dhcp,{verdict},1.250" in done.out
    assert checks.held.definitions.entries == {}
    suite = ElementTree.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", str(int(verdict == "fail")))
    assert {(case.get("classname"), case.get("name"), case.get("time")) for case in suite} == {
        ("h1.tap1", "dhcp", "1.250")
    }


def test_a_run_without_any_verdict_in_time_fails_and_says_why(netsonde: Command, checks: Running) -> None:
    done = netsonde("check", "run", "-g", "G.V()", "-s", "dhcp", "--wait", "--timeout", "0.2")
    assert done.status == 1
    assert "no verdict on an interface after 0.2 s: no node matches" in done.err


def test_a_run_of_a_check_waits_for_verdicts_of_its_own(netsonde: Command, checks: Running) -> None:
    def judge() -> None:
        while checks.run_at(uuid) == before:
            ready.wait(0.01)
        checks.found(uuid, "tap1", "pass", started_at=3000)

    uuid = checks.create()
    ready, before = threading.Event(), checks.run_at(uuid)
    checks.found(uuid, "tap1", "fail", "in the run before")
    judging = threading.Thread(target=judge)
    judging.start()
    done = netsonde("check", "run", "vms", "--wait", "-o", "csv")
    judging.join()
    assert (done.status, done.out.splitlines()[1:]) == (0, ["tap1,dhcp,pass,1.250,"])
    assert list(checks.held.definitions.entries) == [uuid]


def test_a_run_that_is_out_of_time_is_no_success_whatever_earlier_runs_found(
    netsonde: Command, checks: Running, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    checks.found(checks.create(), "tap1", "pass")
    done = netsonde("check", "run", "vms", "--wait", "--timeout", "0.2", "--junit", str(report), "-o", "csv")
    assert (done.status, done.out.splitlines()[1:]) == (1, [])
    suite = ElementTree.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    assert [error.get("message") for error in suite.iter("error")] == [
        "no verdict on an interface after 0.2 s: no node matches"
    ]


def test_a_report_needs_verdicts(netsonde: Command, checks: Running) -> None:
    assert netsonde("check", "run", "vms", "--junit", "x").status == 2


def test_a_report_that_cannot_be_written_is_told(netsonde: Command, checks: Running, tmp_path: Path) -> None:
    done = netsonde(
        *("check", "run", "-g", "G.V()", "-s", "dhcp", "--wait", "--timeout", "0.2", "--junit", str(tmp_path)),
    )
    assert "cannot write" in done.err
