# SPDX-License-Identifier: Apache-2.0
"""`client.workflows` of both clients."""

from collections.abc import Iterator

import msgspec
import pytest

from netsonde.client.workflow_calls import WorkflowUpdate
from netsonde.errors import NotFound, UserError
from netsonde.model.workflows import Parameter, Workflow
from unit.api.served import Server
from unit.client.conftest import Ask
from unit.workflows.running import running


@pytest.fixture(autouse=True)
def workflows(server: Server) -> Iterator[None]:
    with running(server):
        yield


def test_fields_of_a_workflow_can_be_given_but_for_those_that_the_server_sets() -> None:
    every = {field.name for field in msgspec.structs.fields(Workflow)}
    every_field = WorkflowUpdate.__annotations__.keys()
    assert every - every_field == {"uuid", "created_at", "created_by", "expires_at"}


def test_a_workflow_is_made_called_and_deleted(ask: Ask) -> None:
    parameters = [Parameter("a"), Parameter("b", default=2)]
    made = ask(lambda client: client.workflows.create("mine", "back", parameters=parameters, ttl="1h"))
    assert (made.name, made.source, made.expires_at > 0) == ("mine", "back", True)
    assert ask(lambda client: client.workflows.call("mine", ["x"])) == ["x", 2]
    assert ask(lambda client: client.workflows.call("mine", {"a": "x", "b": 3})) == ["x", 3]
    assert ask(lambda client: client.workflows.update("mine", title="Mine")).title == "Mine"
    assert made.uuid in [one.uuid for one in ask(lambda client: client.workflows.all())]
    assert [job.state for job in ask(lambda client: client.workflows.jobs("mine"))] == ["done", "done"]
    ask(lambda client: client.workflows.delete("mine"))
    with pytest.raises(NotFound):
        ask(lambda client: client.workflows.get("mine"))


def test_a_file_is_taken_as_it_is(ask: Ask) -> None:
    assert ask(lambda client: client.workflows.load(b"Name: filed\nSource: back\n")).name == "filed"


def test_a_script_that_throws_raises_its_reason_and_leaves_its_log(ask: Ask) -> None:
    ask(lambda client: client.workflows.create("bad", "throw"))
    with pytest.raises(UserError, match="failed: the script failed, line 3: no such thing") as raised:
        ask(lambda client: client.workflows.call("bad"))
    assert raised.value.hint == "look there"
    (job,) = ask(lambda client: client.workflows.jobs("bad"))
    assert ask(lambda client: client.workflows.logs(job.uuid)) == ["before"]


def test_a_call_that_takes_long_can_be_left_and_ended(ask: Ask) -> None:
    ask(lambda client: client.workflows.create("long", "wait"))
    with pytest.raises(TimeoutError, match=r"of long has not ended after 1 s; it goes on"):
        ask(lambda client: client.workflows.call("long", timeout=1.0))
    (job,) = ask(lambda client: client.workflows.jobs("long"))
    assert ask(lambda client: client.workflows.job(job.uuid)).progress_text == "waiting"
    ask(lambda client: client.workflows.cancel(job.uuid))
    assert ask(lambda client: client.workflows.wait(job.uuid, timeout=10)).state == "cancelled"
