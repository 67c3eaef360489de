# SPDX-License-Identifier: Apache-2.0
"""A private libvirtd that runs QEMU under software emulation, in directories of its own.

libvirtd has its state below /run, /var and /etc whatever its settings say: it gets its own copies of those in a mount
namespace. Its machines have their interfaces in the network namespace of the process that starts it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_START = """
set -e
for folder in /etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt; do
  mkdir -p $folder {root}$folder && mount --bind {root}$folder $folder
done
mkdir -p /var/cache/libvirt {cache} && mount --bind {cache} /var/cache/libvirt
for file in passwd group; do mount --bind {root}/$file /etc/$file; done
exec libvirtd --config {root}/libvirtd.conf --pid-file {root}/pid
"""
_DAEMON = """
unix_sock_dir = "{root}"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_level = 4
"""
_QEMU = """
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
remember_owner = 0
"""


class PrivateLibvirt:
    """The daemon as a child, and virsh speaking to it."""

    def __init__(self, root: Path, cache: Path) -> None:
        """`cache`: what libvirt found out about QEMU, kept between daemons since that takes it a second."""
        self.root = root
        self.socket = root / "libvirt-sock"
        self.read_only = root / "libvirt-sock-ro"
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        settings = self.root / "etc/libvirt"
        settings.mkdir(parents=True)
        (settings / "qemu.conf").write_text(_QEMU)
        (self.root / "libvirtd.conf").write_text(_DAEMON.format(root=self.root))
        # Debian's libvirt looks these up before it reads its settings; its package of system files would make them.
        for file, line in (("passwd", "libvirt-qemu:x:64055:64055::/:/bin/false"), ("group", "libvirt-qemu:x:64055:")):
            (self.root / file).write_text(f"{Path('/etc', file).read_text()}\n{line}\nkvm:x:64056:\n")

    def start(self) -> None:
        """Start the daemon; returns when it answers."""
        self.socket.unlink(missing_ok=True)
        script = _START.format(root=self.root, cache=self._cache)
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self._answers():
            assert self._process.poll() is None, (self.root / "log").read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop the daemon; its machines run on."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()
        self.read_only.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop every machine that is left, and the daemon; machines may end by themselves meanwhile."""
        if self._process is None:
            return
        if self._process.poll() is not None and any(self.root.glob("run/libvirt/qemu/*.pid")):
            self.start()
        for name in self._virsh("list", "--name").stdout.split():
            self._virsh("destroy", name)
        self.stop()

    def virsh(self, *arguments: str) -> str:
        done = self._virsh(*arguments)
        assert done.returncode == 0, f"virsh {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        return ["virsh", "-c", f"qemu+unix:///system?socket={self.socket}", *arguments]

    def _virsh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)

    def _answers(self) -> bool:
        return self.socket.exists() and self._virsh("list").returncode == 0


@pytest.fixture
def libvirt(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateLibvirt]:
    """A running daemon in the test's network namespace."""
    for program in ("libvirtd", "virsh", "qemu-system-x86_64"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"{program} is not installed")
    root = tmp_path / "lv"
    root.mkdir()
    daemon = PrivateLibvirt(root, tmp_path_factory.getbasetemp() / "libvirt-cache")
    daemon.prepare()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
