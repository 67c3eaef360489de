# SPDX-License-Identifier: Apache-2.0
"""Every public route is reached by a method of the client, or is on a short list that says why not."""

import asyncio
import inspect
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import msgspec
import pytest
from litestar.testing import TestClient

from netsonde.api.app import create_app
from netsonde.client import AsyncClient, Client
from netsonde.client.call import Answer, Call
from netsonde.client.check_calls import step
from netsonde.model.elements import Node
from unit.api.fakes import Fakes

WITHOUT_A_METHOD: Final[Mapping[str, str]] = {
    "login": "a client is given its credentials; `netsonde login` opens a session",
    "logout": "as login",
    "enrolAgent": "an agent's own: `netsonde agent enrol` has the key that the request proves",
    "getHealth": "for what supervises processes; `status` says more",
    "getReady": "for what supervises processes; `status` has `ready` and `missing`",
    "getMetrics": "for Prometheus",
}

UUID: Final = "00000000-0000-4000-8000-000000000000"
ROUTES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "getApi": lambda client: client.identity(),
    "whoAmI": lambda client: client.whoami(),
    "getStatus": lambda client: client.status(),
    "getConfig": lambda client: client.setting("analyzer.listen"),
    "getSchema": lambda client: client.schema(),
    "getTopology": lambda client: client.topology(),
    "searchTopology": lambda client: client.query("G"),
    "checkQuery": lambda client: client.check("G"),
    "explainQuery": lambda client: client.explain("G"),
    "completeQuery": lambda client: client.complete("G", 1),
    "listFlows": lambda client: client.flows(),
    "listNodes": lambda client: client.nodes(),
    "getNode": lambda client: client.node("u"),
    "createNode": lambda client: client.create_node({}),
    "modifyNode": lambda client: client.update_node("u", {}),
    "replaceNode": lambda client: client.replace_node("u", {}),
    "deleteNode": lambda client: client.delete_node("u"),
    "getNodeMetrics": lambda client: client.node_metrics("u"),
    "listEdges": lambda client: client.edges(),
    "getEdge": lambda client: client.edge("u"),
    "createEdge": lambda client: client.create_edge("u", "v", {}),
    "modifyEdge": lambda client: client.update_edge("u", {}),
    "replaceEdge": lambda client: client.replace_edge("u", {}),
    "deleteEdge": lambda client: client.delete_edge("u"),
    "listAnnotations": lambda client: client.annotations(),
    "deleteAnnotation": lambda client: client.delete_annotation("u"),
    "listImports": lambda client: client.imports(),
    "importElements": lambda client: client.import_topology([Node("n", {}, "h", "o", 1, 1)], "x"),
    "finishImport": lambda client: client.import_topology([Node("n", {}, "h", "o", 1, 1)], "x", replace=True),
    "deleteImport": lambda client: client.delete_import("x"),
    "injectPCAP": lambda client: client.import_packets(io.BytesIO(b""), 0),
    "listCaptures": lambda client: client.captures.all(),
    "getCapture": lambda client: client.captures.get(UUID),
    "createCapture": lambda client: client.captures.create("G.V()"),
    "modifyCapture": lambda client: client.captures.pause("u"),
    "deleteCapture": lambda client: client.captures.delete("u"),
    "previewCapture": lambda client: client.captures.preview("G.V()"),
    "getCapturePackets": lambda client: client.captures.packets("u"),
    "listChecks": lambda client: client.checks.all(),
    "getCheck": lambda client: client.checks.get(UUID),
    "createCheck": lambda client: client.checks.create("G.V()", step("dhcp")),
    "modifyCheck": lambda client: client.checks.update("u", name="x"),
    "deleteCheck": lambda client: client.checks.delete("u"),
    "runCheck": lambda client: client.checks.run("u"),
    "getCheckResults": lambda client: client.checks.results("u"),
    "listInjections": lambda client: client.injections.all(),
    "getInjection": lambda client: client.injections.get("u"),
    "createInjection": lambda client: client.injections.create("G.V()"),
    "deleteInjection": lambda client: client.injections.delete("u"),
    "listInjectionAudit": lambda client: client.injections.audit(),
    "listAlerts": lambda client: client.alerts.all(),
    "getAlert": lambda client: client.alerts.get(UUID),
    "createAlert": lambda client: client.alerts.create("G.V()"),
    "modifyAlert": lambda client: client.alerts.update("u", name="x"),
    "deleteAlert": lambda client: client.alerts.delete("u"),
    "getAlertHistory": lambda client: client.alerts.history("u"),
    "testAlert": lambda client: client.alerts.rehearse("G.V()"),
    "listWorkflows": lambda client: client.workflows.all(),
    "getWorkflow": lambda client: client.workflows.get("u"),
    "createWorkflow": lambda client: client.workflows.create("x", "function() {}"),
    "modifyWorkflow": lambda client: client.workflows.update("u", title="x"),
    "deleteWorkflow": lambda client: client.workflows.delete("u"),
    "callWorkflow": lambda client: client.workflows.call("u"),
    "listWorkflowJobs": lambda client: client.workflows.jobs(),
    "getWorkflowJob": lambda client: client.workflows.logs("u"),
    "cancelWorkflowJob": lambda client: client.workflows.cancel("u"),
    "listNodeRules": lambda client: client.rules.nodes.all(),
    "getNodeRule": lambda client: client.rules.nodes.get(UUID),
    "createNodeRule": lambda client: client.rules.nodes.create("update"),
    "previewNodeRule": lambda client: client.rules.nodes.preview("update"),
    "modifyNodeRule": lambda client: client.rules.nodes.update("u", name="x"),
    "deleteNodeRule": lambda client: client.rules.nodes.delete("u"),
    "listEdgeRules": lambda client: client.rules.edges.all(),
    "getEdgeRule": lambda client: client.rules.edges.get(UUID),
    "createEdgeRule": lambda client: client.rules.edges.create("G.V()", "G.V()", {}),
    "previewEdgeRule": lambda client: client.rules.edges.preview("G.V()", "G.V()", {}),
    "modifyEdgeRule": lambda client: client.rules.edges.update("u", name="x"),
    "deleteEdgeRule": lambda client: client.rules.edges.delete("u"),
}

ONE: Final = {
    **{"UUID": "u", "ID": "u", "Name": "u", "Type": "x", "Host": "h", "Parent": "u", "Child": "v", "Metadata": {}},
    **{"CreatedAt": 1, "UpdatedAt": 1, "Revision": 1, "Origin": "o"},
    **{"Fired": 0, "Notices": 0, "Looks": 0, "Step": 0, "Start": 0, "End": 0, "Complete": True, "Transitions": []},
}
"""Has what each kind of object needs, but for jobs, which have a state of their own."""
JOB: Final = ONE | {"Workflow": "u", "WorkflowName": "u", "State": "done"}


def answer_to(call: Call[Any]) -> Any:
    """Return what a call makes of an object, of a list with one, or of one by its id: whichever it takes."""
    for data in (ONE, JOB, {"u": ONE}, [ONE], [], {}):
        try:
            return call.decode(Answer(200, {}, msgspec.json.encode(data)))
        except Exception:
            continue
    raise AssertionError(f"nothing answers {call.method} {call.path}")


class Recorder:
    """Stands for both transports."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, call: Call[Any]) -> Any:
        self.sent.append((call.method, call.path.partition("?")[0]))
        return answer_to(call)

    def close(self) -> None:
        """There is nothing to close."""


class AsyncRecorder:
    """The same, awaited."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def send(self, call: Call[Any]) -> Any:
        return self._recorder.send(call)

    def stream(self, call: Call[Any], timeout: float | None = None) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture(scope="module")
def operations() -> dict[str, tuple[str, str]]:
    """Give method and path of each operation."""
    with TestClient(create_app(Fakes.new().services()), base_url="http://127.0.0.1:8082") as client:
        paths = client.get("/api/openapi.json").json()["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "operationId" in operation
    }


def test_no_route_is_without_a_method_or_a_reason(operations: Mapping[str, tuple[str, str]]) -> None:
    assert operations.keys() == ROUTES.keys() | WITHOUT_A_METHOD.keys()
    assert not ROUTES.keys() & WITHOUT_A_METHOD.keys()


@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize("name", ROUTES)
def test_a_method_asks_for_its_route(operations: Mapping[str, tuple[str, str]], name: str, awaited: bool) -> None:
    recorder = Recorder()
    if awaited:
        found: Any = asyncio.run(_awaited(ROUTES[name], AsyncClient(carrier=AsyncRecorder(recorder))))
    else:
        client: Any = Client()
        client._http = recorder
        found = ROUTES[name](client)
    assert not inspect.isgenerator(found)
    method, path = operations[name]
    template = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path))
    assert any(sent[0] == method and template.fullmatch(sent[1]) for sent in recorder.sent), recorder.sent


async def _awaited(work: Callable[[Any], Any], client: AsyncClient) -> Any:
    return await work(client)
