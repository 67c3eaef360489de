# SPDX-License-Identifier: Apache-2.0
"""What Grafana asks: the reference's plug-in as recorded, and the dashboard of ours, request by request."""

import gzip
import json
import re
import secrets
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from foreign.programs import PYTHON, ROOT
from system.links import ip, send_udp
from system.stack import Stack

DASHBOARD = json.loads((ROOT / "docs/howto/grafana-dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
INFINITY = [target for panel in PANELS for target in panel["targets"] if "url" in target]
PROMETHEUS = [target["expr"] for panel in PANELS for target in panel["targets"] if "expr" in target]
INFINITY_HEADERS = {
    "Accept": "application/json;q=0.9,text/plain",
    "Accept-Encoding": "gzip",
    "User-Agent": "Go-http-client/1.1",
}
JSONATA = "import json, sys, jsonata; print(json.dumps(jsonata.Jsonata(sys.argv[1]).evaluate(json.load(sys.stdin))))"
DAY_MS = 86_400_000
VARIABLE = DASHBOARD["templating"]["list"][0]["query"]["infinityQuery"]


@pytest.fixture(scope="module")
def bridge(stack: Stack) -> Iterator[str]:
    """A bridge of this host, in the graph: the dashboard shows those and what joins them."""
    name = f"t{secrets.token_hex(3)}"
    ip("link", "add", name, "type", "bridge")
    try:
        stack.wait(lambda: stack.query(f"G.V().Has('Name', '{name}').In().Has('Type', 'host')"), 15, "the bridge")
        yield name
    finally:
        ip("link", "del", name)


@pytest.fixture(scope="module")
def busy(stack: Stack, veth: tuple[str, str], bridge: str) -> Iterator[str]:
    """The id of an interface that is captured and has counters, with a flow in history."""
    stack.capture(f"G.V().Has('Name', '{veth[1]}')", Name="grafana")
    (capture,) = [one for one in stack.call("GET", "/api/capture").values() if one["Name"] == "grafana"]
    stack.wait_capture(capture["UUID"], "active")
    send_udp(veth[0], 0, 50)
    (node,) = stack.query(f"G.V().Has('Name', '{veth[1]}')")
    stack.wait(lambda: stack.call("GET", "/api/flows?limit=5"), 20, "a flow")
    stack.wait(lambda: points(stack, node["ID"]), 45, "counters in history")
    stack.wait(lambda: stack.query(f"G.At({int(time.time()) + 1}, 300).Flows().Limit(1)"), 20, "a flow in history")
    yield node["ID"]
    stack.call("DELETE", f"/api/capture/{capture['UUID']}")


def points(stack: Stack, node_id: str) -> Any:
    return stack.call("GET", f"/api/node/{node_id}/metrics?last=1h")["Points"]


def asked(stack: Stack, target: dict[str, Any], interface: str) -> list[Any]:
    """Return the rows that Infinity makes of a target: the request as its back end sends it, then the root selector."""
    options = target["url_options"]
    path, _, query = target["url"].replace("${interface}", interface).partition("?")
    # Go's url.Values, in which the parameters of the URL and of the options are put together.
    encoded = urllib.parse.urlencode(sorted(urllib.parse.parse_qsl(query)))
    headers = (
        {**INFINITY_HEADERS, "Content-Type": options["body_content_type"]} if options["data"] else INFINITY_HEADERS
    )
    data = options["data"].encode() or None
    address = f"{stack.url}{path}{encoded and '?'}{encoded}"
    request = urllib.request.Request(address, data, headers, method=options["method"])
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
        packed = answer.headers.get("Content-Encoding") == "gzip"
    return selected(gzip.decompress(content) if packed else content, target["root_selector"])


def selected(content: bytes, selector: str) -> list[Any]:
    """Return the rows of an answer: what a path of GJSON gives, else an expression of JSONata; an object is one row."""
    answer = json.loads(content)
    if selector and (not isinstance(answer, dict) or selector not in answer):
        program = [str(PYTHON), "-c", JSONATA, selector]
        answer = json.loads(subprocess.run(program, input=content, capture_output=True, check=True).stdout)
    elif selector:
        answer = answer[selector]
    return answer if isinstance(answer, list) else [answer]


def at(row: Any, path: str) -> Any:
    for key in path.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def shown(target: dict[str, Any]) -> str:
    return f"{target['url']}-{target['refId']}"


@pytest.mark.parametrize("target", [*INFINITY, VARIABLE], ids=shown)
def test_each_column_of_the_dashboard_is_in_an_answer(stack: Stack, busy: str, target: dict[str, Any]) -> None:
    rows = asked(stack, target, busy)
    assert rows, "no rows"
    columns = [(one, [at(row, one["selector"]) for row in rows]) for one in target["columns"]]
    assert [one["selector"] for one, values in columns if set(values) == {None}] == []
    assert [
        f"{one['selector']} {value!r} is no {one['type']}"
        for one, values in columns
        for value in values
        if value is not None and not FITS[one["type"]](value)
    ] == []


FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "timestamp_epoch": lambda value: isinstance(value, int) and abs(value - time.time() * 1000) < DAY_MS,
}
"""What Infinity puts into a column of each type without a change; another kind of value leaves it empty."""


@pytest.mark.parametrize("more", [0, 1], ids=["one", "two"])
def test_captures_are_rows_however_many_there_are(stack: Stack, busy: str, more: int) -> None:
    (target,) = (one for one in INFINITY if one["url"] == "/api/capture")
    captures = [stack.capture("G.V().Has('Name', 'nowhere')", Name=f"row{number}") for number in range(more)]
    rows = asked(stack, target, busy)
    assert {row["UUID"] for row in rows} == set(stack.call("GET", "/api/capture"))
    for uuid in captures:
        stack.call("DELETE", f"/api/capture/{uuid}")


@pytest.mark.parametrize("expression", PROMETHEUS)
def test_each_metric_of_the_dashboard_is_exposed(stack: Stack, expression: str) -> None:
    exposed = stack.call("GET", "/metrics", accept="text/plain").decode()
    names = re.findall(r"netsonde_\w+", expression)
    assert names
    assert [name for name in names if f"# TYPE {name} " not in exposed] == []


def test_the_dashboard_names_the_data_sources_that_it_asks_for() -> None:
    declared = {f"${{{one['name']}}}": one["pluginId"] for one in DASHBOARD["__inputs"]}
    used = {
        target["datasource"]["uid"]: target["datasource"]["type"] for panel in PANELS for target in panel["targets"]
    }
    assert used == declared
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_the_old_plug_in_finds_the_server_alive(stack: Stack) -> None:
    assert len(stack.query("G.At('-1s').V().Limit(1)")) == 1


def test_the_old_plug_in_tells_flows_from_interfaces(stack: Stack, busy: str) -> None:
    now = int(time.time())
    assert "TrackingID" in stack.query(f"G.At({now}, 300).Flows().Limit(10).Keys()")
    keys = stack.query(f"G.At({now}, 300).V().Limit(10).Keys()")
    assert ("Name" in keys, "TrackingID" in keys) == (True, False)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("G.At({now}, 300).V().Has('Name', '{name}').Metrics().Aggregates()", "RxBytes"),
        ("G.At({now}, 300).Flows().Has('NodeTID', Ne('')).Metrics().Aggregates()", "ABBytes"),
        ("G.At({now}, 300).Flows().Metrics()", "ABPackets"),
    ],
)
def test_the_old_plug_in_gets_its_series(
    stack: Stack, busy: str, veth: tuple[str, str], query: str, field: str
) -> None:
    text = query.format(now=int(time.time()) + 1, name=veth[1])
    stack.wait(lambda: points_of(stack, text), 15, text)
    assert [point for point in points_of(stack, text) if not {"Start", "Last", field} <= point.keys()] == []


def test_the_old_plug_in_finds_interfaces_by_their_counters(stack: Stack, busy: str, veth: tuple[str, str]) -> None:
    query = f"V().Has('Name', '{veth[1]}').HasKey('Metric').Metrics().Aggregates()"
    stack.wait(lambda: points_of(stack, f"G.{query}"), 15, "counters now")
    stack.wait(lambda: points_of(stack, f"G.At({int(time.time()) + 1}, 300).{query}"), 15, "counters in the past")


def points_of(stack: Stack, text: str) -> list[dict[str, Any]]:
    (series,) = stack.query(text) or [{}]
    return [point for points in series.values() for point in points]


def test_the_ansible_role_finds_its_agents(stack: Stack) -> None:
    form = urllib.parse.urlencode({"username": "admin", "password": "x"}).encode()
    with urllib.request.urlopen(f"{stack.url}/login", form) as answer:
        assert answer.status == 200
    assert len(stack.call("GET", "/api/status")["Agents"]) == 1
