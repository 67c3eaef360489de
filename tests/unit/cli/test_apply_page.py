# SPDX-License-Identifier: Apache-2.0
"""The page about files: its example is applied, changed and pruned as it says."""

import re
import shlex
from pathlib import Path

import pytest

from unit.cli.conftest import Command, Server

PAGE = (Path(__file__).resolve().parents[3] / "docs/howto/apply-files.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_run(
    netsonde: Command, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    dry_run, apply, prune = (shlex.split(line) for line in re.findall(r"^\$ netsonde (.*)$", PAGE, re.MULTILINE))
    (tmp_path / "netsonde.d").mkdir()
    guests = tmp_path / "netsonde.d/guests.yaml"
    guests.write_text(file)
    monkeypatch.chdir(tmp_path)
    assert netsonde(*dry_run).err == "5 to create, 0 equal, 0 wrong\n"
    assert netsonde(*apply).err.endswith("5 of 5 created, 0 equal, 0 wrong\n")
    (alert,) = server.fakes.alerts.views()
    assert f"`{alert.description}`" in PAGE
    assert netsonde(*apply).err == "nothing to do: 5 as the files say\n"
    guests.write_text("---\n".join(part for part in file.split("---\n") if "Kind: Alert" not in part))
    assert netsonde(*prune).err == "deleted Alert/down\n1 of 1 deleted, 4 equal, 0 wrong\n"
