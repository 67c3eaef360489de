# SPDX-License-Identifier: Apache-2.0
"""`netsonde doctor` says what it found, and what to do."""

import json
import resource
import socket
from pathlib import Path

import pytest

from netsonde.cli import doctor_checks as checks
from netsonde.cli.doctor import check_clock, check_components, check_version
from netsonde.client.call import Answer
from netsonde.errors import UserError
from unit.cli.conftest import Command, Server


def test_an_old_kernel_and_another_system_are_told() -> None:
    assert checks.check_kernel("Linux", "6.1.0-18-amd64").verdict == "good"
    assert checks.check_kernel("Linux", "3.10.0-1160.el7").verdict == "limited"
    assert checks.check_kernel("Darwin", "23.1").verdict == "bad"


def test_missing_capabilities_are_named_with_what_they_are_for() -> None:
    findings = checks.check_capabilities("Name:\tx\nCapEff:\t0000000000002000\n")
    verdicts = {finding.subject: finding.verdict for finding in findings}
    assert verdicts["CAP_NET_RAW"] == "good"
    assert verdicts["CAP_SYS_ADMIN"] == "limited"
    assert "entering network namespaces" in next(one.advice for one in findings if one.subject == "CAP_SYS_ADMIN")


def test_the_open_vswitch_socket_is_absent_dead_or_alive(tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    assert checks.check_ovs(path).text.startswith("not here")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert checks.check_ovs(path).verdict == "limited"
        listener.listen()
        assert checks.check_ovs(path).text.endswith("answers")


def test_namespaces_need_a_kernel_that_has_them(tmp_path: Path) -> None:
    (tmp_path / "netns").mkdir()
    (tmp_path / "netns" / "blue").touch()
    assert checks.check_namespaces(tmp_path, tmp_path / "netns").text.startswith("1 named")
    assert checks.check_namespaces(tmp_path, tmp_path / "none").verdict == "good"
    assert checks.check_namespaces(tmp_path / "none", tmp_path).verdict == "bad"


def test_few_open_files_are_told() -> None:
    assert checks.check_files(1024).verdict == "limited"
    assert checks.check_files(resource.RLIM_INFINITY).verdict == "good"


def test_a_missing_bus_program_and_native_core_are_told() -> None:
    def missing() -> Path:
        raise UserError("no nats-server on this machine", hint="install it")

    assert checks.check_bus_program(missing) == (
        "nats-server",
        "limited",
        "no nats-server on this machine",
        "install it",
    )
    assert checks.check_bus_program(lambda: Path("/x")).verdict == "good"
    assert checks.is_failed([checks.check_native(is_there=False)])


def test_clock_and_version_are_compared_with_the_server() -> None:
    assert check_clock(1000.0, 1001.4).verdict == "good"
    assert check_clock(1000.0, 1010.0).text == "10 s off the server's"
    assert check_version("0.0.1").verdict == "limited"


def test_failed_components_are_named_with_their_reason() -> None:
    part = {"State": "failed", "Reason": "the socket does not exist"}
    status = {"Processes": [{"Host": "h1", "Probes": {"ovsdb": part, "netlink": {"State": "running"}}}]}
    assert [(one.subject, one.text) for one in check_components(status)] == [("h1 ovsdb", part["Reason"])]


def test_all_findings_are_printed_in_every_form(netsonde: Command, server: Server) -> None:
    done = netsonde("doctor", "-o", "json")
    found = {one["subject"]: one for one in json.loads(done.out)}
    assert found["server"]["text"] == f"{server.url}, host a1"
    assert found["version"]["verdict"] == "good"
    assert "VERDICT" in netsonde("doctor").out


def test_a_server_that_is_another_program_is_told(netsonde: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Answer(200, {}, b"<html>")
    monkeypatch.setattr("netsonde.client.http.BlockingHttp.send", lambda _, call: call.decode(page))
    assert "does not answer like Netsonde" in netsonde("doctor", "-o", "csv").out
