# SPDX-License-Identifier: Apache-2.0
"""A private containerd with its CRI plug-in, in directories of its own, pods on a bridge of the caller's namespace.

CRI's calls are made over gRPC with messages written here by hand, field by field: no other client of CRI is in Debian.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpclib.client import Channel
from grpclib.const import Cardinality

from docker_fixture import BUSYBOX, make_archive, wait_until
from netsonde.model.protobuf import fields
from netsonde.probes.cri.runtime import SERVICE, Octets
from protobuf_messages import Values, message

IMAGE = "docker.io/library/busybox:test"
CONFIG = """version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{directory}/s"
[plugins."io.containerd.grpc.v1.cri"]
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "{image}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{directory}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{directory}/runc"
"""
NODE_NETWORK: Values = {2: "", 8: {2: {1: {1: 2}}}}
"""Of PodSandboxConfig: linux.security_context.namespace_options.network = NODE, which has no host name of its own."""


class PrivateContainerd:
    """The daemon as a child, `ctr` speaking to it, and the calls of CRI that kubelet would make."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "s"
        self.runc_root = directory / "runc"
        self.netns_path = directory / "state/io.containerd.grpc.v1.cri/netns"
        self.bridge = f"b{secrets.token_hex(4)}"
        self._cgroup = f"nst{secrets.token_hex(4)}"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._pods: dict[str, Values] = {}
        (directory / "config.toml").write_text(CONFIG.format(directory=directory, image=IMAGE))
        (directory / "cni").mkdir()
        ranges = [[{"subnet": "10.231.9.0/24"}]]
        ipam = {"type": "host-local", "ranges": ranges, "dataDir": str(directory / "ipam")}
        plugin = {"type": "bridge", "bridge": self.bridge, "isGateway": True, "ipMasq": False, "ipam": ipam}
        network = {"cniVersion": "0.4.0", "name": self.bridge, "plugins": [plugin]}
        (directory / "cni/10-test.conflist").write_text(json.dumps(network))

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def start(self) -> "PrivateContainerd":
        """Start the daemon and wait until it answers; containers of an earlier start are still there."""
        log = (self.directory / "log").open("ab")
        with log:
            command = ["containerd", "--config", str(self.directory / "config.toml")]
            self._daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, self._daemon, self.directory / "log")
        return self

    def _answers(self) -> bool:
        done = subprocess.run(self._command("plugins", "ls", "id==cri"), capture_output=True, text=True, check=False)
        return " ok" in done.stdout

    def make_image(self) -> None:
        """Import an image that holds busybox only, and which a sandbox runs, too."""
        archive = self.directory / "oci.tar"
        tree = make_archive(self.directory)
        _oci_image(tree, archive, IMAGE)
        self.ctr("images", "import", "--snapshotter", "native", str(archive))

    def _command(self, *args: str) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *args]

    def ctr(self, *args: str) -> str:
        done = subprocess.run(self._command(*args), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ctr {' '.join(args)}: {done.stderr.strip()}"
        return done.stdout

    def info(self, container: str) -> dict[str, Any]:
        """Return what `ctr containers info` says."""
        found: dict[str, Any] = json.loads(self.ctr("containers", "info", container))
        return found

    def tasks(self) -> dict[str, tuple[int, str]]:
        """Return pid and status of each task, by its container, as `ctr tasks ls` lists them."""
        rows = [line.split() for line in self.ctr("tasks", "ls").splitlines()[1:]]
        return {row[0]: (int(row[1]), row[2]) for row in rows}

    async def call(self, method: str, values: Values) -> dict[int, Any]:
        """Make one call of CRI and return the fields of its answer."""
        channel = Channel(path=str(self.socket), codec=Octets())
        try:
            async with channel.request(SERVICE + method, Cardinality.UNARY_UNARY, bytes, bytes, timeout=30) as stream:
                await stream.send_message(message(values), end=True)
                answer = await stream.recv_message()
        finally:
            channel.close()
        return dict(fields(answer or b""))

    async def run_pod(self, called: str, labels: dict[str, str] | None = None, more: Values | None = None) -> str:
        """Start a pod's sandbox, `more` of its PodSandboxConfig; return its id."""
        config: Values = {1: {1: called, 2: f"uid-{called}", 3: "shop"}, 2: f"host-{called}", 6: labels or {}}
        config = {**config, 8: {1: f"/{self._cgroup}"}, **(more or {})}
        answer = await self.call("RunPodSandbox", {1: config})
        pod = str(answer[1], "ascii")
        self._pods[pod] = config
        return pod

    async def create(self, pod: str, called: str, labels: dict[str, str] | None = None) -> str:
        """Make a container in a pod that sleeps; return its id."""
        config: Values = {1: {1: called}, 2: {1: IMAGE}, 3: ["/bin/sleep", "600"], 9: labels or {}}
        answer = await self.call("CreateContainer", {1: pod, 2: config, 3: self._pods[pod]})
        return str(answer[1], "ascii")

    async def start_container(self, container: str) -> None:
        await self.call("StartContainer", {1: container})

    async def stop_container(self, container: str) -> None:
        await self.call("StopContainer", {1: container, 2: 0})

    async def remove_pod(self, pod: str) -> None:
        await self.call("StopPodSandbox", {1: pod})
        await self.call("RemovePodSandbox", {1: pod})
        self._pods.pop(pod, None)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.send_signal(how)
            self._daemon.wait(20)
        self._daemon = None

    def clean_up(self) -> None:
        """End the daemon, whatever happened, and what it leaves: shims, mounts, namespaces, cgroups."""
        if self._daemon is not None and self._daemon.poll() is None:
            with contextlib.suppress(Exception):
                asyncio.run(self._remove_all())
            self.stop()
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self.socket).encode() in process.read_bytes():
                    os.kill(int(process.parent.name), signal.SIGKILL)
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (where := mount.split()[1]).startswith(str(self.directory)):
                subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)
        for cgroup in Path("/sys/fs/cgroup").glob(f"*/{self._cgroup}"):
            for directory in (*cgroup.glob("*/"), cgroup):
                with contextlib.suppress(OSError):
                    directory.rmdir()

    async def _remove_all(self) -> None:
        for pod in tuple(self._pods):
            await self.remove_pod(pod)


def _oci_image(tree: Path, archive: Path, name: str) -> None:
    """Write an image of one layer in the layout that `ctr images import` reads: that of `docker save`."""
    directory = archive.parent / "oci"
    directory.mkdir()
    layer = tree.read_bytes()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sleep", "600"]}}
        | {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    ).encode()
    (directory / "layer.tar").write_bytes(layer)
    (directory / "config.json").write_bytes(config)
    (directory / "manifest.json").write_text(
        json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}])
    )
    with tarfile.open(archive, "w") as tar:
        for file in ("config.json", "layer.tar", "manifest.json"):
            tar.add(directory / file, file)


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateContainerd]:
    """A running private containerd with an image; skips aloud where the Debian packages are missing."""
    if shutil.which("containerd") is None or not Path("/usr/lib/cni/bridge").exists():
        pytest.skip("containerd or containernetworking-plugins is not installed")
    if not BUSYBOX.exists():
        pytest.skip("busybox-static is not installed")
    # A Unix socket's path may have 107 bytes at most.
    daemon = PrivateContainerd(tmp_path_factory.mktemp("k"))
    try:
        daemon.start().make_image()
        yield daemon
    finally:
        daemon.clean_up()
