# SPDX-License-Identifier: Apache-2.0
"""`client.alerts` of both clients."""

import threading
from collections.abc import Iterator

import msgspec
import pytest

from netsonde.client.alert_calls import AlertFields
from netsonde.errors import NotFound
from netsonde.model.alerts import Alert
from unit.alerts.running import Running, running
from unit.api.fakes import NOW_MS
from unit.api.served import Server
from unit.client.conftest import Ask

DOWN = "G.V().Has('State', 'DOWN')"


@pytest.fixture
def alerts(server: Server) -> Iterator[Running]:
    with running(server) as made:
        yield made


def test_fields_of_an_alert_can_be_given_but_for_those_that_the_server_sets() -> None:
    every = {field.name for field in msgspec.structs.fields(Alert)}
    server_set = {"uuid", "create_time", "created_by", "expires_at"}
    assert every - AlertFields.__annotations__.keys() == {*server_set, "expression"}


def test_an_alert_lives_and_dies(ask: Ask, alerts: Running) -> None:
    made = ask(lambda client: client.alerts.create(DOWN, name="down", severity="critical", cooldown=5000, ttl="1h"))
    assert (made.name, made.expression, made.severity, made.cooldown) == ("down", DOWN, "critical", 5000)
    assert made.expires_at > 0
    assert ask(lambda client: client.alerts.update("down", labels={"team": "net"})).labels == {"team": "net"}
    assert [one.uuid for one in ask(lambda client: client.alerts.all())] == [made.uuid]
    assert ask(lambda client: client.alerts.get(made.uuid)) == ask(lambda client: client.alerts.get("down"))
    ask(lambda client: client.alerts.delete(made.uuid[:8]))
    with pytest.raises(NotFound, match="no alert is called 'down'"):
        ask(lambda client: client.alerts.get("down"))
    with pytest.raises(TypeError, match="an alert has no field 'sevrity'"):
        ask(lambda client: client.alerts.create(DOWN, sevrity="info"))


def test_waiting_ends_when_the_alert_fires(ask: Ask, alerts: Running) -> None:
    ask(lambda client: client.alerts.create(DOWN, name="down"))
    with pytest.raises(TimeoutError):
        ask(lambda client: client.alerts.wait("down", timeout=0.3))
    threading.Timer(0.1, lambda: alerts.put("eth0", State="DOWN")).start()
    assert ask(lambda client: client.alerts.wait("down", timeout=10)).summary == "1 node: eth0"
    assert [one.state for one in ask(lambda client: client.alerts.history("down"))] == ["firing"]


def test_waiting_for_an_alert_that_is_deleted_ends(ask: Ask, alerts: Running, server: Server) -> None:
    uuid = ask(lambda client: client.alerts.create(DOWN, name="down")).uuid
    threading.Timer(0.2, lambda: server.wait(server.fakes.alerts.delete(uuid))).start()
    with pytest.raises(NotFound, match="was deleted"):
        ask(lambda client: client.alerts.wait(uuid, timeout=10))


def test_a_rehearsal_tells_nobody(ask: Ask, alerts: Running) -> None:
    found = ask(
        lambda client: client.alerts.rehearse(DOWN, start=NOW_MS - 3_600_000, end=NOW_MS, step=3_600_000, for_ms=10)
    )
    assert (found.fired, found.step, found.complete) == (0, 3_600_000, True)
    assert ask(lambda client: client.alerts.all()) == []
