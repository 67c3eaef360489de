# SPDX-License-Identifier: Apache-2.0
"""What the reference's Ansible modules send, replayed with the client that they use."""

import uuid
from collections.abc import Sequence
from typing import Any

from foreign.programs import PythonClient
from system.stack import Stack


def node(name: str, kind: str = "fabric", seed: str = "", **metadata: Any) -> list[Any]:
    """Return the message of skydive_node: the id is that of its seed, or of name and type."""
    name_id = str(uuid.uuid5(uuid.NAMESPACE_OID, seed or f"{name}:{kind}"))
    return ["NodeAdded", {"id": name_id, "host": "", "metadata": {"Name": name, "Type": kind, **metadata}}]


def edge(one: str, other: str, relation: str) -> list[Any]:
    """Return the message of skydive_edge."""
    name_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{one}:{other}:{relation}"))
    facts = {"id": name_id, "host": "", "parent": one, "child": other, "metadata": {"RelationType": relation}}
    return ["EdgeAdded", facts]


def ids(found: Sequence[dict[str, Any]]) -> set[str]:
    return {one["ID"] for one in found}


def test_a_playbook_can_be_run_twice(client: PythonClient, stack: Stack) -> None:
    # skydive_node_list and skydive_edge_list, skydive_query; then all of it again, from another process.
    nodes = [node("leaf1", Site="s1"), node("leaf2", Site="s1"), node("spine", seed="the spine")]
    first, second, spine = (message[1]["id"] for message in nodes)
    edges = [edge(spine, first, "layer2"), edge(spine, second, "ownership")]
    for run in range(2):
        play(stack, [*nodes, *edges], host=f"ansible-{run}")
        stack.wait(lambda: len(client.call("lookup_edges", gremlin=f"G.V('{spine}').OutE()")) == 2, 5, "both edges")
        assert ids(client.call("lookup_nodes", gremlin="G.V().Has('Site', 's1')")) == {first, second}
    # skydive_edge resolves a query to exactly one node by REST.
    (found,) = client.call("lookup_nodes", gremlin="G.V().Has('Name', 'spine', 'Type', 'fabric')")
    assert found["ID"] == spine
    for one in (first, second, spine):
        assert client.call("node_delete", node_id=one) == ""
    assert client.call("lookup_nodes", gremlin="G.V().Has('Type', 'fabric')") == []


def play(stack: Stack, messages: list[list[Any]], *, host: str) -> None:
    with PythonClient(f"127.0.0.1:{stack.port}") as module:
        module.ask(publish=messages, host=host)
