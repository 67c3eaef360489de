# SPDX-License-Identifier: Apache-2.0
"""The lxc probe and containers of a real LXD, with a directory of its own; not among the packages of `make test`."""

import asyncio
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_fixture import BUSYBOX, wait_until
from live_graph import live_graph, name, private_netns, settings

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    with private_netns():
        yield


class PrivateLxd:
    """The daemon as a child, and the lxc command speaking to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "lxd"
        self.directory.mkdir()
        self._env = {**os.environ, "LXD_DIR": str(self.directory), "HOME": str(directory)}
        self._log = directory / "log"
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(["lxd"], env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until((self.directory / "unix.socket").exists, self._daemon, self._log)
        self("storage", "create", "pool", "dir")

    def __call__(self, *args: str) -> str:
        done = subprocess.run(["lxc", *args], env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"lxc {' '.join(args)}: {done.stderr}"
        return done.stdout

    def state(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("query", f"/1.0/instances/{container}/state"))
        return found

    def stop(self) -> None:
        subprocess.run(["lxd", "shutdown", "--timeout", "10"], env=self._env, check=False, capture_output=True)
        self._daemon.wait(20)
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (where := mount.split()[1]).startswith(str(self.directory)):
                subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)


@pytest.fixture
def lxd(netns: None) -> Iterator[PrivateLxd]:
    if shutil.which("lxd") is None or shutil.which("lxc") is None or not BUSYBOX.exists():
        pytest.skip("lxd or busybox-static is not installed")
    # Its sockets lie some levels below, and their paths may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="l") as folder:
        made = PrivateLxd(Path(folder))
        try:
            made("image", "import", str(image(Path(folder))), "--alias", "busybox")
            yield made
        finally:
            made.stop()


def image(directory: Path) -> Path:
    """Return an image whose init is busybox's, which sleeps."""
    metadata, inittab = directory / "metadata.yaml", directory / "inittab"
    metadata.write_text("architecture: x86_64\ncreation_date: 1700000000\n")
    inittab.write_text("::respawn:/bin/busybox sleep 600\n")
    archive = directory / "image.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(metadata, "metadata.yaml")
        tar.add(BUSYBOX, "rootfs/bin/busybox")
        tar.add(inittab, "rootfs/etc/inittab")
        for empty in ("dev", "proc", "sys", "tmp", "run", "var"):
            folder = tarfile.TarInfo(f"rootfs/{empty}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        init = tarfile.TarInfo("rootfs/sbin/init")
        init.type, init.linkname = tarfile.SYMTYPE, "/bin/busybox"
        tar.addfile(init)
    return archive


async def test_container_of_lxd_is_followed_like_lxcs_own(lxd: PrivateLxd, tmp_path: Path) -> None:
    called = name("c")
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "lxc"), anonymous=True)) as live:
        options = ("-s", "pool", "-c", "security.privileged=true")
        await asyncio.to_thread(lxd, "launch", "busybox", called, *options)
        node = await live.node(Type="container", Name=called, Manager="lxd", Container__Status="running")
        told = await asyncio.to_thread(lxd.state, called)
        facts = node.metadata["Container"]
        assert isinstance(facts, dict)
        assert (facts["InitProcessPID"], told["status"]) == (told["pid"], "Running")
        netns = await live.node(Type="netns", Name=called, Manager="lxd")
        assert live.owner(node) == netns
        await asyncio.to_thread(lxd, "pause", called)
        await live.node(Name=called, Container__Status="frozen")
        await asyncio.to_thread(lxd, "start", called)
        await live.node(Name=called, Container__Status="running")
        await asyncio.to_thread(lxd, "delete", "--force", called)
        await live.gone(Type="container", Name=called)
