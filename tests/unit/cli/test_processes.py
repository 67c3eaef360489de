# SPDX-License-Identifier: Apache-2.0
"""Flags of `agent`, `analyzer` and `allinone` become settings."""

from pathlib import Path
from typing import Any

import pytest

from unit.cli.conftest import Command

Call = tuple[Path | None, dict[str, str], bool]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    seen: list[Call] = []

    def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
        seen.append((config_file, overrides, check))
        return 7

    for module in ("agent", "analyzer", "allinone"):
        monkeypatch.setattr(f"netsonde.{module}.run", run)
    return seen


def test_flags_are_settings_by_their_path(netsonde: Command, calls: list[Any]) -> None:
    done = netsonde(
        *("allinone", "--listen", "127.0.0.1:9", "--state-dir", "/s", "--config", "/c.toml", "--check"),
        *("--set", "capture.lookback=20", "--set", "bus.url=a=b"),
    )
    assert done.status == 7
    overrides = {
        "analyzer.listen": "127.0.0.1:9",
        "state_dir": "/s",
        "capture.lookback": "20",
        "bus.url": "a=b",
    }
    assert calls == [(Path("/c.toml"), overrides, True)]


def test_what_is_not_given_is_left_to_file_and_environment(netsonde: Command, calls: list[Any]) -> None:
    netsonde("agent")
    netsonde("analyzer", "--bus-url", "nats://x")
    assert calls == [(None, {}, False), (None, {"bus.url": "nats://x"}, False)]


@pytest.mark.parametrize("assignment", ["capture.lookback", "=5"])
def test_a_bad_assignment_is_refused(netsonde: Command, calls: list[Any], assignment: str) -> None:
    done = netsonde("agent", "--set", assignment)
    assert done.status == 2
    assert "is no KEY=VALUE" in done.err
    assert calls == []
