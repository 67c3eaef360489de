# SPDX-License-Identifier: Apache-2.0
"""Files brought into a server from the command line, and nodes and edges in the reference's spelling."""

import json
from pathlib import Path
from typing import Any

import pytest

from netsonde.cli.elements import changes, pairs
from netsonde.cli.importing import name_of
from netsonde.errors import UserError
from unit.api.fakes import a_node
from unit.cli.conftest import Command, Server

NODES: list[Any] = [{"ID": name, "Metadata": {"Name": name, "Type": "rack"}} for name in ("n1", "n2")]
EDGE = {"ID": "e1", "Parent": "n1", "Child": "n2", "Metadata": {"RelationType": "layer2"}}


def write(folder: Path, *nodes: object, name: str = "my lab.json") -> Path:
    file = folder / name
    file.write_text(json.dumps([{"Nodes": nodes, "Edges": [EDGE]}]))
    return file


def test_an_import_is_named_by_its_file_and_can_be_repeated(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, *NODES)
    assert netsonde("topology", "import", str(file)).err == "my-lab: 3 added, 0 updated, 0 unchanged\n"
    assert netsonde("topology", "import", str(file)).err == "my-lab: 0 added, 0 updated, 3 unchanged\n"
    listed = json.loads(netsonde("topology", "imports", "-o", "json").out)
    assert listed == [{"Name": "my-lab", "Nodes": 2, "Edges": 1}]
    assert netsonde("topology", "clear", "my-lab").err == "my-lab: 3 elements deleted\n"
    assert netsonde("topology", "clear", "my-lab").status == 1


def test_what_is_refused_is_said_and_the_rest_is_taken(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, *NODES, {"ID": "n3", "Metadata": 5})
    done = netsonde("topology", "import", str(file), "--name", "lab")
    assert done.status == 1
    assert "lab: 3 added, 0 updated, 0 unchanged, 1 refused" in done.err
    assert "refused: node (no id): not a node: Expected `object`, got `int`" in done.err


def test_a_dry_run_changes_nothing(netsonde: Command, server: Server, tmp_path: Path) -> None:
    done = netsonde("topology", "import", str(write(tmp_path, *NODES)), "--dry-run")
    assert "nothing is changed; it would be 3 added" in done.err
    assert json.loads(netsonde("topology", "imports", "-o", "json").out) == []


def test_a_replacing_import_deletes_what_the_file_has_not(netsonde: Command, server: Server, tmp_path: Path) -> None:
    netsonde("topology", "import", str(write(tmp_path, *NODES)), "--name", "lab")
    again = write(tmp_path, NODES[0], name="less.json")
    done = netsonde("topology", "import", str(again), "--name", "lab", "--replace")
    assert done.err == "lab: 0 added, 0 updated, 2 unchanged, 1 removed\n"


def test_a_damaged_file_is_said_with_the_place(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('[{"Nodes": [{"ID": "a"}, {"ID": ')
    done = netsonde("topology", "import", str(file))
    assert done.status == 1
    assert "not a topology, at character 25: Expecting value" in done.err


def test_a_missing_file_and_a_missing_server_are_told(netsonde: Command, server: Server, tmp_path: Path) -> None:
    assert "cannot read" in netsonde("topology", "import", str(tmp_path / "none.json")).err
    file = write(tmp_path, *NODES)
    assert netsonde("topology", "import", str(file), "--url", "http://127.0.0.1:1").status == 3


def test_the_references_spelling_of_an_import(netsonde: Command, server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, *NODES, name="graph.json")
    url = ("client", "--analyzer", server.url.removeprefix("http://"))
    done = netsonde(*url, "topology", "import", "--file", str(file), "--endpoint", "/ws/publisher")
    assert (done.status, done.err) == (0, "graph: 3 added, 0 updated, 0 unchanged\n")


def test_the_references_spelling_of_edges(netsonde: Command, server: Server) -> None:
    made = json.loads(
        netsonde("client", "edge", "create", "--parent", "a", "--child", "b", "--edge-type", "layer2").out
    )
    assert (made["Parent"], made["Metadata"]) == ("a", {"RelationType": "layer2"})
    assert json.loads(netsonde("client", "edge", "list").out).keys() == {made["ID"]}
    updated = json.loads(netsonde("client", "edge", "update", made["ID"], "-a", "Cost=3", "-a", "Via=x").out)
    assert updated["Metadata"] == {"RelationType": "layer2", "Cost": 3, "Via": "x"}
    removed = json.loads(netsonde("client", "edge", "update", made["ID"], "-r", "Via").out)
    assert removed["Metadata"] == {"RelationType": "layer2", "Cost": 3}
    assert json.loads(netsonde("client", "edge", "get", made["ID"]).out) == removed
    assert netsonde("client", "edge", "delete", made["ID"]).status == 0
    assert netsonde("client", "edge", "get", made["ID"]).status == 1


def test_the_references_spelling_of_nodes(netsonde: Command, server: Server) -> None:
    made = netsonde("client", "node", "create", "--node-name", "r1", "--node-type", "rack", "--metadata", "A.b=1,C=2")
    assert json.loads(made.out)["Metadata"] == {"A": {"b": "1"}, "C": "2", "Name": "r1", "Type": "rack"}
    server.do(lambda: server.fakes.graph.put(a_node("tap0")))
    assert json.loads(netsonde("client", "node", "get", "tap0").out)["ID"] == "tap0"
    refused = netsonde("client", "node", "delete", "--gremlin", "G.V()")
    assert (refused.status, "tap0 is shown by agent.h1" in refused.err) == (1, True)


def test_pairs_nest_and_mistakes_are_told() -> None:
    assert pairs(" a=1, b.c=x=y ") == {"a": "1", "b": {"c": "x=y"}}
    assert changes(["a/b=[1]", "c=text"], ["d"]) == {"a": {"b": [1]}, "c": "text", "d": None}
    with pytest.raises(UserError, match="no pair"):
        pairs("a")
    with pytest.raises(UserError, match="below a value"):
        pairs("a=1,a.b=2")


@pytest.mark.parametrize(("file", "name"), [("a/My lab.jsonl", "My-lab"), ("-", "stdin"), ("ä.json", "stdin")])
def test_imports_are_named_by_files(file: str, name: str) -> None:
    assert name_of(Path(file)) == name
