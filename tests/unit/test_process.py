# SPDX-License-Identifier: Apache-2.0
"""Processes that are only asked whether their settings are good, or that cannot start."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netsonde import allinone, analyzer

Run = Callable[..., int]
PROCESSES = pytest.mark.parametrize("run", [allinone.run, analyzer.run], ids=["allinone", "analyzer"])


@PROCESSES
def test_a_check_refuses_what_a_start_would_refuse(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(None, {"analyzer.listen": "0.0.0.0:8082"}, check=True) == 2
    assert "refusing to listen on 0.0.0.0:8082" in capsys.readouterr().err


@PROCESSES
def test_a_check_of_good_settings_starts_nothing(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(None, {"state_dir": str(tmp_path / "state")}, check=True) == 0
    assert "settings are good" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_an_all_in_one_whose_port_is_taken_says_so_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status = allinone.run(None, {"state_dir": str(tmp_path), "analyzer.listen": listen}, check=False)
    assert status == 1
    assert f"cannot listen on {listen}: Address already in use" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


READ = """
import asyncio, os
from netsonde.process import run_process

async def main(settings, stop):
    print(os.read(0, 9), os.get_blocking(0), os.get_inheritable(0))

run_process("test", main, None, {}, check=False)
"""


@pytest.mark.parametrize("start", [(), ("sh", "-c", '"$@" <&-', "sh")], ids=["given", "closed"])
def test_what_comes_by_standard_input_is_nothing_to_a_process(start: tuple[str, ...]) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*start, sys.executable, "-c", READ]
    done = subprocess.run(command, input="a line\n", env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("b'' True True\n", "")
