# SPDX-License-Identifier: Apache-2.0
"""`netsonde doctor` says what it found, and what to do."""

import json
import resource
import socket
import ssl
from pathlib import Path

import msgspec
import pytest

from netsonde import __version__
from netsonde.cli import doctor_checks as checks
from netsonde.cli.doctor_hosts import check_process, check_skew
from netsonde.cli.doctor_server import check_certificate, check_clock, check_login, check_tls, check_version
from netsonde.client.answers import Ability, Allowed, Component, Process, WhoAmI
from netsonde.client.call import Answer
from netsonde.client.server import server_at
from netsonde.errors import UserError
from netsonde.model.presence import HostAbility
from netsonde.observe.abilities import capabilities
from unit.cli.conftest import Command, Server


def test_an_old_kernel_and_another_system_are_told() -> None:
    assert checks.check_kernel("Linux", "6.1.0-18-amd64").verdict == "good"
    assert checks.check_kernel("Linux", "3.10.0-1160.el7").verdict == "limited"
    assert checks.check_kernel("Darwin", "23.1").verdict == "bad"


def test_missing_capabilities_are_named_with_what_they_are_for() -> None:
    findings = checks.check_abilities(capabilities("Name:\tx\nCapEff:\t0000000000002000\n"))
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
    parts = {"ovsdb": Component("failed", "connection refused"), "netlink": Component("running")}
    parts["docker"] = Component("absent", "the socket does not exist")
    found = list(check_process(Process("agent", "h1", __version__, probes=parts, clock_ahead=0)))
    assert [(one.subject, one.text) for one in found if one.verdict != "good"] == [
        ("agent h1 ovsdb", "connection refused")
    ]


@pytest.mark.parametrize(
    ("cloud", "verdict", "text"),
    [
        (Component("running", counters={"ports": 9}), "good", "9 ports"),
        (Component("running", "the analyzer a2 reads it"), "good", "the analyzer a2 reads it"),
        (Component("running", "ann lacks rights", counters={"ports": 0}), "limited", "ann lacks rights"),
        (Component("failed", "it does not answer", counters={"ports": 9}), "limited", "it does not answer"),
        (Component("starting"), "limited", "starting"),
    ],
)
def test_each_cloud_is_named_with_what_it_does_not_show(cloud: Component, verdict: str, text: str) -> None:
    found = check_process(Process("analyzer", "a1", __version__, probes={"openstack.lab": cloud}, clock_ahead=0))
    assert [(one.verdict, one.text) for one in found if one.subject == "analyzer a1 openstack.lab"] == [(verdict, text)]


@pytest.mark.parametrize(
    ("ahead_ms", "verdict", "text"),
    [
        (None, "limited", "not known yet"),
        (-1999, "good", "within 2 s of the analyzer's"),
        (90_000, "bad", "90.0 s ahead of the analyzer's"),
        (-2500, "bad", "2.5 s behind the analyzer's"),
    ],
)
def test_the_clock_of_each_host_is_judged_by_the_analyzer_s(ahead_ms: int | None, verdict: str, text: str) -> None:
    found = check_skew("agent h1", ahead_ms)
    assert (found.subject, found.verdict, found.text) == ("agent h1 clock", verdict, text)
    assert (found.advice == "") == (verdict == "good")


def test_what_an_agent_cannot_do_is_bad_when_captures_need_it() -> None:
    able = [
        Ability("CAP_NET_RAW", False, "not effective", "captures"),
        Ability("CAP_SYS_NICE", False, "not effective", "real-time priority"),
        Ability("AF_PACKET", True, "", "captures"),
    ]
    found = {one.subject: one for one in check_process(Process("agent", "h1", __version__, abilities=able))}
    assert found["agent h1 can"].text == "AF_PACKET"
    assert (found["agent h1 CAP_NET_RAW"].verdict, found["agent h1 CAP_SYS_NICE"].verdict) == ("bad", "limited")
    assert found["agent h1 CAP_NET_RAW"].advice == "run the agent as root, or grant it; needed for captures"


def test_rights_that_are_given_separately_are_listed() -> None:
    me = WhoAmI(True, "ann", "basic", ["operator"], [Allowed("capture", "write", True)])
    found = {one.subject: one.verdict for one in check_login(me)}
    assert (found["login"], found["right capture write"], found["right injectpacket write"]) == (
        *("good", "good", "limited"),
    )
    (nobody,) = check_login(WhoAmI(login_required=True))
    assert (nobody.verdict, "netsonde login" in nobody.advice) == ("bad", True)


def test_a_server_without_tls_is_bad_beyond_loopback() -> None:
    assert check_tls(server_at("http://127.0.0.1:8082"), None).verdict == "good"
    assert check_tls(server_at("http://[::1]:8082"), None).verdict == "good"
    assert check_tls(server_at("http://netsonde.example:8082"), None).verdict == "bad"


def test_a_certificate_that_ends_soon_is_told() -> None:
    day = 86400
    certificate = {"notAfter": "Jan 31 00:00:00 2026 GMT"}
    end = ssl.cert_time_to_seconds(certificate["notAfter"])
    assert check_certificate(certificate, end - 30 * day).verdict == "good"
    assert check_certificate(certificate, end - 3 * day - 1).text == "the certificate ends in 3 days"
    assert check_certificate({}, end).verdict == "limited"


def test_every_finding_that_is_not_good_says_what_to_do(netsonde: Command, server: Server) -> None:
    server.fakes.status.ahead_ms["h1"] = 90_000
    lacking = [HostAbility("CAP_NET_RAW", ok=False, reason="not effective", purpose="captures")]
    server.fakes.status.there[0] = msgspec.structs.replace(server.fakes.status.there[0], abilities=lacking)
    done = netsonde("doctor", "-o", "json")
    found = {one["subject"]: one for one in json.loads(done.out)}
    assert done.status == 1
    assert (found["agent h1 clock"]["verdict"], found["agent h1 CAP_NET_RAW"]["verdict"]) == ("bad", "bad")
    assert [one for one in found.values() if one["verdict"] != "good" and not one["advice"]] == []


def test_no_agent_and_no_server_are_bad_where_a_server_is_named(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del server.fakes.status.there[0]
    assert "no agent has reported" in netsonde("doctor").out
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    done = netsonde("doctor", "-o", "json")
    assert (done.status, json.loads(done.out)[-1]["verdict"]) == (1, "bad")


def test_all_findings_are_printed_in_every_form(netsonde: Command, server: Server) -> None:
    done = netsonde("doctor", "-o", "json")
    found = {one["subject"]: one for one in json.loads(done.out)}
    assert (found["server"]["text"], found["analyzer"]["text"]) == (server.url, "host a1")
    assert found["version"]["verdict"] == "good"
    assert "VERDICT" in netsonde("doctor").out


def test_a_server_that_is_another_program_is_told(netsonde: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Answer(200, {}, b"<html>")
    monkeypatch.setattr("netsonde.client.http.BlockingHttp.send", lambda _, call: call.decode(page))
    assert "does not answer like Netsonde" in netsonde("doctor", "-o", "csv").out
