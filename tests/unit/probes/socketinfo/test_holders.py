# SPDX-License-Identifier: Apache-2.0
"""Who holds a socket: a made-up /proc, whose links say what the kernel's say."""

from pathlib import Path

from netsonde.probes.socketinfo.holders import Holders, Process, control_group


def process(proc: Path, pid: int, *inodes: int, comm: bytes = b"nginx\n", exe: str = "/usr/sbin/nginx") -> Path:
    """Make a process whose descriptors from 3 on are sockets with these inodes."""
    root = proc / str(pid)
    (root / "fd").mkdir(parents=True)
    (root / "comm").write_bytes(comm)
    (root / "exe").symlink_to(exe)
    (root / "cgroup").write_text("0::/system.slice/nginx.service\n")
    (root / "fd/0").symlink_to("/dev/null")
    for fd, inode in enumerate(inodes, 3):
        (root / f"fd/{fd}").symlink_to(f"socket:[{inode}]")
    return root


def held(holders: Holders, *inodes: int) -> dict[int, int]:
    return {inode: process.pid for inode, process in holders.find(inodes).items()}


def test_process_is_told_with_program_and_control_group(tmp_path: Path) -> None:
    process(tmp_path, 7, 100, exe="/usr/sbin/nginx (deleted)")
    assert Holders(tmp_path).find([100]) == {100: Process(7, "nginx", "/usr/sbin/nginx", "/system.slice/nginx.service")}


def test_first_of_several_processes_counts_and_init_last(tmp_path: Path) -> None:
    for pid in (1, 9, 10):
        process(tmp_path, pid, 100)
    process(tmp_path, 2, 300)
    assert held(Holders(tmp_path), 100, 300) == {100: 9, 300: 2}


def test_proc_is_walked_only_for_sockets_not_seen_before(tmp_path: Path) -> None:
    process(tmp_path, 7, 100, 101)
    holders = Holders(tmp_path)
    assert held(holders, 100, 101, 999) == {100: 7, 101: 7}
    assert held(holders, 100, 999) == {100: 7}
    assert holders.walks == 1
    process(tmp_path, 8, 102)
    assert held(holders, 100, 102, 999) == {100: 7, 102: 8}
    assert holders.walks == 2


def test_socket_that_was_passed_on_is_looked_for_again(tmp_path: Path) -> None:
    root = process(tmp_path, 7, 100)
    holders = Holders(tmp_path)
    assert held(holders, 100) == {100: 7}
    (root / "fd/3").unlink()
    process(tmp_path, 8, 100)
    assert held(holders, 100) == {100: 8}


def test_program_that_was_replaced_is_told_by_its_new_name(tmp_path: Path) -> None:
    root = process(tmp_path, 7, 100)
    holders = Holders(tmp_path)
    assert holders.find([100])[100].name == "nginx"
    (root / "comm").write_bytes(b"caddy\n")
    assert holders.find([100])[100].name == "caddy"
    assert holders.walks == 1


def test_process_that_ends_or_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    root = process(tmp_path, 8, 100)
    for file in ("comm", "exe", "cgroup"):
        (root / file).unlink()
    assert Holders(tmp_path).find([100]) == {100: Process(8, "", "", "")}


def test_names_of_any_bytes_are_text(tmp_path: Path) -> None:
    process(tmp_path, 7, 100, comm=b"\xff\x1b[2J\n")
    assert Holders(tmp_path).find([100])[100].name == "\ufffd\x1b[2J"


def test_walk_ends_at_its_limit_and_says_so(tmp_path: Path) -> None:
    process(tmp_path, 7, *range(200, 210))
    process(tmp_path, 8, 100)
    holders = Holders(tmp_path, most=5)
    assert held(holders, 100) == {}
    assert holders.cut
    assert held(Holders(tmp_path), 100) == {100: 8}


def test_control_group_is_version_twos_else_systemds() -> None:
    assert control_group("0::/user.slice\n") == "/user.slice"
    assert control_group("4:cpu:/a\n1:name=systemd:/system.slice/x.service\n0::/\n") == "/system.slice/x.service"
    assert control_group("0::/\n") == "/"
    assert control_group("rubbish\n::\n") == ""
    assert control_group("0::/a:b\n") == "/a:b"
