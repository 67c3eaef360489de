# SPDX-License-Identifier: Apache-2.0
"""Plain command lines of processes are read as the ordinary way reads them; all others are left to it."""

from pathlib import Path

import pytest

from netsonde.cli.main import run
from netsonde.cli.plain import plain_process


@pytest.mark.parametrize(
    "arguments",
    [
        ["allinone", "--help"],
        ["allinone", "--listen"],
        ["allinone", "--listen", "--check"],
        ["allinone", "--bus-url", "nats://127.0.0.1:1"],
        ["allinone", "--set", "a=b"],
        ["allinone", "extra"],
        ["agent", "--listen", "127.0.0.1:1"],
        ["query", "G"],
    ],
)
def test_what_is_not_plain_goes_the_ordinary_way(arguments: list[str]) -> None:
    assert plain_process(arguments) is None


@pytest.mark.parametrize("verb", ["allinone", "agent", "analyzer"])
def test_settings_are_checked_and_nothing_is_started(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, "--check", "--state-dir", str(tmp_path / "never")]) == 0
    assert capsys.readouterr().err == f"{verb}: settings are good\n"
    assert not (tmp_path / "never").exists()


def test_a_settings_file_with_mistakes_is_refused_with_every_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[analyser]\nlisten = "x"\n[capture]\nlookback = "long"\n')
    assert run(["analyzer", "--config", str(file), "--check"]) == 2
    told = capsys.readouterr().err
    assert "unknown key analyser.listen; did you mean analyzer.listen?" in told
    assert "capture.lookback expects a number, got 'long'" in told
