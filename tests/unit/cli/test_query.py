# SPDX-License-Identifier: Apache-2.0
"""`netsonde query`."""

import io
import json
from pathlib import Path

import msgspec
import pytest

from unit.api.fakes import a_node, an_edge
from unit.cli.conftest import Command, Server


def test_nodes_are_a_table_for_people(netsonde: Command, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("tap0", IPV4=["192.0.2.1/24"], TID="t1")))
    lines = netsonde("query", "G.V()").out.splitlines()
    assert lines[0].split() == ["NAME", "TYPE", "STATE", "MAC", "ADDRESSES", "HOST", "TID", "ID"]
    assert lines[1].split() == ["tap0", "veth", "192.0.2.1/24", "h1", "t1", "tap0"]


def test_the_other_forms_are_for_programs(netsonde: Command, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("tap0")))
    assert json.loads(netsonde("query", "G.V()", "-o", "json").out)[0]["ID"] == "tap0"
    assert "ID: tap0" in netsonde("query", "G.V()", "-o", "yaml").out
    assert netsonde("query", "G.V()", "-o", "csv").out.splitlines()[1].startswith("tap0,veth,")
    assert netsonde("query", "G", "-o", "dot").out.startswith("digraph g {")


def test_packets_go_to_stdout_as_they_are(netsonde: Command, server: Server) -> None:
    done = netsonde("query", "G.Flows().RawPackets()", "-o", "pcap")
    assert done.out.encode("utf-8", "surrogateescape")[:4] == b"\xd4\xc3\xb2\xa1"


def test_a_mistake_is_marked_in_the_query(netsonde: Command, server: Server) -> None:
    done = netsonde("query", "G.V(")
    assert (done.status, done.out) == (1, "")
    assert done.err == "error: ( is never closed\n  G.V(\n     ^ column 4\n"


def test_a_form_that_does_not_fit_is_refused_with_a_hint(netsonde: Command, server: Server) -> None:
    done = netsonde("query", "G.V()", "-o", "dot")
    assert done.status == 1
    assert "hint: " in done.err


def test_nothing_found_is_said_on_stderr_with_the_reason(netsonde: Command, server: Server) -> None:
    done = netsonde("query", "G.V()")
    explained = "nothing found\nno node has the key 'Nam'\n  G.V()\n    ^ column 3\nhint: did you mean Name?\n"
    assert (done.status, done.out, done.err) == (0, "", explained)


def test_an_incomplete_answer_is_said_to_be_so_on_stderr(netsonde: Command, server: Server) -> None:
    server.fakes.queries.missing_hosts = ("h2",)
    done = netsonde("query", "G.V()", "-o", "json")
    assert (done.status, done.out) == (0, "[]\n")
    assert done.err == "incomplete: no answer in time from h2\nincomplete: there is more than was looked at\n"


def test_why_an_answer_is_incomplete_is_said_without_driving_the_terminal(netsonde: Command, server: Server) -> None:
    server.fakes.queries.notes = ("h1: br\x1b[2J: no such bridge",)
    done = netsonde("query", "G.V()", "-o", "json")
    assert done.err.startswith("incomplete: h1: br")
    assert "no such bridge" in done.err
    assert "\x1b" not in done.err


def test_a_query_is_read_from_stdin(netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("G.V()\n"))
    assert netsonde("query", "-", "-o", "json").out == "[]\n"
    assert server.fakes.queries.asked == ["G.V()\n"]


def test_control_characters_from_the_network_do_not_reach_the_terminal(netsonde: Command, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("x", Type="\x1b[2J[bold]")))
    out = netsonde("query", "G.V()").out
    assert "\x1b" not in out
    assert "\N{REPLACEMENT CHARACTER}[2J[bold]" in out


def test_a_file_is_asked_without_any_server(netsonde: Command, tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    nodes, edges = [a_node("a"), a_node("b", Type="bridge")], [an_edge("e", "b", "a")]
    file.write_text(json.dumps({"Nodes": [plain(one) for one in nodes], "Edges": [plain(one) for one in edges]}))
    done = netsonde("query", "G.V().Has('Type', 'bridge').Out().Values('Name')", "--graph", str(file), "-o", "json")
    assert json.loads(done.out) == ["a"]
    assert netsonde("query", "G", "--graph", str(file), "-o", "dot").out.startswith("digraph")
    assert "did you mean 'Name'" in netsonde("query", "G.V().Has('Nam', 'x')", "--graph", str(file)).err


def test_a_file_that_is_no_graph_is_refused(netsonde: Command, tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    assert "cannot read" in netsonde("query", "G", "--graph", str(file)).err
    file.write_text("hello")
    assert "is not a graph" in netsonde("query", "G", "--graph", str(file)).err


def plain(element: object) -> object:
    return msgspec.to_builtins(element)
