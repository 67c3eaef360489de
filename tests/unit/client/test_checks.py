# SPDX-License-Identifier: Apache-2.0
"""`client.checks` of both clients."""

import threading
from collections.abc import Iterator

import msgspec
import pytest

from netsonde.client.check_calls import CheckFields, step
from netsonde.errors import NotFound, UserError
from netsonde.model.checks import Check, CheckStep
from unit.api.served import Server
from unit.checks.running import Running, running
from unit.client.conftest import Ask


@pytest.fixture
def checks(server: Server) -> Iterator[Running]:
    with running(server) as made:
        yield made


def test_a_step_is_written_with_names_of_python() -> None:
    made = step("icmp", 500, targets=["10.0.0.1"], max_rtt=2.5)
    assert made == CheckStep("icmp", 500, {"Targets": ["10.0.0.1"], "MaxRTT": 2.5})
    assert step("gateway", mac="x").parameters == {"MAC": "x"}


def test_fields_of_a_check_can_be_given_but_for_those_that_the_server_sets() -> None:
    every = {field.name for field in msgspec.structs.fields(Check)}
    server_set = {"uuid", "created_at", "created_by", "run_at", "expires_at"}
    assert every - CheckFields.__annotations__.keys() == {*server_set, "gremlin_query", "steps"}


def test_a_check_lives_and_dies(ask: Ask, checks: Running) -> None:
    made = ask(lambda client: client.checks.create("G.V()", step("dhcp"), name="vms", within=5000, ttl="1h"))
    assert (made.name, made.within, made.steps) == ("vms", 5000, [CheckStep("dhcp")])
    assert ask(lambda client: client.checks.update("vms", within=6000)).run_at > made.run_at
    assert ask(lambda client: client.checks.run("vms")).within == 6000
    assert [one.name for one in ask(lambda client: client.checks.all())] == ["vms"]
    ask(lambda client: client.checks.delete(made.uuid[:8]))
    with pytest.raises(NotFound, match="no check is called 'vms'"):
        ask(lambda client: client.checks.get("vms"))
    with pytest.raises(TypeError, match="no field 'nam'"):
        ask(lambda client: client.checks.create("G.V()", nam="x"))


def test_waiting_ends_when_every_interface_has_its_verdict(ask: Ask, checks: Running) -> None:
    uuid = checks.create()
    checks.match("tap1", "tap2")
    checks.found(uuid, "tap1", "pass")
    with pytest.raises(TimeoutError):
        ask(lambda client: client.checks.wait("vms", timeout=1.0))
    threading.Timer(0.1, lambda: checks.found(uuid, "tap2", "fail", "why")).start()
    found = ask(lambda client: client.checks.wait("vms", timeout=10))
    assert [(one.node_name, one.verdict) for one in found] == [("tap1", "pass"), ("tap2", "fail")]
    assert ask(lambda client: client.checks.results("vms", verdict="fail"))[0].sentence == "why"


def test_waiting_for_a_check_that_is_deleted_ends(ask: Ask, checks: Running, server: Server) -> None:
    uuid = checks.create()
    threading.Timer(0.2, lambda: server.wait(server.fakes.checks.delete(uuid))).start()
    with pytest.raises((NotFound, UserError)):
        ask(lambda client: client.checks.wait("vms", timeout=10))
