# SPDX-License-Identifier: Apache-2.0
"""The pages about alerts: every example runs, every member is listed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netsonde.cli.main import run
from netsonde.model.alerts import AlertView, Rehearsal, Transition
from netsonde.model.notices import Message
from netsonde.notify.senders.webhook import signature
from unit.alerts.running import running
from unit.api.served import Server

DOCS = Path(__file__).resolve().parents[3] / "docs"
HOWTO = (DOCS / "howto/be-told-of-trouble.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/alert.md").read_text(encoding="utf-8")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server with alerts at work, and a folder with the file of the page."""
    made = Server()
    monkeypatch.setenv("NETSONDE_URL", made.url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(made.fakes.alerting.notifier, "check", lambda action: None)
    (file,) = re.findall(r"^```yaml\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)
    (tmp_path / "alert.yaml").write_text(file)
    with running(made):
        yield made
    made.stop()


def test_the_commands_of_the_page_run(server: Server) -> None:
    commands = [shlex.split(line) for line in re.findall(r"^\$ netsonde (.*)$", HOWTO, re.MULTILINE)]
    status = {" ".join(command[:2]): run(command) for command in commands}
    assert status == dict.fromkeys(("alert test", "alert create", "alert list", "alert history"), 0)
    assert {view.name for view in server.fakes.alerts.views()} == {"down", "crowded"}


def test_the_receiver_of_the_page_knows_our_signature() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program, "be-told-of-trouble.md", "exec"), names)  # noqa: S102
    header = signature("s", b"{}", 1000)
    assert names["is_genuine"](b"s", header, b"{}", 1100.0)
    assert not names["is_genuine"](b"s", header, b"[]", 1100.0)
    assert not names["is_genuine"](b"s", header, b"{}", 2000.0)


@pytest.mark.parametrize("kind", [AlertView, Rehearsal, Transition, Message])
def test_every_member_is_listed(kind: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"`(\w+)`", REFERENCE))
    assert {field.encode_name for field in msgspec.structs.fields(kind)} <= named
