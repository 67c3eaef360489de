# SPDX-License-Identifier: Apache-2.0
"""The pages about checks: every example runs, every step and parameter is listed."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from netsonde.checks.steps._registry import STEPS
from netsonde.cli.main import run
from netsonde.model.checks import CheckResult, CheckView
from unit.api.served import Server
from unit.checks.running import running

DOCS = Path(__file__).resolve().parents[3] / "docs"
HOWTO = (DOCS / "howto/check-new-interfaces.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/check.md").read_text(encoding="utf-8")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server with checks at work, and a folder with the file of the page."""
    made = Server()
    monkeypatch.setenv("NETSONDE_URL", made.url)
    monkeypatch.chdir(tmp_path)
    (file,) = re.findall(r"^```yaml\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)
    (tmp_path / "vms.yaml").write_text(file)
    with running(made):
        yield made
    made.stop()


def test_the_commands_of_the_page_run(server: Server, tmp_path: Path) -> None:
    commands = [shlex.split(line) for line in re.findall(r"^\$ netsonde (.*)$", HOWTO, re.MULTILINE)]
    status = {" ".join(command[:2]): run(command) for command in commands if command[0] == "check"}
    # Nothing appears here, so the run that waits ends without a verdict.
    assert status == {"check create": 0, "check list": 0, "check results": 0, "check run": 1}
    assert {view.name for view in server.fakes.checks.views()} == {"vms", "cloud", "asked"}
    assert (tmp_path / "report.xml").read_bytes().startswith(b"<?xml")


def test_the_program_of_the_page_runs(server: Server) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "check-new-interfaces.md", "exec"), {})  # noqa: S102
    assert printed.getvalue() == "pings 0\n"


def test_every_step_is_listed_with_its_parameters() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", REFERENCE, re.MULTILINE))
    documented = {name: set(re.findall(r"`([A-Z]\w+)`", row)) - {"DHCPv4"} for name, row in rows.items()}
    assert {name: documented[name] for name in STEPS} == {
        name: {field.encode_name for field in msgspec.structs.fields(step.parameters)} for name, step in STEPS.items()
    }


@pytest.mark.parametrize("kind", [CheckView, CheckResult])
def test_every_member_is_listed(kind: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"`(\w+)`", REFERENCE))
    assert {field.encode_name for field in msgspec.structs.fields(kind)} <= named
