# SPDX-License-Identifier: Apache-2.0
"""Files of every form are cut into batches of whole elements, wherever the pieces that are read end."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from netsonde.client import Client, NotFound, topology_file
from netsonde.client.topology_file import import_batches
from netsonde.errors import UserError
from unit.api.fakes import a_node, an_edge
from unit.api.served import Server
from unit.client.conftest import Ask

NODES = [{"ID": f"n{number}", "Metadata": {"Text": 'a]}"\\[{ü\u2028', "Float": 1.0}} for number in range(7)]
EDGES = [{"ID": "e", "Parent": "n1", "Child": "n2", "Metadata": {"RelationType": "x"}}]


def read(content: str | bytes) -> tuple[list[Any], list[Any]]:
    data = content.encode() if isinstance(content, str) else content
    nodes: list[Any] = []
    edges: list[Any] = []
    for batch in import_batches(io.BufferedReader(io.BytesIO(data))):
        body = json.loads(batch.body)
        assert len(body["Nodes"]) + len(body["Edges"]) == batch.elements
        nodes += body["Nodes"]
        edges += body["Edges"]
    return nodes, edges


@pytest.fixture(params=[1, 7, 4096])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(topology_file, "_CHUNK", request.param)
    size: int = request.param
    return size


@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_and_a_list_are_read_alike(chunk: int, indent: int | None) -> None:
    graph = {"Other": [{"x": 1}], "Edges": EDGES, "Nodes": NODES}
    for whole in (graph, [graph], [{"Nodes": NODES, "Edges": None}, {"Nodes": None, "Edges": EDGES}]):
        assert read(json.dumps(whole, indent=indent, ensure_ascii=False)) == (NODES, EDGES)


def test_lines_are_read_one_by_one() -> None:
    lines = ['{"Netsonde": "topology", "Version": 1}', *(json.dumps({"Node": node}) for node in NODES), ""]
    assert read("\n".join([*lines, json.dumps({"Edge": EDGES[0]})])) == (NODES, EDGES)


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_file, "BATCH_ELEMENTS", 3)
    sizes = [batch.elements for batch in import_batches([a_node(str(number)) for number in range(7)])]
    assert sizes == [3, 3, 1]


def test_what_is_no_topology_is_told_with_its_place(chunk: int) -> None:
    for content, words in (
        ("", "{ is expected, the end stands there"),
        ('{"Nodes": 5}', "Nodes is no list"),
        ('{"Nodes": [{"ID": "a"}', "at character 22"),
        ('{"Nodes": [{"ID" "a"}]}', "Expecting ':' delimiter"),
        ('{"Nodes": []} x', "something follows the topology"),
        ('{"Nodes": [' + "[" * 100_000, "nested too deeply"),
        (b'{"Nodes": ["\xff"]}', "not UTF-8"),
        ('{"Netsonde": "topology", "Version": 9}', "is of version 9"),
        ('{"Node": 5', "line 1 of the file"),
    ):
        with pytest.raises(UserError) as raised:
            read(content)
        assert words in raised.value.message
        assert raised.value.hint


def test_both_clients_import_and_take_back(ask: Ask, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "g.json"
    file.write_text(json.dumps({"Nodes": NODES, "Edges": EDGES}))
    with file.open("rb") as stream:
        report = ask(lambda client: client.import_topology(stream, "lab"))
    assert (report.added, report.refused) == (8, 0)
    again = ask(lambda client: client.import_topology([a_node("n9"), an_edge("e", "n9", "x")], "lab", replace=True))
    assert (again.added, again.removed) == (1, 7)
    assert [(one.name, one.nodes) for one in ask(lambda client: client.imports())] == [("lab", 1)]
    assert ask(lambda client: client.delete_import("lab")) == 2


def test_both_clients_make_and_change_elements(ask: Ask, server: Server) -> None:
    node = ask(lambda client: client.create_node({"Name": "r", "Type": "rack"}, node_id="r1"))
    edge = ask(lambda client: client.create_edge("r1", "x", {"RelationType": "layer2"}, host="h1"))
    assert (node.origin, edge.host) == ("api.a1", "h1")
    assert ask(lambda client: client.update_edge(edge.id, {"Cost": 2})).metadata["Cost"] == 2
    assert ask(lambda client: client.edge(edge.id)).revision == 2
    ask(lambda client: client.delete_node("r1"))
    with pytest.raises(NotFound):
        ask(lambda client: client.delete_edge(edge.id))


def test_progress_is_told_after_each_batch(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_file, "BATCH_ELEMENTS", 1)
    seen: list[int] = []
    with Client(server.url) as client:
        client.import_topology([a_node("a"), a_node("b")], "lab", progress=lambda so_far: seen.append(so_far.added))
    assert seen == [1, 2]
