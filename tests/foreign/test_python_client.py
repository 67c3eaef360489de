# SPDX-License-Identifier: Apache-2.0
"""PyPI skydive-client 0.10.0, unmodified: every method of its REST and WebSocket clients, and its script."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from foreign.programs import PYTHON, PythonClient, Refused
from system.stack import Stack

FABRIC = {"Name": "tor", "Type": "fabric"}


def named(name: str) -> str:
    return f"G.V().Has('Name', '{name}')"


def listed(client: PythonClient, what: str) -> dict[str, Any]:
    return {one.get("UUID") or one["ID"]: one for one in client.call(f"{what}_list")}


def test_lookups(client: PythonClient, veth: tuple[str, str]) -> None:
    (node,) = client.call("lookup_nodes", gremlin=named(veth[0]))
    assert node["Metadata"]["Type"] == "veth"
    (edge,) = client.call(
        "lookup_edges", gremlin=f"{named(veth[0])}.OutE().Has('RelationType', 'layer2')"
    ) or client.call("lookup_edges", gremlin=f"{named(veth[0])}.InE().Has('RelationType', 'layer2')")
    assert node["ID"] in (edge["Parent"], edge["Child"])
    assert client.call("lookup", gremlin=f"{named(veth[0])}.Values('Name')") == [veth[0]]
    (graph,) = client.call("lookup", gremlin="G")
    assert len(graph["Nodes"]) > 2
    with pytest.raises(Refused, match=r"BadRequest: .*never closed"):
        client.call("lookup", gremlin="G.V(")


def test_captures(client: PythonClient, stack: Stack, veth: tuple[str, str]) -> None:
    made = client.call(
        "capture_create",
        query=named(veth[0]),
        name="foreign",
        description="of old",
        extra_tcp_metric=True,
        reassemble_tcp=True,
        ip_defrag=True,
        bpf_filter="icmp",
        capture_type="afpacket",
        raw_pkt_limit=5,
        header_size=128,
    )
    assert (made["GremlinQuery"], made["Name"], made["LayerKeyMode"]) == (named(veth[0]), "foreign", "L2")
    stack.wait(lambda: listed(client, "capture")[made["UUID"]]["Count"] == 1, 10, "an active capture")
    with pytest.raises(Refused, match="BadRequest"):
        client.call("capture_create", query=named(veth[0]), bpf_filter="icmp", capture_type="afpacket")
    assert client.call("capture_delete", capture_id=made["UUID"]) == ""
    assert made["UUID"] not in listed(client, "capture")


def test_nodes_and_edges(client: PythonClient) -> None:
    one = client.call("node_create", metadata={**FABRIC, "Name": "one"})
    other = client.call("node_create", node_id="foreign-other", host="h9", metadata={**FABRIC, "Name": "two"})
    assert (other["ID"], other["Host"], other["Metadata"]["Name"]) == ("foreign-other", "h9", "two")
    changed = client.call(
        "node_update", node_id=one["ID"], patches=[{"op": "add", "path": "/Metadata/Floor", "value": 3}]
    )
    assert changed["Metadata"]["Floor"] == 3
    edge = client.call(
        "edge_create", parent_id=one["ID"], child_id=other["ID"], metadata={"RelationType": "layer2", "Speed": 1}
    )
    faster = client.call(
        "edge_update", edge_id=edge["ID"], patches=[{"op": "replace", "path": "/Metadata/Speed", "value": 10}]
    )
    assert faster["Metadata"] == {"RelationType": "layer2", "Speed": 10}
    # A patch without an effect must not be 304, which is an exception in this client.
    assert client.call("node_update", node_id=one["ID"], patches=[])["ID"] == one["ID"]
    assert one["ID"] in listed(client, "node")
    assert edge["ID"] in listed(client, "edge")
    client.call("edge_delete", edge_id=edge["ID"])
    for node in (one, other):
        assert client.call("node_delete", node_id=node["ID"]) == ""
    with pytest.raises(Refused, match=r"BadRequest: .*not found"):
        client.call("node_delete", node_id=one["ID"])


@pytest.mark.parametrize("metadata", [None, {"Name": "x"}])
def test_what_is_no_node_is_refused(client: PythonClient, metadata: Any) -> None:
    with pytest.raises(Refused, match="BadRequest"):
        client.call("node_create", metadata=metadata)


def test_node_rules(client: PythonClient, stack: Stack, veth: tuple[str, str]) -> None:
    made = client.call("noderule_create", action="create", metadata=FABRIC)
    ruled = client.call("noderule_create", action="update", metadata={"Owner": "us"}, query=named(veth[0]))
    assert listed(client, "noderule").keys() == {made["UUID"], ruled["UUID"]}
    (node,) = client.call("lookup_nodes", gremlin="G.V().Has('Type', 'fabric')")
    assert node["Metadata"]["Name"] == "tor"
    assert client.call("lookup", gremlin=f"{named(veth[0])}.Values('Owner')") == ["us"]
    # A capture finds what a rule says, though agents do not know of it.
    capture = client.call("capture_create", query="G.V().Has('Owner', 'us')")
    stack.wait(lambda: listed(client, "capture")[capture["UUID"]]["Count"] == 1, 10, "a capture by a rule's word")
    client.call("capture_delete", capture_id=capture["UUID"])
    for rule in (made, ruled):
        assert client.call("noderule_delete", rule_id=rule["UUID"]) == ""
    assert client.call("lookup", gremlin="G.V().Has('Type', 'fabric')") == []
    assert client.call("lookup", gremlin=f"{named(veth[0])}.HasKey('Owner')") == []


def test_edge_rules(client: PythonClient, veth: tuple[str, str]) -> None:
    made = client.call("edgerule_create", src=named(veth[0]), dst=named(veth[1]), metadata={"RelationType": "cable"})
    assert [one["Src"] for one in client.call("edgerule_list")] == [named(veth[0])]
    assert len(client.call("lookup_edges", gremlin="G.E().Has('RelationType', 'cable')")) == 1
    client.call("edgerule_delete", rule_id=made["UUID"])
    assert client.call("lookup_edges", gremlin="G.E().Has('RelationType', 'cable')") == []


def test_injections(client: PythonClient, veth: tuple[str, str]) -> None:
    made = client.call(
        "injection_create",
        src_query=named(veth[0]),
        dst_query=named(veth[1]),
        type="icmp4",
        payload="hello",
        interval=10,
        count=2,
        icmp_id=7,
        dst_mac="02:00:00:00:00:01",
        increment=True,
    )
    assert (made["Type"], made["Count"], made["Payload"]) == ("icmp4", 2, "hello")
    assert [one["UUID"] for one in client.call("injection_list")] == [made["UUID"]]
    assert client.call("injection_delete", injection_id=made["UUID"]) == ""
    with pytest.raises(Refused, match="BadRequest"):
        client.call("injection_create", src_query="G.V().Has('Name', 'nobody')")


def test_alerts(client: PythonClient) -> None:
    made = client.call("alert_create", action="", expression="G.V().Has('Name', 'nobody')", trigger="graph")
    # Its own bug: what it reads it swaps.
    assert (made["Trigger"], made["Expression"]) == ("G.V().Has('Name', 'nobody')", "graph")
    assert [one["UUID"] for one in client.call("alert_list")] == [made["UUID"]]
    assert client.call("alert_delete", alert_id=made["UUID"]) == ""


def test_a_user_name_means_a_login(stack: Stack) -> None:
    with PythonClient(f"127.0.0.1:{stack.port}", "admin", "secret") as client:
        assert client.call("injection_list") == []
        assert client.ask(login={"username": "admin", "password": "secret"}) is True
        client.send(listen=1)
        assert [message["Type"] for message in client.heard()] == ["SyncReply"]


def test_the_websocket_client_publishes_and_hears_of_it(client: PythonClient, stack: Stack) -> None:
    ends: list[dict[str, Any]]
    ends = [{"id": name, "host": "", "metadata": {**FABRIC, "Name": name, "Rack": "r1"}} for name in ("ws1", "ws2")]
    edge = {"id": "ws3", "host": "", "parent": "ws1", "child": "ws2", "metadata": {"RelationType": "layer2"}}
    with PythonClient(f"127.0.0.1:{stack.port}") as listener:
        listener.send(listen=3, filter="G.V().Has('Rack', 'r1').SubGraph()")
        heard = listener.heard()
        assert next(heard)["Type"] == "SyncReply"
        client.ask(publish=[["NodeAdded", ends[0]], ["NodeAdded", ends[1]], ["EdgeAdded", edge]])
        # What came while it said goodbye is heard too: the edge, now and then.
        assert {message["Obj"]["ID"] for message in heard} >= {"ws1", "ws2"}
    stack.wait(lambda: "ws3" in listed(client, "edge"), 5, "the published edge")
    # Its classes never send a revision.
    ends[0]["metadata"]["Rack"] = "r2"
    client.ask(publish=[["NodeUpdated", ends[0]], ["EdgeDeleted", edge], ["NodeDeleted", ends[1]]])
    stack.wait(lambda: client.call("lookup", gremlin="G.V('ws1').Values('Rack')") == ["r2"], 5, "the update")
    stack.wait(lambda: "ws2" not in listed(client, "node"), 5, "the deletion")
    client.ask(publish=[["NodeDeleted", ends[0]]])
    stack.wait(lambda: "ws1" not in listed(client, "node"), 5, "the other deletion")


def test_what_is_not_persistent_goes_with_its_client(client: PythonClient, stack: Stack) -> None:
    node = {"id": "passing", "host": "", "metadata": {**FABRIC, "Name": "passing"}}
    with PythonClient(f"127.0.0.1:{stack.port}") as listener:
        listener.send(listen=3, filter="G.V().Has('Name', 'passing').SubGraph()")
        heard = listener.heard()
        assert next(heard)["Type"] == "SyncReply"
        client.ask(publish=[["NodeAdded", node]], persistent=False)
        assert [(message["Type"], message["Obj"]["ID"]) for message in heard] == [
            ("NodeAdded", "passing"),
            ("NodeDeleted", "passing"),
        ]
    assert "passing" not in listed(client, "node")


def test_its_script_adds_updates_and_deletes_a_file(client: PythonClient, stack: Stack, tmp_path: Path) -> None:
    nodes = [{"ID": f"shell{number}", "Host": "", "Metadata": FABRIC} for number in range(50)]
    edge = {"ID": "shell-e", "Host": "", "Parent": "shell0", "Child": "shell1", "Metadata": {"RelationType": "x"}}
    file = tmp_path / "graph.json"
    file.write_text(json.dumps({"Nodes": nodes, "Edges": [edge]}))
    script(stack, "add", str(file))
    stack.wait(lambda: {"shell0", "shell49"} <= listed(client, "node").keys(), 10, "all nodes")
    stack.wait(lambda: "shell-e" in listed(client, "edge"), 5, "the edge")
    nodes[0]["Metadata"] = {**FABRIC, "Floor": 4}
    file.write_text(json.dumps({"Nodes": nodes[:1]}))
    script(stack, "update", str(file))
    stack.wait(lambda: client.call("lookup", gremlin="G.V('shell0').Values('Floor')") == [4], 5, "the update")
    file.write_text(json.dumps({"Nodes": nodes, "Edges": [edge]}))
    script(stack, "delete", str(file))
    stack.wait(lambda: not any(name.startswith("shell") for name in listed(client, "node")), 10, "none left")


def test_its_script_listens(stack: Stack) -> None:
    command = [*shell(stack), "--host", "listener", "listen", "--sync-request"]
    listener = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert listener.stderr is not None
    try:
        assert any("SyncReply" in line for line in listener.stderr)
    finally:
        listener.terminate()
        listener.wait(5)
        listener.stderr.close()


def script(stack: Stack, *words: str) -> None:
    done = subprocess.run([*shell(stack), *words], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


def shell(stack: Stack) -> list[str]:
    return [str(PYTHON.with_name("skydive-ws-client")), "--analyzer", f"127.0.0.1:{stack.port}"]
