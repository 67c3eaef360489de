# SPDX-License-Identifier: Apache-2.0
"""The whole graph into files and back: nothing is lost, and what is wrong with a file is said with its line."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from netsonde.cli.dumps import Dump, read_dump
from netsonde.errors import UserError
from netsonde.model.elements import Edge, Metadata, Node
from unit.api.fakes import a_node, an_edge
from unit.cli.conftest import Command, Server

DEEP: Metadata = {
    "ExtID": {"vm-id": "7", "a.b/c": ["x", 1.5, None, True, {"y": []}]},
    "Big": 2**60,
    "Text": "Tür\n\u2028'\"",
}
NODES = [a_node("a", revision=3, **DEEP), msgspec.structs.replace(a_node("b"), deleted_at=7, host="")]
EDGES = [an_edge("e", "a", "b")]


def fill(server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(*NODES, *EDGES))


@pytest.mark.parametrize("name", ["dump.json", "dump.jsonl"])
def test_an_export_holds_everything(netsonde: Command, server: Server, tmp_path: Path, name: str) -> None:
    fill(server)
    file = tmp_path / name
    done = netsonde("topology", "export", str(file))
    assert (done.status, done.out) == (0, "")
    assert done.err == f"{file}: {file.stat().st_size} bytes\n"
    assert read_dump(file) == Dump(NODES, EDGES)


def test_one_object_is_copied_byte_for_byte(netsonde: Command, server: Server) -> None:
    fill(server)
    assert netsonde("topology", "export").out.encode() == asyncio.run(server.fakes.graph.json())


def test_lines_are_elements(netsonde: Command, server: Server) -> None:
    fill(server)
    lines = [json.loads(line) for line in netsonde("topology", "export", "--format", "jsonl").out.strip().split("\n")]
    assert lines[0] == {"Netsonde": "topology", "Version": 1}
    assert [next(iter(line)) for line in lines[1:]] == ["Node", "Node", "Edge"]


def test_an_export_of_the_past_is_a_query(netsonde: Command, server: Server, tmp_path: Path) -> None:
    server.do(lambda: server.fakes.queries.history.put(*NODES))
    file = tmp_path / "then.json"
    assert netsonde("topology", "export", str(file), "--at", "1700000000").status == 0
    assert server.fakes.queries.asked == ["G.At(1700000000)"]
    assert read_dump(file).nodes == NODES


def test_a_refused_export_leaves_no_file(netsonde: Command, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    assert netsonde("topology", "export", str(file), "--url", "http://127.0.0.1:1").status == 3
    assert not file.exists()


@pytest.mark.parametrize(("first", "second"), [("a.json", "b.jsonl"), ("a.jsonl", "b.json")])
def test_a_check_tells_what_is_there_and_converts(
    netsonde: Command, server: Server, tmp_path: Path, first: str, second: str
) -> None:
    fill(server)
    netsonde("topology", "export", str(tmp_path / first))
    done = netsonde("topology", "check", str(tmp_path / first), "--save", str(tmp_path / second))
    assert (done.status, done.err) == (0, "2 nodes, 1 edges, 1 hosts\n")
    assert read_dump(tmp_path / second) == Dump(NODES, EDGES)


def test_loose_edges_and_revisions_are_told(netsonde: Command, tmp_path: Path) -> None:
    file = write(tmp_path, [a_node("a"), a_node("a", revision=2)], [an_edge("e", "a", "gone")])
    err = netsonde("topology", "check", str(file)).err
    assert "1 edges have an end that is not in the file, the first is e" in err
    assert "1 further revisions of the same elements" in err


def test_the_answer_to_the_query_of_the_whole_graph_is_a_dump(tmp_path: Path) -> None:
    file = tmp_path / "g.json"
    file.write_bytes(msgspec.json.encode([{"Nodes": None, "Edges": EDGES}]))
    assert read_dump(file) == Dump(None, EDGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"Netsonde": "topology", "Version": 1}\n{"Node": 5}\n', "line 2: Expected `object | null`"),
        ('{"Netsonde": "topology", "Version": 9}\n', "is of version 9"),
        ("hello", "is not a graph"),
        ("", "is not a graph"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(content)
    with pytest.raises(UserError) as raised:
        read_dump(file)
    assert message in raised.value.message


def test_a_dump_of_lines_is_asked_without_a_server(netsonde: Command, server: Server, tmp_path: Path) -> None:
    fill(server)
    file = tmp_path / "dump.jsonl"
    netsonde("topology", "export", str(file))
    done = netsonde("query", "G.V().Has('ExtID.vm-id', '7').Values('Name')", "--graph", str(file), "-o", "json")
    assert json.loads(done.out) == ["a"]


def test_a_dump_has_no_past_and_says_so(netsonde: Command, tmp_path: Path) -> None:
    file = write(tmp_path, [a_node("a")], [])
    done = netsonde("query", "G.V()", "--at", "-1h", "--graph", str(file))
    assert done.status == 1
    assert "there is no history here" in done.err


def write(folder: Path, nodes: list[Node], edges: list[Edge]) -> Path:
    file = folder / "dump.json"
    file.write_bytes(msgspec.json.encode({"Nodes": nodes, "Edges": edges}))
    return file
