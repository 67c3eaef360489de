# SPDX-License-Identifier: Apache-2.0
"""`netsonde workflow`, and the reference's spelling of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.cli.conftest import Command, Server
from unit.workflows.running import running as running_workflows

FILE = "Name: mine\nParameters:\n- Name: a\n- Name: b\n  Type: integer\n  Default: 2\nSource: back\n"


@pytest.fixture
def running(server: Server) -> Iterator[Server]:
    """A server whose workflows run."""
    with running_workflows(server) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    return str(path)


def test_a_workflow_is_created_called_and_deleted(netsonde: Command, running: Server, file: str) -> None:
    assert netsonde("workflow", "create", file).status == 0
    assert json.loads(netsonde("workflow", "call", "mine", "a=x").out) == ["x", 2]
    assert json.loads(netsonde("workflow", "call", "mine", "x", "3").out) == ["x", 3]
    assert "mine" in netsonde("workflow", "list").out
    assert "Source: back" in netsonde("workflow", "get", "mine").out
    assert netsonde("workflow", "jobs", "mine").out.count("done") == 2
    assert netsonde("workflow", "delete", "mine").status == 0
    assert netsonde("workflow", "get", "mine").status == 1


def test_a_script_that_throws_ends_with_its_reason_and_log(netsonde: Command, running: Server, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("Name: bad\nSource: throw\n")
    netsonde("workflow", "create", str(path))
    done = netsonde("workflow", "call", "bad")
    assert (done.status, done.out) == (1, "")
    assert "before\n" in done.err
    assert "error: failed: the script failed, line 3: no such thing\nhint: look there" in done.err


def test_a_job_that_is_not_waited_for_can_be_cancelled(netsonde: Command, running: Server, tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("Name: long\nSource: wait\n")
    netsonde("workflow", "create", str(path))
    job = json.loads(netsonde("workflow", "call", "long", "--no-wait").out)["UUID"]
    assert netsonde("workflow", "cancel", job).status == 0
    assert json.loads(netsonde("workflow", "job", job).out)["State"] == "cancelled"


def test_the_reference_s_spelling_works(netsonde: Command, running: Server, file: str) -> None:
    made = json.loads(netsonde("client", "workflow", "create", "--path", file).out)
    assert made["UUID"] in json.loads(netsonde("client", "workflow", "list").out)
    assert json.loads(netsonde("client", "workflow", "call", made["UUID"], "x", "5").out) == ["x", 5]
    assert json.loads(netsonde("client", "workflow", "get", made["UUID"]).out)["Name"] == "mine"
    assert netsonde("client", "workflow", "delete", made["UUID"]).status == 0


def test_a_file_that_is_not_there_is_told(netsonde: Command, server: Server) -> None:
    done = netsonde("workflow", "create", "/nonexistent.yaml")
    assert (done.status, done.err) == (1, "error: cannot read /nonexistent.yaml: No such file or directory\n")
