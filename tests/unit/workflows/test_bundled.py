# SPDX-License-Identifier: Apache-2.0
"""The bundled workflows and the examples of the how-to, in real isolates, against answers made up."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from netsonde.aio.clock import Clock
from netsonde.model.elements import Json
from netsonde.model.workflows import Workflow
from netsonde.observe import Health
from netsonde.scripts.host import Answer
from netsonde.scripts.limits import ScriptLimits
from netsonde.scripts.pool import Scripts
from netsonde.scripts.process import Isolate
from netsonde.workflows.bundled import bundled
from netsonde.workflows.definitions import arguments_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOW_TO = (Path(__file__).resolve().parents[3] / "docs/howto/write-a-workflow.md").read_text(encoding="utf-8")


class Site:
    """Answers queries by the end of their text, and creates and shows what it is told."""

    def __init__(self, answers: dict[str, Any], status: Any = None) -> None:
        self.answers = answers
        self.status = status or {"State": "active", "Nodes": []}
        self.asked: list[tuple[str, str]] = []
        self.created: list[Any] = []
        self.changed: list[tuple[str, Any]] = []
        self.lines: list[str] = []

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append((method, path))
        given = msgspec.json.decode(body) if body else {}
        if path == "/api/topology":
            query = given["GremlinQuery"]
            found: Any = next((value for end, value in self.answers.items() if query.endswith(end)), [])
            return Answer(200, msgspec.json.encode(found).decode())
        if method == "POST":
            self.created.append(given)
        if method == "PATCH":
            self.changed.append((path, given))
        return Answer(200, msgspec.json.encode({**given, "UUID": "u1", "Status": self.status}).decode())

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, fraction: float, text: str) -> None:
        """Nobody looks."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts() -> AsyncIterator[Scripts]:
    pool = Scripts(Health("scripts"))
    yield pool
    await pool.close()


async def call(scripts: Scripts, name: str, site: Site, **params: Json) -> Any:
    workflow = next(one for one in bundled() if one.name == name)
    given = arguments_of(workflow, {key.replace("_", "-"): value for key, value in params.items()})
    return msgspec.json.decode(await scripts.call(workflow.source, given, site, ScriptLimits(seconds=10)))


def hops(*mtus: int) -> list[list[Json]]:
    return [[{"ID": f"n{n}", "Metadata": {"Name": f"if{n}", "MTU": mtu}} for n, mtu in enumerate(mtus)]]


@pytest.mark.parametrize(("mtus", "fits"), [((1400, 0, 1500), True), ((1500, 0, 1400), False)])
async def test_an_mtu_that_gets_smaller_is_found_and_named(scripts: Scripts, mtus: Any, fits: bool) -> None:
    site = Site({"'layer2'))": hops(*mtus)})
    assert await call(scripts, "CheckMTU", site, source="a", destination="b") is fits
    assert ("if2 has MTU 1400, after if0 with 1500" in site.lines) is not fits


async def test_connectivity_is_what_the_flow_of_the_echo_shows_and_all_is_cleaned_up(scripts: Scripts) -> None:
    flow = {"Metric": {"ABPackets": 5, "BAPackets": 5}}
    site = Site({"'layer2'))": hops(1500, 1500), ".Sort()": [flow]})
    found = await call(scripts, "CheckConnectivity", site, source="a", destination="b")
    assert found == {"Connectivity": True, "Flows": [flow]}
    assert [path for method, path in site.asked if method == "DELETE"] == ["/api/injectpacket/u1", "/api/capture/u1"]
    assert site.created[1]["Src"] == "G.V().Has('TID', 'a')"


async def test_interfaces_without_flows_and_without_capture_are_named(scripts: Scripts) -> None:
    nodes = [{"NodeTID": tid, "State": state} for tid, state in (("a", "active"), ("b", "active"), ("c", "failed"))]
    flows = [{"NodeTID": "a", "Metric": {"ABPackets": 1, "BAPackets": 1}}, {"NodeTID": "b", "Metric": {"ABPackets": 1}}]
    site = Site({"'u1')": flows}, {"State": "partial", "Nodes": nodes})
    found = await call(
        scripts, "FlowValidation", site, Checkpoint_1="a", Checkpoint_2="b", Time=0, Source_IP="10.0.0.1"
    )
    assert found == {"Connectivity": False, "NotReachedNodes": ["b"], "NotCapturedNodes": ["c"]}
    assert site.created[0]["GremlinQuery"] == "G.V().Has('TID', WITHIN('a', 'b'))"
    assert site.created[0]["BPFFilter"] == "(icmp and host 10.0.0.1) or (vlan and icmp and host 10.0.0.1)"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("CheckConnectivity", {"source": "a", "destination": "b"}),
        ("FlowValidation", {"Checkpoint_1": "a", "Checkpoint_2": "b", "Time": 0}),
    ],
)
async def test_a_capture_of_a_call_that_is_killed_ends_by_itself(
    scripts: Scripts, name: str, params: dict[str, Json]
) -> None:
    site = Site({"'layer2'))": hops(1500, 1500)})
    began = Clock().now_ms()
    await call(scripts, name, site, **params)
    ((path, change),) = site.changed
    assert path == "/api/capture/u1"
    assert began < change["ExpiresAt"] <= Clock().now_ms() + 600_000


def a_socket(name: str, local: str, remote: str = "0.0.0.0:0", state: str = "LISTEN") -> Json:
    (address, port), (far, far_port) = local.split(":"), remote.split(":")
    return {
        "Name": name,
        "Process": f"/bin/{name}",
        "Protocol": "TCP",
        "State": state,
        "LocalAddress": address,
        "LocalPort": int(port),
        "RemoteAddress": far,
        "RemotePort": int(far_port),
    }


def a_host(name: str, *sockets: Json, node: str = "") -> Json:
    return {"ID": node or f"id-{name}", "Host": name, "Metadata": {"Name": name, "Type": "host", "Sockets": [*sockets]}}


async def test_processes_are_linked_to_those_that_serve_them(scripts: Scripts) -> None:
    served = a_socket("nginx", "10.0.0.1:40000", "10.0.0.9:443", "ESTABLISHED")
    hosts = [
        a_host("web", a_socket("nginx", "0.0.0.0:80"), served),
        a_host("user", a_socket("curl", "10.0.0.2:50000", "10.0.0.1:80", "ESTABLISHED")),
    ]
    site = Site({"HasKey('Sockets')": hosts, "'host')": hosts})
    graph = await call(scripts, "FlowMatrix", site)
    links = [edge for edge in graph["edges"].values() if edge["Metadata"]["RelationType"] == "connection"]
    [link] = links
    ends = [graph["nodes"][link[end]]["Metadata"] for end in ("Parent", "Child")]
    assert [(end["Name"], end["ServiceType"]) for end in ends] == [("curl", "client"), ("nginx", "server")]
    assert link["Metadata"]["Port"] == 80
    assert graph == await call(scripts, "FlowMatrix", site, useFlows="false")
    dot = await call(scripts, "FlowMatrix", site, format="dot")
    assert dot.count("subgraph cluster_") == 2
    assert '[label = "TCP 80"]' in dot


async def test_loopback_of_a_namespace_is_not_that_of_its_host(scripts: Scripts) -> None:
    host = a_host("web", a_socket("nginx", "0.0.0.0:80"))
    client = a_socket("app", "127.0.0.1:5", "127.0.0.1:80", "ESTABLISHED")
    inner = a_host("web", a_socket("redis", "127.0.0.1:80"), client, node="id-netns")
    site = Site({"HasKey('Sockets')": [host, inner], "'host')": [host]})
    graph = await call(scripts, "FlowMatrix", site)
    [link] = [edge for edge in graph["edges"].values() if edge["Metadata"]["RelationType"] == "connection"]
    names = [graph["nodes"][link[end]]["Metadata"]["Name"] for end in ("Parent", "Child")]
    assert names == ["app", "redis"]
    assert {node["Host"] for node in graph["nodes"].values()} == {"web"}


async def test_the_examples_of_the_how_to_run(scripts: Scripts) -> None:
    text = re.findall(r"```yaml\n(.*?)```", HOW_TO, re.DOTALL)[0]
    example = msgspec.yaml.decode(text.encode(), type=Workflow)
    site = Site({"'veth')": hops(1, 2, 3)[0]})
    given = arguments_of(example, [])
    found = msgspec.json.decode(await scripts.call(example.source, given, site, ScriptLimits(seconds=5)))
    assert (found, site.lines) == ({"Type": "veth", "Count": 3}, ["3 of type veth"])


def python_scripts() -> Scripts:
    return Scripts(Health("scripts"), runs=1, make=lambda: Isolate(("-m", "netsonde.analyzer.python_workflow")))


REACH = """
import asyncio, os, signal, socket, subprocess

async def main(client):
    tries = {
        "fork": os.fork, "run": lambda: subprocess.run(["/bin/true"]), "connect": socket.socket,
        "kill": lambda: os.kill(os.getppid(), 0), "kill all": lambda: os.kill(-1, 0),
    }
    assert await asyncio.to_thread(lambda: "threads are its own")
    return sorted(name for name, attempt in tries.items() if not refused(attempt))

def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
"""


async def test_a_workflow_in_python_leaves_no_process_behind_and_reaches_none() -> None:
    assert bytes(await python_scripts().call(REACH, [], Site({}), ScriptLimits(seconds=10))) == b"[]"


async def test_the_python_of_the_how_to_runs_confined() -> None:
    source = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)[0]
    site = Site({".Count()": 3})
    pool = python_scripts()
    assert bytes(await pool.call(source, ["veth"], site, ScriptLimits(seconds=10))) == b"3"
    assert site.lines == ["3"]
