# SPDX-License-Identifier: Apache-2.0
"""`--watch` shows the answer, then what changes; `--explain` shows how."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from netsonde.cli.asking import Shape
from netsonde.cli.client import Client
from netsonde.cli.explaining import show_explanation
from netsonde.cli.watching import Change, _asked, _pushed, _show, compare
from netsonde.client.answers import ExplainedStep, Explanation
from netsonde.errors import UserError
from unit.api.fakes import a_node, an_edge
from unit.cli.conftest import Command, Server


@pytest.fixture
def watcher(server: Server) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "netsonde", "query", "G.V()", "--watch", "-o", "json", "--url", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_changes_are_printed_as_they_are_pushed_until_ctrl_c(server: Server, watcher: "subprocess.Popen[str]") -> None:
    assert watcher.stdout is not None
    assert watcher.stderr is not None
    graph = server.fakes.graph
    assert watcher.stderr.readline() == "nothing found yet\n"
    server.do(lambda: graph.put(a_node("tap0", State="DOWN")))
    assert json.loads(watcher.stdout.readline())["Change"] == "+"
    server.do(lambda: graph.put(a_node("tap0", State="UP", revision=2)))
    changed = json.loads(watcher.stdout.readline())
    assert (changed["Change"], changed["Keys"]) == ("~", {"State": {"Before": "DOWN", "After": "UP"}})
    server.do(lambda: graph.drop("tap0"))
    assert json.loads(watcher.stdout.readline())["Change"] == "-"
    watcher.send_signal(signal.SIGINT)
    assert (watcher.wait(10), watcher.stderr.read()) == (130, "")


def test_only_the_kind_of_element_that_was_asked_for_is_shown(server: Server) -> None:
    graph = server.fakes.graph
    server.do(lambda: graph.put(a_node("a"), a_node("b")))
    news = _pushed(Client(server.url), "G.V()", "nodes")
    assert [change.row["ID"] for change in next(news)] == ["a", "b"]
    server.do(lambda: graph.put(an_edge("e", "a", "b")))
    server.do(lambda: graph.put(a_node("b", revision=2)))
    (change,) = next(news)
    assert (change.sign, change.row["ID"], change.keys) == ("~", "b", {})


def test_what_is_not_pushed_is_asked_for_again(server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("a")))
    news = _asked(Client(server.url), "G.V().Values('Name')", 0.01)
    assert [change.sign for change in next(news)] == ["+"]
    server.do(lambda: server.fakes.graph.put(a_node("b")))
    assert [(change.sign, change.row["ID"]) for change in next(news)] == [("+", "b")]
    assert list(next(news)) == []


def test_differences_are_told_key_by_key() -> None:
    before = {"n1": {"ID": "1", "Revision": 1, "Metadata": {"A": 1, "B": {"C": 2}}}, "n2": {"ID": "2"}}
    after = {"n1": {"ID": "1", "Revision": 2, "Metadata": {"A": 1, "B": {"D": 3}}}, "n3": {"ID": "3"}}
    assert list(compare(before, after)) == [
        Change("-", {"ID": "2"}, {}),
        Change("~", after["n1"], {"B.C": (2, None), "B.D": (None, 3)}),
        Change("+", {"ID": "3"}, {}),
    ]


@pytest.mark.parametrize(
    ("change", "shape", "text"),
    [
        (Change("~", {"Metadata": {"Name": "a\x1b"}}, {"MTU": (1, None)}), Shape.TABLE, "~ a�  [MTU: 1 → ]"),
        (Change("+", 3, {}), Shape.TABLE, "+ 3"),
        (Change("-", {"Name": "a", "MTU": 5}, {}), Shape.CSV, "-,a,5"),
    ],
)
def test_a_change_is_one_line(change: Any, shape: Shape, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    _show(change, shape)
    assert capsys.readouterr().out.endswith(text + "\n")


def test_forms_that_changes_do_not_have_are_refused(netsonde: Command, server: Server) -> None:
    assert netsonde("query", "G", "--watch", "-o", "dot").status == 2
    assert netsonde("query", "G.V()", "--watch", "--graph", "x.json").status == 2
    assert netsonde("query", "G.V()", "--for", "5m").status == 2


def test_a_query_is_asked_about_another_time(netsonde: Command, server: Server) -> None:
    netsonde("query", "G.V()", "--at", "-1h", "--for", "5m")
    assert server.fakes.queries.asked == ["G.At('-1h', '5m').V()"]


class Explaining:
    """A source that explains as the contract of POST /api/query/explain says."""

    def explain(self, gremlin: str, *, profile: bool) -> Explanation:
        steps = [
            ExplainedStep("V.Has", "graph", "nodes", "Name", 2, 0.125),
            ExplainedStep("Out", "nodes", "nodes", rows=0),
        ]
        reads = {"nodes": ["Name", "Type"]}
        return Explanation("no edges", "look up", (6, 9), "nodes", reads, steps, 0, 1.5)


def test_steps_are_explained_with_index_rows_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    source: Any = Explaining()
    show_explanation(source, "G.V().Out()", Shape.TABLE)
    seen = capsys.readouterr()
    lines = [line.split() for line in seen.out.splitlines()]
    assert lines[0] == ["STEP", "TAKES", "GIVES", "INDEX", "ROWS", "MS"]
    assert lines[1] == ["V.Has", "graph", "nodes", "Name", "2", "0.12"]
    assert seen.err.splitlines() == [
        "reads nodes: Name, Type",
        "0 nodes in 1.5 ms",
        "no edges",
        "  G.V().Out()",
        "        ^^^ column 7",
        "hint: look up",
    ]
    show_explanation(source, "G.V().Out()", Shape.JSON)
    assert json.loads(capsys.readouterr().out)["Steps"][0]["Milliseconds"] == 0.125
    with pytest.raises(UserError, match="no form dot"):
        show_explanation(source, "G.V().Out()", Shape.DOT)
