# SPDX-License-Identifier: Apache-2.0
"""A private Open vSwitch: real ovsdb-server and ovs-vswitchd with the userspace datapath, in a directory of its own.

It makes its devices in the network namespace of the process that starts it; there must be no other userspace datapath
there, or both would want the device `ovs-netdev`. It touches no Open vSwitch of the machine.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")


class PrivateOvs:
    """Both daemons as children, and ovs-vsctl speaking to them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "db.sock"
        self.address = f"unix:{self.socket}"
        self._env = {
            **os.environ,
            "OVS_RUNDIR": str(directory),
            "OVS_LOGDIR": str(directory),
            "OVS_DBDIR": str(directory),
        }
        self._server: subprocess.Popen[bytes] | None = None
        self._switch: subprocess.Popen[bytes] | None = None

    def start(self) -> "PrivateOvs":
        self.directory.mkdir(parents=True, exist_ok=True)
        database = self.directory / "conf.db"
        if not database.exists():
            subprocess.run(["ovsdb-tool", "create", database, SCHEMA], env=self._env, check=True)
        self.start_server()
        self.vsctl("--no-wait", "init")
        self.start_switch()
        # Without --no-wait it returns when ovs-vswitchd has taken the configuration over.
        self.vsctl("set", "Open_vSwitch", ".", "external_ids:system-id=test")
        return self

    def start_server(self, *options: str) -> None:
        """Start ovsdb-server, at its socket and wherever options tell it to listen too."""
        # The socket of a killed server would look like a living one to those that wait for it.
        self.socket.unlink(missing_ok=True)
        self._server = self._daemon(
            "ovsdb-server", str(self.directory / "conf.db"), f"--remote=p{self.address}", *options
        )
        self.vsctl("--no-wait", "--retry", "get-manager")

    def start_switch(self) -> None:
        self._switch = self._daemon("ovs-vswitchd", self.address)

    @property
    def server_pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def stop_server(self, how: signal.Signals = signal.SIGTERM) -> None:
        _end(self._server, how)
        self._server = None

    @contextmanager
    def hanging_switch(self) -> Iterator[None]:
        """Keep ovs-vswitchd from doing anything meanwhile; its sockets go on taking connections."""
        assert self._switch is not None
        self._switch.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._switch.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        # ovs-vswitchd first: at its end it removes the devices that it made.
        if self._switch is not None and self._server is not None:
            self.appctl("ovs-vswitchd", "exit", "--cleanup")
        _end(self._switch, signal.SIGTERM)
        _end(self._server, signal.SIGTERM)
        self._switch = self._server = None

    def command(self, *args: str) -> list[str]:
        """Return an ovs-vsctl command line that speaks to this switch."""
        return ["ovs-vsctl", f"--db={self.address}", "--timeout=10", *args]

    def vsctl(self, *args: str) -> str:
        done = subprocess.run(self.command(*args), env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ovs-vsctl {' '.join(args)}: {done.stderr.strip()}"
        return done.stdout.strip()

    def add_bridge(self, name: str) -> None:
        """Add a bridge of the userspace datapath, which needs no kernel module."""
        self.vsctl("add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev")

    def _daemon(self, program: str, *args: str) -> subprocess.Popen[bytes]:
        control = self.directory / f"{program}.ctl"
        control.unlink(missing_ok=True)
        log = (self.directory / f"{program}.out").open("ab")
        with log:
            return subprocess.Popen(
                [program, *args, f"--unixctl={control}", "--no-chdir"],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def appctl(self, program: str, *args: str) -> str:
        """Return what a daemon answers to a command, "" when it does not."""
        control = self.directory / f"{program}.ctl"
        command = ["ovs-appctl", "--timeout=5", f"--target={control}", *args]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=False).stdout


def _end(process: "subprocess.Popen[bytes] | None", how: signal.Signals) -> None:
    if process is None:
        return
    process.send_signal(how)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def certificate(folder: Path, who: str, authority: str = "") -> tuple[Path, Path]:
    """Make a key and a certificate as `ovs-pki` does, without host name, signed by an authority or by itself."""
    key, signed = folder / f"{who}-key.pem", folder / f"{who}.pem"
    signer = ("-CA", str(folder / f"{authority}.pem"), "-CAkey", str(folder / f"{authority}-key.pem"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
    files = ("-keyout", str(key), "-out", str(signed), "-subj", f"/CN={who}")
    command = ["openssl", "req", "-x509", *curve, *files, *(signer if authority else ())]
    subprocess.run(command, check=True, capture_output=True)
    return key, signed


@contextmanager
def running_ovs(folders: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    """Run a private Open vSwitch meanwhile; skips aloud where the Debian package is missing."""
    if shutil.which("ovs-vswitchd") is None or not SCHEMA.exists():
        pytest.skip("openvswitch-switch is not installed")
    # A Unix socket's path may have 107 bytes at most, pytest's own directories are often longer.
    switch = PrivateOvs(folders.mktemp("ovs"))
    try:
        yield switch.start()
    finally:
        switch.stop()


@pytest.fixture
def ovs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    with running_ovs(tmp_path_factory) as switch:
        yield switch


@pytest.fixture(name="ovs")
def ovs_in_netns(netns: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    """One that is started only once this process is in its own namespace (`netns_fixture`)."""
    with running_ovs(tmp_path_factory) as switch:
        yield switch
