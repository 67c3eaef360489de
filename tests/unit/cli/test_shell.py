# SPDX-License-Identifier: Apache-2.0
"""The shell: on a terminal of prompt_toolkit's, from a pipe, and what its commands do."""

import io
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from netsonde.cli.asking import Shape
from netsonde.cli.client import Client
from netsonde.cli.offline import GraphFile
from netsonde.cli.prompt import QueryCompleter, converse
from netsonde.cli.shell import default_history
from netsonde.cli.shell_session import Session, is_complete
from netsonde.client.answers import Completion, Completions
from netsonde.errors import NotFound, UserError
from unit.api.fakes import a_node
from unit.cli.conftest import Command, Server


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    file = tmp_path / "dump.json"
    nodes = [a_node("tap0"), a_node("br0", Type="bridge")]
    file.write_bytes(msgspec.json.encode({"Nodes": nodes, "Edges": []}))
    return file


@pytest.fixture
def session(dump: Path) -> Session:
    return Session(GraphFile(dump), Shape.JSON)


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def test_lines_are_queries_until_ctrl_d(
    session: Session, keyboard: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyboard.send_text("G.V().Count()\rG.V().Has(\r'Type', 'bridge')\r.Values('Name')\x15\x04")
    converse(session, tmp_path / "deep" / "history", "a file")
    assert capsys.readouterr().out.split("\n")[0] == "2"


def test_a_statement_goes_on_while_a_parenthesis_is_open(
    session: Session, keyboard: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyboard.send_text("G.V().Has(\r'Type', 'bridge').\rCount()\r\x04")
    converse(session, tmp_path / "history", "a file")
    assert capsys.readouterr().out == "1\n"


def test_ctrl_c_drops_the_line_and_the_shell_goes_on(
    session: Session, keyboard: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyboard.send_text("G.V().Nonsense(\x03G.V().Count()\r\\quit\r")
    converse(session, tmp_path / "history", "a file")
    seen = capsys.readouterr()
    assert seen.out == "2\n"
    assert "error" not in seen.err


def test_lines_are_kept_for_their_owner_only(session: Session, keyboard: PipeInput, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "history"
    keyboard.send_text("G.V().Count()\r\x04")
    converse(session, file, "a file")
    assert "+G.V().Count()" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_kept_is_told(
    session: Session, keyboard: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    keyboard.send_text("\x04")
    converse(session, tmp_path / "file" / "history", "a file")
    assert "no history: cannot write" in capsys.readouterr().err


def test_history_is_where_the_user_keeps_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_history() == Path("/state/netsonde/shell_history")


def test_a_pipe_is_run_to_its_end_and_a_mistake_is_the_exit_status(
    netsonde: Command, dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["# count", "G.V().Count()", "", "G.V().Has('Type',", "  'bridge').Count()", "G.W()", "\\output csv"]
    script = "\n".join([*lines, "G.V().Values('Name')"])
    monkeypatch.setattr("sys.stdin", io.StringIO(script))
    done = netsonde("shell", "--graph", str(dump))
    assert (done.status, done.out.split()) == (1, ["2", "1", "Value", "tap0", "br0"])
    assert "there is no step named 'W'" in done.err


def test_the_shell_asks_the_server(netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("tap0")))
    monkeypatch.setattr("sys.stdin", io.StringIO("\\at -5m\nG.V()\n\\at now\nG.V()\n"))
    assert netsonde("shell").status == 0
    assert server.fakes.queries.asked == ["G.At('-5m').V()", "G.V()"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("\\nope", "there is no command \\nope"),
        ("\\output pdf", "there is no form 'pdf'"),
        ("\\at yesterday", "'yesterday' is not a time"),
        ("\\help Nope", "there is no step named 'Nope'"),
        ("\\watch G.V()", "a file does not change"),
        ("\\", "there is no command"),
    ],
)
def test_a_wrong_command_is_told(
    session: Session, command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not session.run(command)
    assert message in capsys.readouterr().err


def test_commands_can_be_shortened_and_explain_themselves(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert session.run("\\h")
    assert "\\watch QUERY" in capsys.readouterr().out
    assert session.run("\\help haskey")
    assert capsys.readouterr().out.startswith("HasKey: Keep what has the key")
    assert session.run("\\steps")
    assert "ShortestPathTo" in capsys.readouterr().out
    assert session.run("\\q")
    assert session.is_over


def test_explain_tells_steps_and_cost(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    session.run("\\output table")
    assert session.run("\\explain G.V().Has('Name', 'nope')")
    seen = capsys.readouterr()
    assert "V.Has" in seen.out
    assert "reads nodes: Name" in seen.err
    assert "0 nodes in " in seen.err


@pytest.mark.parametrize("text", ["G.V()", "", "\\watch G.V(", "G.V().Has('(')", "G.V())", "G.V().Has('\\'(')"])
def test_a_statement_is_complete(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize("text", ["G.V(", "G.V().", "G.V().Has('x", "G.V().Has('\\')"])
def test_a_statement_goes_on(text: str) -> None:
    assert not is_complete(text)


class Completing:
    """A source that completes as the contract of POST /api/query/complete says, or as a server that cannot."""

    def __init__(self, answer: Completions | UserError) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int]] = []

    def complete(self, text: str, cursor: int) -> Completions:
        self.asked.append((text, cursor))
        if isinstance(self.answer, UserError):
            raise self.answer
        return self.answer

    def query(self, gremlin: str, accept: str) -> bytes:
        return b'["Name"]'


def offered(source: Any, text: str) -> list[tuple[str, int]]:
    completer = QueryCompleter(Session(source))
    found = completer.get_completions(Document(text), CompleteEvent(completion_requested=True))
    return [(one.text, one.start_position) for one in found]


def test_completions_of_the_server_replace_what_it_says() -> None:
    source = Completing(Completions(6, 8, [Completion("HasKey(", "step", "Keep what has the key")]))
    assert offered(source, "G.V().Ha") == [("HasKey(", -2)]
    assert source.asked == [("G.V().Ha", 8)]


def test_a_server_without_completion_is_helped_out() -> None:
    source = Completing(NotFound("nothing is at /api/query/complete"))
    assert ("'Name'", 0) in offered(source, "G.V().Has(")


def test_a_server_that_fails_does_not_disturb_typing() -> None:
    assert offered(Completing(UserError("the query took too long")), "G.V().Ha") == []


def test_a_real_server_without_completion_is_helped_out(server: Server) -> None:
    assert ("HasKey(", -2) in offered(Client(server.url), "G.V().Ha")


def test_commands_are_completed_too() -> None:
    source = Completing(Completions())
    assert offered(source, "\\ex") == [("\\explain", -3)]
    assert offered(source, "\\output pca") == [("pcap", -3), ("pcapng", -3)]
    assert source.asked == []
