# SPDX-License-Identifier: Apache-2.0
"""Requests as the reference's Python client (PyPI skydive-client 0.10.0) sends them, byte by byte."""

import json

from compat.raw import Raw
from unit.api.fakes import Fakes, a_node

HEAD = """\
{method} {path} HTTP/1.1
Accept-Encoding: identity
User-Agent: Python-urllib/3.11
Content-Type: application/json
Accept: application/json
Connection: close
"""


async def test_lookup_of_nodes(raw: Raw, fakes: Fakes) -> None:
    fakes.graph.put(a_node("n1"))
    answer = await raw.http(HEAD.format(method="POST", path="/api/topology"), b'{"GremlinQuery": "G.V()"}')
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    (node,) = json.loads(answer.body)
    assert {"ID", "Host", "Metadata", "CreatedAt", "UpdatedAt", "DeletedAt", "Revision", "Origin"} == node.keys()


async def test_the_life_of_a_capture(raw: Raw) -> None:
    body = {
        "GremlinQuery": "G.V().Has('Name', 'eth0')",
        "LayerKeyMode": "L2",
        "PollingInterval": 10,
        "SamplingRate": 1,
        "Name": "test",
        "ExtraTCPMetric": True,
        "BPFFilter": "tcp",
    }
    answer = await raw.http(HEAD.format(method="POST", path="/api/capture"), json.dumps(body).encode())
    created = json.loads(answer.body)
    assert (answer.status, created["Name"], created["ExtraTCPMetric"], created["Count"]) == (201, "test", True, 0)
    listed = await raw.http(HEAD.format(method="GET", path="/api/capture"))
    assert [one["UUID"] for one in json.loads(listed.body).values()] == [created["UUID"]]
    deleted = await raw.http(HEAD.format(method="DELETE", path=f"/api/capture/{created['UUID']}"))
    # The client looks for a Content-Type in every answer, and fails without one.
    assert (deleted.status, deleted.body, deleted.headers["content-type"][:10]) == (200, b"", "text/plain")


async def test_the_life_of_an_injection(raw: Raw) -> None:
    # injection_create sends every key but Mode, Pcap and IncrementPayload, and one that no server ever read.
    body = {
        **{"Src": "G.V().Has('TID', 'a')", "Dst": "G.V().Has('TID', 'b')", "SrcIP": None, "DstIP": None, "SrcMAC": ""},
        **{"DstMAC": "", "SrcPort": None, "DstPort": 0, "Type": "icmp4", "Payload": "", "ICMPID": 0, "Count": 1},
        **{"Interval": 1000, "Increment": False, "TTL": 64},
    }
    answer = await raw.http(HEAD.format(method="POST", path="/api/injectpacket"), json.dumps(body).encode())
    created = json.loads(answer.body)
    assert (answer.status, created["Interval"], created["Type"]) == (201, 1000, "icmp4")
    listed = await raw.http(HEAD.format(method="GET", path="/api/injectpacket"))
    assert [one["UUID"] for one in json.loads(listed.body).values()] == [created["UUID"]]
    deleted = await raw.http(HEAD.format(method="DELETE", path=f"/api/injectpacket/{created['UUID']}"))
    assert (deleted.status, deleted.body, deleted.headers["content-type"][:10]) == (200, b"", "text/plain")


async def test_a_refusal_is_a_text_that_its_exception_shows(raw: Raw) -> None:
    answer = await raw.http(HEAD.format(method="POST", path="/api/topology"), b'{"GremlinQuery": "G.V("}')
    assert answer.status == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode().startswith("( is never closed\n")


async def test_login_before_every_request(raw: Raw) -> None:
    head = "POST /login HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nConnection: close\n"
    answer = await raw.http(head, b"username=admin&password=password")
    assert answer.status == 200
    assert answer.headers["set-cookie"].startswith("permissions=")


async def test_a_patch_of_a_list_of_operations(raw: Raw) -> None:
    await raw.http(HEAD.format(method="POST", path="/api/capture"), b'{"GremlinQuery": "G.V()"}')
    body = b'[{"op": "add", "path": "/Description", "value": "x"}]'
    answer = await raw.http(HEAD.format(method="PATCH", path="/api/capture/c1"), body)
    assert json.loads(answer.body)["Description"] == "x"
    # 304 would be an exception in this client, so an unchanged object is 200.
    assert (await raw.http(HEAD.format(method="PATCH", path="/api/capture/c1"), body)).status == 200
