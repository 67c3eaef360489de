# SPDX-License-Identifier: Apache-2.0
"""`netsonde alert` and `netsonde client alert`."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.model.alerts import FOREVER_MS
from unit.alerts.running import Running, running
from unit.api.fakes import NOW_MS
from unit.cli.conftest import Command, Server

DOWN = "G.V().Has('State', 'DOWN')"


@pytest.fixture
def alerts(server: Server) -> Iterator[Running]:
    with running(server) as made:
        yield made


def test_an_alert_is_created_with_what_was_given(netsonde: Command, server: Server) -> None:
    done = netsonde(
        *("alert", "create", "-e", DOWN, "-n", "down", "--for", "30s", "--keep-firing", "10s", "--cooldown", "5m"),
        *("--severity", "critical", "--label", "team=net", "-a", "http://a", "-a", "http://b", "--ttl", "1m"),
        *("--hold", "G.V()", "--trigger", "duration:1m", "-o", "json"),
    )
    made = json.loads(done.out)
    assert (made["For"], made["KeepFiring"], made["Cooldown"]) == (30_000, 10_000, 300_000)
    assert (made["Actions"], made["Labels"], made["Severity"]) == (
        ["http://a", "http://b"],
        {"team": "net"},
        "critical",
    )
    assert (made["Hold"], made["Trigger"], made["ExpiresAt"]) == ("G.V()", "duration:1m", NOW_MS + 60_000)


def test_an_alert_is_muted_for_a_time_or_until_it_is_unmuted(netsonde: Command, server: Server) -> None:
    netsonde("alert", "create", "-e", DOWN, "-n", "down")

    def muted_until(*arguments: str) -> int:
        assert netsonde("alert", *arguments).status == 0
        return int(json.loads(netsonde("alert", "get", "down", "-o", "json").out)["MutedUntil"])

    now = time.time_ns() // 1_000_000
    assert now + 7_200_000 <= muted_until("mute", "down", "--for", "2h") <= time.time_ns() // 1_000_000 + 7_200_000
    assert muted_until("mute", "down") == FOREVER_MS
    assert muted_until("unmute", "down") == 0


def test_an_alert_comes_from_a_file_and_options_win(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "alert.yaml"
    file.write_text("Name: down\nExpression: G.V()\n")
    assert json.loads(netsonde("alert", "create", "-f", str(file), "-n", "x", "-o", "json").out)["Name"] == "x"
    assert netsonde("alert", "create", "-f", str(tmp_path / "none")).err.startswith("error: cannot read")
    file.write_text("[")
    assert "is no alert in JSON or YAML" in netsonde("alert", "create", "-f", str(file)).err


@pytest.mark.parametrize(
    "arguments", [("create",), ("create", "-e", "G.V()", "--label", "x"), ("create", "-e", "G.V()", "--for", "long")]
)
def test_wrong_usage_ends_with_2(netsonde: Command, server: Server, arguments: tuple[str, ...]) -> None:
    assert netsonde("alert", *arguments).status == 2


def test_a_mistake_in_the_query_is_shown_at_its_place(netsonde: Command, server: Server) -> None:
    done = netsonde("alert", "create", "-e", "G.V().Hass('x')")
    assert done.status == 1
    assert "^^^^ column 7" in done.err


def test_an_alert_is_listed_shown_and_deleted(netsonde: Command, alerts: Running) -> None:
    netsonde("alert", "create", "-e", DOWN, "-n", "down")
    alerts.put("eth0", State="DOWN")
    alerts.wait_state("firing")
    assert "firing" in netsonde("alert", "list").out
    assert netsonde("alert", "get", "down").out.splitlines()[-1].split()[1:3] == ["down", "firing"]
    history = json.loads(netsonde("alert", "history", "down", "-o", "json").out)
    assert [(one["State"], one["Summary"]) for one in history] == [("firing", "1 node: eth0")]
    assert netsonde("alert", "delete", "down") == (0, "", "")
    assert "no alert is called 'down'" in netsonde("alert", "get", "down").err


def test_a_dry_run_says_how_often_it_would_have_fired(netsonde: Command, alerts: Running) -> None:
    netsonde("alert", "create", "-e", DOWN, "-n", "down")
    for arguments in (("down",), ("-e", DOWN)):
        done = netsonde("alert", "test", *arguments, "--last", "1d", "--step", "1h")
        assert done.status == 0
        assert "would have fired 0 times, with 0 notices; looked 25 times, each 3600000 ms" in done.err


def test_the_reference_spelling_creates_changes_and_deletes(netsonde: Command, server: Server) -> None:
    client = ("client", "--analyzer", server.url.removeprefix("http://"), "alert")
    done = netsonde(*client, "create", "--name", "x", "--expression", DOWN, "--action", "http://a")
    made = json.loads(done.out)
    assert (made["Trigger"], made["Action"], made["Actions"]) == ("graph", "http://a", [])
    netsonde(*client, "update", made["UUID"], "--trigger", "duration:5s")
    changed = json.loads(netsonde(*client, "update", made["UUID"], "--name", "y").out)
    assert (changed["Name"], changed["Trigger"]) == ("y", "duration:5s")
    assert list(json.loads(netsonde(*client, "list").out)) == [made["UUID"]]
    assert json.loads(netsonde(*client, "get", made["UUID"]).out)["Name"] == "y"
    assert netsonde(*client, "delete", made["UUID"]).status == 0
    assert json.loads(netsonde(*client, "list").out) == {}
