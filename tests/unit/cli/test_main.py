# SPDX-License-Identifier: Apache-2.0
"""Exit status, help and completion of the command line as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli_reference import help_page

from netsonde import __version__
from netsonde.model.captures import Capture
from unit.cli.conftest import Command, Server

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/cli.md"


def test_the_help_of_every_verb_is_the_one_in_the_documentation() -> None:
    assert help_page() == PAGE.read_text(encoding="utf-8"), "stale: run `make docs` and read the difference"


def test_help_and_version_go_to_stdout(netsonde: Command) -> None:
    assert netsonde("--help").out.startswith("Usage: netsonde")
    assert netsonde("-h").status == 0
    assert netsonde("--version").out == f"netsonde {__version__}\n"


def test_no_arguments_are_wrong_usage_and_show_the_help_on_stderr(netsonde: Command) -> None:
    done = netsonde()
    assert (done.status, done.out) == (2, "")
    assert "Commands:" in done.err


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(netsonde: Command) -> None:
    done = netsonde("captrue", "list")
    assert (done.status, done.out) == (2, "")
    assert "No such command 'captrue'. Did you mean 'capture'?" in done.err
    assert "mean" not in netsonde("xyzzy").err


def test_the_help_imports_no_framework() -> None:
    code = "import sys; from netsonde.cli.main import run; run(['--help']); sys.exit('typer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [("nope",), ("query",), ("capture", "nope"), ("query", "G", "--output", "xml"), ("flows", "--limit", "0")],
)
def test_wrong_usage_is_status_2_with_a_word_on_stderr(netsonde: Command, arguments: tuple[str, ...]) -> None:
    done = netsonde(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "Error:" in done.err


@pytest.mark.parametrize("arguments", [("status",), ("query", "G.V()"), ("capture", "list"), ("client", "status")])
def test_no_server_is_status_3_with_what_to_do(
    netsonde: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    done = netsonde(*arguments)
    assert (done.status, done.out) == (3, "")
    assert "error: no server answers at http://127.0.0.1:1: Connection refused\nhint: start one" in done.err


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://h:port", "::"])
def test_an_address_that_is_none_is_refused(netsonde: Command, url: str) -> None:
    done = netsonde("status", "--url", url)
    assert done.status == 1
    assert "is no address of a server" in done.err


def test_an_interruption_is_quiet(netsonde: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netsonde.cli.client.Client.get", interrupted)
    done = netsonde("status")
    assert (done.status, done.out, done.err) == (130, "", "")


def test_a_reader_that_had_enough_is_no_error_to_talk_about(server: Server) -> None:
    command = f"{sys.executable} -m netsonde query 'G' -o json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("netsonde cap", ["capture"]),
        ("netsonde topology ex", ["export"]),
        ("netsonde query --exp", ["--explain"]),
        ("netsonde query -o pcap", ["pcap", "pcapng"]),
        ("netsonde capture get vm", ["vms"]),
        ("netsonde capture delete vm", ["vms"]),
    ],
)
def test_completion_is_offered(
    netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]
) -> None:
    server.wait(server.fakes.captures.create(Capture(gremlin_query="G.V()", name="vms")))
    assert completed(netsonde, monkeypatch, typed) == offered


def test_completion_without_a_server_is_quiet(netsonde: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    assert completed(netsonde, monkeypatch, "netsonde capture get vm") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script_for_completion(
    netsonde: Command, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_NETSONDE_COMPLETE", f"source_{shell}")
    assert "_NETSONDE_COMPLETE=complete_" in netsonde().out


def completed(netsonde: Command, monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
    monkeypatch.setenv("_NETSONDE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    done = netsonde()
    assert done.err == ""
    return done.out.split()
