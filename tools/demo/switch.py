# SPDX-License-Identifier: Apache-2.0
"""A private Open vSwitch in userspace, in a folder of its own, which disturbs no Open vSwitch of the machine."""

import os
import select
import signal
import subprocess
from pathlib import Path


class Switch:
    """ovsdb-server and ovs-vswitchd with their sockets in `folder` (a short path: sockets have 108 characters)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "db.sock"
        self._environment = {**os.environ, "OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(folder)}

    def start(self) -> None:
        database = self.folder / "conf.db"
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        self._run("ovsdb-tool", "create", str(database), schema)
        self._run(
            *("ovsdb-server", str(database), f"--remote=punix:{self.socket}", *self._daemon("ovsdb-server")),
        )
        self.vsctl("--no-wait", "init")
        self._run("ovs-vswitchd", f"unix:{self.socket}", *self._daemon("ovs-vswitchd"))

    def vsctl(self, *arguments: str) -> str:
        """Run ovs-vsctl against this switch; returns what it printed."""
        return self._run("ovs-vsctl", f"--db=unix:{self.socket}", "--timeout=15", *arguments)

    def stop(self) -> None:
        """End both daemons; the second waits for the first, which tidies up in the database."""
        for daemon, options in (("ovs-vswitchd", ["--cleanup"]), ("ovsdb-server", [])):
            pid_file = self.folder / f"{daemon}.pid"
            if not pid_file.exists():
                continue
            pid = int(pid_file.read_text())
            control = str(self.folder / f"{daemon}.ctl")
            subprocess.run(["ovs-appctl", "-T", "5", "-t", control, "exit", *options], check=False, capture_output=True)
            _end(pid)

    def _daemon(self, name: str) -> tuple[str, ...]:
        return (
            "--detach",
            "--no-chdir",
            f"--pidfile={self.folder / name}.pid",
            f"--log-file={self.folder / name}.log",
            f"--unixctl={self.folder / name}.ctl",
            "-vconsole:off",
        )

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout


def _end(pid: int) -> None:
    """Wait until a process has ended; after five seconds end it by force."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor) as process:
        if not select.select([process], [], [], 5.0)[0]:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([process], [], [], 5.0)
