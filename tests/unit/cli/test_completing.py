# SPDX-License-Identifier: Apache-2.0
"""What shells are offered after TAB: names and UUIDs, each with what says what it is, and nothing that is code."""

import subprocess
from typing import Any

import pytest

from netsonde.cli.completing import words
from netsonde.cli.verbs import VERBS
from netsonde.model.captures import Capture, CaptureView
from netsonde.model.rules import NodeRule
from netsonde.query import parse
from unit.api.fakes import a_node
from unit.cli.conftest import Command, Server

HOSTILE = ["$(touch x)", "`id`", "a b", "a\nb", 'q"; id; "', "back\\", "\x1b]0;x\x07", "-x", "a'b", "~root", "a;b", ""]


def test_names_come_with_uuids_and_uuids_with_names() -> None:
    found = [CaptureView(uuid="11-a", name="vms"), CaptureView(uuid="22-b", gremlin_query="G.V().Has('Type', 'tap')")]
    assert list(words(found, "")) == [("vms", "11-a"), ("11-a", "vms"), ("22-b", "G.V().Has(_Type_, _tap_)")]
    assert list(words(found, "v")) == [("vms", "11-a")]
    assert list(words(found, "2")) == [("22-b", "G.V().Has(_Type_, _tap_)")]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_shell_could_take_for_code_is_not_offered(name: str) -> None:
    ((word, description),) = words([CaptureView(uuid="11", name=name)], "")
    assert word == "11"
    assert not set(description) & set("$`\"'\\;\n\x1b\x07&|<>!*?{}~#")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "typed",
    [
        *("capture get ", "capture delete ", "capture packets ", "client capture get ", "client capture delete "),
        *("rule get ", "rule delete ", "rule node update ", "client node-rule get ", "client node-rule delete "),
    ],
)
def test_every_shell_offers_what_the_server_has(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch, shell: str, typed: str
) -> None:
    server.wait(server.fakes.captures.create(Capture(gremlin_query="G.V()", name="offered")))
    rule = NodeRule(action="create", name="offered", metadata={"Name": "r", "Type": "rack"})
    server.wait(server.fakes.stated.node_rules.create(rule))
    assert "offered" in offered(netsonde, monkeypatch, shell, typed)


def test_words_of_the_server_that_the_line_names_are_offered(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.wait(server.fakes.captures.create(Capture(gremlin_query="G.V()", name="offered")))
    monkeypatch.delenv("NETSONDE_URL")
    assert "offered" in offered(netsonde, monkeypatch, "bash", f"capture get --url {server.url} ")
    analyzer = server.url.removeprefix("http://")
    assert "offered" in offered(netsonde, monkeypatch, "bash", f"client --analyzer {analyzer} capture get ")


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("client node get n1", "G.V().Has('@ID', StartingWith('n1')).Limit(500)"),
        ("client edge create --parent n1", "G.V().Has('@ID', StartingWith('n1')).Limit(500)"),
        ("client edge get e1", "G.E().Has('@ID', StartingWith('e1')).Limit(500)"),
        ("flows --node t1", "G.V().Has('TID', StartingWith('t1')).Limit(500)"),
    ],
)
def test_ids_of_nodes_and_edges_are_chosen_by_the_server(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch, typed: str, asked: str
) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("n1", TID="t1")))
    server.do(lambda: server.fakes.graph.put(a_node("e1")))
    server.do(lambda: server.fakes.graph.put(a_node("x")))
    line = offered(netsonde, monkeypatch, "zsh", typed)
    assert server.fakes.queries.asked == [asked]
    parse(asked)
    assert (typed.split()[-1] in line, '"x"' in line) == (True, False)


def test_no_text_that_is_typed_ends_the_query_that_completes_it(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(netsonde, monkeypatch, "zsh", "client node get a').Drop(")
    assert server.fakes.queries.asked == []


@pytest.mark.parametrize("verb", ["capture", "check", "alert", "workflow", "inject", "rule"])
def test_a_server_that_is_away_is_not_complained_of(
    netsonde: Command, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    assert verb in {one.name for one in VERBS}
    assert offered(netsonde, monkeypatch, "bash", f"{verb} get ").strip() == ""


def test_bash_puts_the_only_word_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script that bash gets, evaluated by a real one."""
    server.wait(server.fakes.captures.create(Capture(gremlin_query="G.V()", name="offered")))
    program = (
        'eval "$(_NETSONDE_COMPLETE=source_bash netsonde)"; COMP_WORDS=(netsonde capture get off); COMP_CWORD=3; '
        '_netsonde_completion netsonde; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("offered\n", "")


def offered(netsonde: Command, monkeypatch: pytest.MonkeyPatch, shell: str, typed: str) -> Any:
    line = f"netsonde {typed}"
    monkeypatch.setenv("_NETSONDE_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split())))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    done = netsonde()
    assert done.err == ""
    return done.out
