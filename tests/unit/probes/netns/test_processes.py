# SPDX-License-Identifier: Apache-2.0
"""Processes that entered a namespace, read from a /proc."""

from pathlib import Path

from netsonde.probes.netns.processes import User, namespace_users


def process(proc: Path, pid: int, parent: int, name: str, namespace: Path) -> None:
    (proc / str(pid) / "ns").mkdir(parents=True)
    (proc / str(pid) / "ns" / "net").symlink_to(namespace)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0")


def test_only_those_that_entered_are_users(tmp_path: Path) -> None:
    host, red = tmp_path / "host", tmp_path / "red"
    host.touch()
    red.touch()
    proc = tmp_path / "proc"
    process(proc, 1, 0, "init", host)
    process(proc, 10, 1, "sh", red)
    process(proc, 11, 10, "child", red)
    process(proc, 12, 1, "odd ) name", red)

    users = namespace_users(host.stat().st_ino, proc)
    assert users == {red.stat().st_ino: [User(10, "sh"), User(12, "odd ) name")]}


def test_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "77").mkdir(parents=True)
    assert namespace_users(1, proc) == {}
