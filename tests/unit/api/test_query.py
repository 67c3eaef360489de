# SPDX-License-Identifier: Apache-2.0
"""/api/topology and /api/query/check."""

import io
import json
from typing import Any

import pyarrow as pa

from unit.api.fakes import Fakes, a_node, an_edge

QUERY = "/api/topology"


def test_the_whole_graph_is_one_object(client: Any, fakes: Fakes) -> None:
    fakes.graph.put(a_node("n1"), a_node("n2"), an_edge("e1", "n1", "n2"))
    answer = client.get(QUERY)
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert [node["ID"] for node in answer.json()["Nodes"]] == ["n1", "n2"]
    assert answer.json()["Edges"][0]["Parent"] == "n1"


def test_a_query_gives_its_value_as_json(client: Any, fakes: Fakes) -> None:
    fakes.graph.put(a_node("n1"))
    answer = client.post(QUERY, json={"GremlinQuery": "G.V()"})
    assert answer.status_code == 200
    assert answer.json()[0] == {
        "ID": "n1",
        "Metadata": {"Name": "n1", "Type": "veth"},
        "Host": "h1",
        "Origin": "agent.h1",
        "CreatedAt": 1_700_000_000_000,
        "UpdatedAt": 1_700_000_000_001,
        "DeletedAt": None,
        "Revision": 1,
    }


def test_json_is_read_whatever_the_content_type_says(client: Any) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(QUERY, content=b'{"GremlinQuery": "G.V()"}', headers=headers).status_code == 200


def test_bindings_reach_the_query(client: Any, fakes: Fakes) -> None:
    client.post(QUERY, json={"GremlinQuery": "G.V()", "Bindings": {"name": "eth0"}})
    assert fakes.queries.bindings == {"name": "eth0"}


def test_an_empty_query_is_answered_by_204_with_a_type(client: Any) -> None:
    for body in (b"", b"{}", b'{"GremlinQuery": " "}'):
        answer = client.post(QUERY, content=body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["content-type"].startswith("application/json")


def test_a_mistake_is_told_as_text_with_a_mark_under_the_place(client: Any) -> None:
    answer = client.post(QUERY, json={"GremlinQuery": "G.V("})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "( is never closed\n  G.V(\n     ^ column 4\n"


def test_a_mistake_is_told_as_problem_json_when_asked_for(client: Any) -> None:
    answer = client.post(QUERY, json={"GremlinQuery": "V()"}, headers={"Accept": "application/problem+json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Bad Request",
        "status": 400,
        "detail": "a query starts with G",
        "hint": "write G.V()",
        "text": "V()",
        "start": 0,
        "end": 1,
    }


def test_a_graph_is_drawn_when_dot_is_preferred(client: Any, fakes: Fakes) -> None:
    fakes.graph.put(a_node('n"1'), a_node("n2"), an_edge("e1", 'n"1', "n2", "layer2"))
    accept = {"Accept": "application/json;q=0.1, text/vnd.graphviz"}
    answer = client.post(QUERY, json={"GremlinQuery": "G"}, headers=accept)
    assert answer.headers["content-type"].startswith("text/vnd.graphviz")
    assert '"n\\"1-n\\"1" -> "n2-n2" [label="layer2",dir=both]' in answer.text
    assert client.get(QUERY, headers=accept).text == answer.text


def test_dot_of_something_else_than_a_graph_is_not_acceptable(client: Any) -> None:
    answer = client.post(QUERY, json={"GremlinQuery": "G.V()"}, headers={"Accept": "text/vnd.graphviz"})
    assert answer.status_code == 406
    assert "this query gives nodes" in answer.text


def test_json_is_given_when_dot_is_preferred_but_does_not_fit(client: Any) -> None:
    accept = {"Accept": "text/vnd.graphviz, application/json;q=0.5"}
    assert client.post(QUERY, json={"GremlinQuery": "G.V()"}, headers=accept).json() == []


def test_json_is_given_to_a_browser_that_names_other_types(client: Any) -> None:
    answer = client.post(QUERY, json={"GremlinQuery": "G.V()"}, headers={"Accept": "text/html"})
    assert answer.headers["content-type"].startswith("application/json")


def test_packets_are_written_as_pcap_with_true_lengths_in_time_order(client: Any, fakes: Fakes) -> None:
    fakes.queries.packets = [batch((2_000_001_000, 1500, b"later")), batch((1_000_000_000, 60, b"first"))]
    accept = {"Accept": "application/vnd.tcpdump.pcap"}
    answer = client.post(QUERY, json={"GremlinQuery": "G.Flows().RawPackets()"}, headers=accept)
    assert answer.content[:4] == b"\xd4\xc3\xb2\xa1"
    assert answer.content[24:40] == bytes.fromhex("01000000 00000000 05000000 3c000000")
    assert answer.content[45:61] == bytes.fromhex("02000000 01000000 05000000 dc050000")


def test_no_packets_are_an_empty_capture_file_and_not_an_empty_body(client: Any) -> None:
    accept = {"Accept": "application/vnd.tcpdump.pcap"}
    answer = client.post(QUERY, json={"GremlinQuery": "G.Flows().RawPackets()"}, headers=accept)
    assert len(answer.content) == 24


def test_a_check_points_at_the_mistake_without_running_anything(client: Any, fakes: Fakes) -> None:
    wrong = client.post("/api/query/check", json={"GremlinQuery": "G.V("}).json()
    assert (wrong["Valid"], wrong["Error"], wrong["Span"]) == (False, "( is never closed", [3, 4])
    right = client.post("/api/query/check", json={"GremlinQuery": "G.V()"}).json()
    assert (right["Valid"], right["Kind"], right["Local"], right["CallsWorkflow"]) == (True, "nodes", True, False)
    acting = client.post("/api/query/check", json={"GremlinQuery": "G.Workflow('Rack').V()"}).json()
    assert (acting["Valid"], acting["CallsWorkflow"]) == (True, True)
    assert fakes.queries.asked == []


def test_an_empty_answer_is_explained(client: Any, fakes: Fakes) -> None:
    body = {"GremlinQuery": "G.V().Has('Nam', 'x')"}
    answer = client.post("/api/query/explain", json=body).json()
    assert (answer["Reason"], answer["Hint"]) == ("no node has the key 'Nam'", "did you mean Name?")
    assert (answer["Span"], answer["Gives"]) == ([2, 3], "nodes")
    fakes.graph.put(a_node())
    profiled = client.post("/api/query/explain", json={**body, "Profile": True}).json()
    assert (profiled["Reason"], profiled["Rows"]) == ("", 1)


def test_what_is_missing_from_an_answer_is_said(client: Any, fakes: Fakes) -> None:
    assert "x-truncated" not in client.post(QUERY, json={"GremlinQuery": "G.V()"}).headers
    fakes.queries.missing_hosts = ("h2", "h3")
    headers = client.post(QUERY, json={"GremlinQuery": "G.V()"}).headers
    assert (headers["x-missing-hosts"], headers["x-truncated"]) == ("h2,h3", "true")


def test_why_something_is_missing_is_said_in_ascii_and_briefly(client: Any, fakes: Fakes) -> None:
    assert "x-notes" not in client.post(QUERY, json={"GremlinQuery": "G.V()"}).headers
    fakes.queries.notes = ("h1: br\r\nX-Evil: 1: gone", "brücke", *["x" * 1000] * 9)
    headers = client.post(QUERY, json={"GremlinQuery": "G.V()"}).headers
    assert headers["x-notes"].isascii()
    assert "x-evil" not in headers
    told = json.loads(headers["x-notes"])
    assert (tuple(told), len(headers["x-notes"]) < 4100) == (fakes.queries.notes[: len(told)], True)
    assert len(told) == 6


def batch(*packets: tuple[int, int, bytes]) -> bytes:
    """Return packets as the capture core hands them on: an Arrow IPC stream."""
    times, lengths, data = zip(*packets, strict=True)
    table = pa.table(
        {
            "ts_ns": pa.array(times, pa.int64()),
            "wire_len": pa.array(lengths, pa.uint32()),
            "link_type": pa.array([1] * len(packets), pa.uint16()),
            "data": pa.array(data, pa.binary()),
        }
    )
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()
