# SPDX-License-Identifier: Apache-2.0
"""Who holds a tap: a made-up /proc, whose files say what the kernel says."""

from pathlib import Path

from netsonde.probes.qemu.taps import timed_holders


def process(proc: Path, pid: int, *, arguments: bytes = b"kvm\0-name\0x\0", **fds: str) -> Path:
    """Make a process with these descriptors: name of the tap, or the file that is open."""
    root = proc / str(pid)
    for folder in ("fd", "fdinfo", "ns"):
        (root / folder).mkdir(parents=True)
    (root / "comm").write_text(f"process {pid}\n")
    (root / "cmdline").write_bytes(arguments)
    (root / "ns/net").touch()
    for number, target in fds.items():
        fd = number.removeprefix("fd")
        (root / "fd" / fd).symlink_to(target if target.startswith("/") else "/dev/net/tun")
        (root / "fdinfo" / fd).write_text(f"pos:\t0\nflags:\t02100002\niff:\t{target}\n")
    return root


def test_taps_and_macvtaps_are_found_by_descriptor(tmp_path: Path) -> None:
    root = process(tmp_path, 7, fd3="tap0", fd4="tap0", fd5="/dev/tap12", fd6="/dev/null", fd9="/dev/tapx")
    process(tmp_path, 8, fd3="/dev/null")
    (holder,), _ = timed_holders(tmp_path)
    assert (holder.pid, holder.name, holder.netns) == (7, "process 7", (root / "ns/net").stat().st_ino)
    assert (holder.names, holder.indexes) == ({3: "tap0", 4: "tap0"}, {5: 12})
    assert holder.arguments == ("kvm", "-name", "x")


def test_open_tun_that_is_no_device_yet_is_left_out(tmp_path: Path) -> None:
    root = process(tmp_path, 7, fd3="tap0")
    (root / "fdinfo/3").write_text("pos:\t0\n")
    assert timed_holders(tmp_path)[0] == []


def test_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    process(tmp_path, 8, fd3="tap8", arguments=b"\xff\xfe\0\0")
    (tmp_path / "8/comm").unlink()
    (tmp_path / "8/ns/net").unlink()
    (tmp_path / "self").mkdir()
    (holder,), _ = timed_holders(tmp_path)
    assert (holder.pid, holder.name, holder.netns) == (8, "", 0)
