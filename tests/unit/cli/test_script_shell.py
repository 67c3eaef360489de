# SPDX-License-Identifier: Apache-2.0
"""The JavaScript shell: statements of files and of terminals, in a real isolate, against a served API."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from netsonde.cli.client import Client
from netsonde.cli.script_prompt import NameCompleter, Typed, is_complete
from netsonde.cli.script_shell import Given, Names, run_shell
from unit.cli.conftest import Command, Server


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def test_a_script_uses_the_api_as_workflows_do_and_runs_files(
    server: Server, netsonde: Command, tmp_path: Path
) -> None:
    (tmp_path / "names.js").write_text("var query = \"G.V().Has('Type', 'netns')\";")
    script = tmp_path / "make.js"
    script.write_text(
        f"""run('{tmp_path}/names.js');
        var made = client.captures.create(new Capture({{GremlinQuery: query}}));
        console.log('made', made.GremlinQuery);
        Object.keys(client.captures.list()).length"""
    )
    done = netsonde("client", "--analyzer", server.url, "shell", "--script", str(script))
    assert (done.status, done.out) == (0, "made G.V().Has('Type', 'netns')\n1\n"), done.err
    assert [view.gremlin_query for view in server.fakes.captures.views()] == ["G.V().Has('Type', 'netns')"]


def test_what_fails_is_said_in_the_servers_words_and_ends_with_1(
    server: Server, netsonde: Command, tmp_path: Path
) -> None:
    (tmp_path / "bad.js").write_text("client.captures.get('nothing')")
    done = netsonde("client", "--analyzer", server.url, "shell", "--script", str(tmp_path / "bad.js"))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: Capture 'nothing' not found")
    missing = netsonde("client", "--analyzer", server.url, "shell", "--script", str(tmp_path / "none.js"))
    assert (missing.status, "cannot read" in missing.err) == (1, True)


class Watched(Given):
    """Statements, and the names that were known after each; an interrupt comes while the one named here runs."""

    def __init__(self, *statements: str, interrupted: str = "") -> None:
        super().__init__(*statements)
        self.interrupted = interrupted
        self.names: list[Names] = []

    async def next(self, names: Names) -> str | None:
        self.names.append(names)
        statement = await super().next(names)
        if statement is not None and statement == self.interrupted:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        return statement


def test_statements_share_what_they_define_and_promises_are_waited_for(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    statements = Watched(
        "var box = {lid: {open: 1}}",
        "function twice(n) { return 2 * n; }",
        "new Promise(function (done) { setTimeout(function () { done(twice(21)); }, 5); })",
        "Promise.reject(new TypeError('no'))",
        "while (",
        "box",
    )
    assert asyncio.run(run_shell(Client(server.url), statements)) == 2
    out, err = capsys.readouterr()
    assert out == '42\n{\n  "lid": {\n    "open": 1\n  }\n}\n'
    assert err == "error: TypeError: no\nerror: SyntaxError: Unexpected end of input\n"
    first: dict[str, Any] = dict(statements.names[0])
    assert {"create", "list", "get", "delete"} <= first["client"]["captures"].keys()
    assert {"V", "E", "Flows"} <= first["G"].keys()
    last: dict[str, Any] = dict(statements.names[-1])
    assert last["box"] == {"lid": {"open": {}}}


def test_an_interrupt_ends_the_statement_that_runs_and_not_the_shell(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    statements = Watched("var a = 1", "for (;;) {}", "typeof a", interrupted="for (;;) {}")
    assert asyncio.run(run_shell(Client(server.url), statements)) == 1
    assert capsys.readouterr() == ("undefined\n", "stopped; what was defined is gone\n")


async def test_what_is_typed_is_run_until_ctrl_d(keyboard: PipeInput, tmp_path: Path) -> None:
    typed = Typed(tmp_path / "history")
    keyboard.send_text("function f() {\rreturn 1;\r}\r\r1 + 1\r\x04")
    assert [await typed.next({}) for _ in range(3)] == ["function f() {\nreturn 1;\n}", "1 + 1", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(1)", True),
        ("f(1", False),
        ("var a = {b: [", False),
        ("'it\\'s ('", True),
        ("`a", False),
        ("'not ended (\n", True),
        ("G.V().", False),
        ("x => ", False),
    ],
)
def test_a_statement_goes_on_while_something_is_open(text: str, expected: bool) -> None:
    assert is_complete(text) is expected


def test_names_are_completed_after_each_dot() -> None:
    completer = NameCompleter()
    completer.names = {"client": {"captures": {"create": {}, "list": {}}}, "call": {}}

    def found(text: str) -> list[str]:
        return [one.text for one in completer.get_completions(Document(text), CompleteEvent())]

    assert found("x = cl") == ["client"]
    assert found("client.captures.") == ["create", "list"]
    assert found("client.captures.l") == ["list"]
    assert found("client.nothing.") == []
    assert found("") == ["call", "client"]


def test_control_characters_reach_no_terminal_as_they_are(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    statements = Given("'\\u001b]0;gone\\u0007'")
    assert asyncio.run(run_shell(Client(server.url), statements)) == 0
    assert "\x1b" not in capsys.readouterr().out
