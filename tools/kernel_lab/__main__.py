# SPDX-License-Identifier: Apache-2.0
"""Record into tests/data/kernel what Debian's full kernel says, which has what others lack: `python tools/kernel_lab`.

The kernel runs in a virtual machine whose file system is this machine's own, with a layer above it for what it writes.
netsonde's probes ask the questions there. SR-IOV comes from netdevsim, a module that Debian leaves out and that is
built here.

Needs: root; qemu-system-x86, busybox-static, cpio, kmod, openvswitch-switch; apt, to fetch the kernel (and, of which it
installs the headers, its source). Some five minutes, 3 GB of memory.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / "build/kernel_lab"
TARGET: Final = ROOT / "tests/data/kernel"
PARTS: Final = ("links", "functions", "kernel_datapath")
DPDK: Final = ("net-null", "mempool-ring", "bus-vdev", "ethdev", "eal")
"""Libraries that Open vSwitch with DPDK needs for a card that is none, beside those that it depends on."""
PATIENCE: Final = 600
"""Seconds that the machine has, which is emulated."""
FIRST: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""Modules without which there is no file system."""
INIT: Final = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in {modules}; do insmod /modules/$module.ko; done
shared=trans=virtio,version=9p2000.L,msize=512000,cache=loose
mount -t 9p -o ro,$shared root /lower
mount -t tmpfs rw /rw; mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work over /new
for folder in proc sys dev; do mount --bind /$folder /new/$folder; done
for folder in tmp run; do mount -t tmpfs $folder /new/$folder; done
mkdir -p /new/run/out /new/lib/modules/{version}
mount -t 9p -o $shared out /new/run/out
mount --bind /new{modules_folder} /new/lib/modules/{version}
chroot /new /bin/sh /run/out/run.sh >/dev/ttyS0 2>&1
poweroff -f
"""
RUN: Final = """export PATH={bin}:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={tools}
ip link set lo up
python {tools}/kernel_lab/record.py /run/out functions
for part in links kernel_datapath; do
  unshare --net sh -c "ip link set lo up; python {tools}/kernel_lab/record.py /run/out $part"
done
"""


def main() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    version = fetch_kernel()
    out = CACHE / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    shutil.copy(build_netdevsim(version), out)
    (out / "run.sh").write_text(RUN.format(bin=Path(sys.executable).parent, tools=ROOT / "tools"))
    boot(version, pack(version), out)
    record_dpdk(out)
    TARGET.mkdir(exist_ok=True)
    for part in (*PARTS, "dpdk"):
        text = json.dumps(json.loads((out / f"{part}.json").read_text()), separators=(",", ":"))
        text = text.replace(str(CACHE), "/opt")  # where this happens to be is nobody's business
        # Without a time in it, or each recording would differ from the last.
        (TARGET / f"{part}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def fetch_kernel() -> str:
    """Unpack Debian's newest kernel of this release; returns its version."""
    depends = output("apt-cache", "depends", "linux-image-amd64")
    package = next(line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line)
    version = package.removeprefix("linux-image-")
    if not (CACHE / "kernel").exists():
        subprocess.run(["dpkg", "-x", str(download(package)), str(CACHE / "kernel")], check=True)
        subprocess.run(["depmod", "-b", str(CACHE / "kernel"), version], check=True)
    return version


def build_netdevsim(version: str) -> Path:
    """Return the module of simulated cards, made from the kernel's source."""
    folder = CACHE / "linux-source-6.1/drivers/net/netdevsim"
    module = folder / "netdevsim.ko"
    if not module.exists():
        headers = f"linux-headers-{version}"
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", headers], check=True)
        subprocess.run(["dpkg", "-x", str(download("linux-source-6.1")), str(CACHE / "source")], check=True)
        archive = next((CACHE / "source/usr/src").glob("*.tar.xz"))
        part = f"linux-source-6.1/{folder.relative_to(CACHE / 'linux-source-6.1')}"
        subprocess.run(["tar", "-C", str(CACHE), "-xf", str(archive), part], check=True)
        make = ["make", "-s", "-C", f"/usr/src/{headers}", f"M={folder}", "CONFIG_NETDEVSIM=m", "modules"]
        subprocess.run(make, check=True)
        shutil.rmtree(CACHE / "source")
    return module


def pack(version: str) -> Path:
    """Return the initial file system: what mounts this machine's own, and goes there."""
    modules = CACHE / "kernel/lib/modules" / version
    root, image = CACHE / "initial", CACHE / "initrd.img"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("bin", "modules", "proc", "sys", "dev", "lower", "rw", "new"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    needed = in_order(modules, FIRST)
    for path in needed:
        shutil.copy(modules / path, root / "modules")
    names = " ".join(Path(path).stem for path in needed)
    (root / "init").write_text(INIT.format(modules=names, version=version, modules_folder=modules))
    (root / "init").chmod(0o755)
    listing = "\n".join(str(path.relative_to(root)) for path in [root, *root.rglob("*")])
    command = ["cpio", "-o", "-H", "newc", "--quiet"]
    packed = subprocess.run(command, cwd=root, input=listing.encode(), capture_output=True, check=True)
    image.write_bytes(gzip.compress(packed.stdout, 1))
    return image


def in_order(modules: Path, wanted: tuple[str, ...]) -> list[str]:
    """Return the files of modules and of those that they need, these first."""
    lines = (line.split(":") for line in (modules / "modules.dep").read_text().splitlines())
    needs = {path: ahead.split() for path, ahead in lines}
    found: list[str] = []
    for name in wanted:
        path = next(path for path in needs if Path(path).stem == name)
        found += [each for each in (*reversed(needs[path]), path) if each not in found]
    return found


def boot(version: str, image: Path, out: Path) -> None:
    """Run the machine to its end; RuntimeError with its last words when a part was not recorded."""
    console = CACHE / "console"
    machine = (
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "3000",
        "-display",
        "none",
        "-nodefaults",
    )
    kernel = ("-kernel", str(CACHE / f"kernel/boot/vmlinuz-{version}"), "-initrd", str(image))
    shared = ("security_model=none,multidevs=remap", "virtio-9p-pci")
    subprocess.run(
        [
            *("qemu-system-x86_64", *machine, "-no-reboot", *kernel, "-serial", f"file:{console}"),
            *("-append", "console=ttyS0 panic=-1 quiet"),
            *("-fsdev", f"local,id=root,path=/,readonly=on,{shared[0]}"),
            *("-device", f"{shared[1]},fsdev=root,mount_tag=root"),
            *("-fsdev", f"local,id=out,path={out},{shared[0]}"),
            *("-device", f"{shared[1]},fsdev=out,mount_tag=out"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    if missing := [part for part in PARTS if not (out / f"{part}.json").exists()]:
        raise RuntimeError(f"{', '.join(missing)} not recorded:\n{console.read_text(errors='replace')[-4000:]}")


def record_dpdk(out: Path) -> None:
    """Record Open vSwitch with DPDK, which needs no other kernel; it is unpacked, not installed."""
    root, archives = CACHE / "dpdk", CACHE / "archives"
    if not root.exists():
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        names = ["openvswitch-switch-dpdk", *(f"librte-{name}23" for name in DPDK)]
        options = ("-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root", "--download-only")
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *options, *names], check=True)
        for archive in archives.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(archive), str(root)], check=True)
    script = str(Path(__file__).with_name("record.py"))
    environment = {**os.environ, "DPDK": str(root), "PYTHONPATH": str(ROOT / "tools")}
    subprocess.run(["unshare", "--net", sys.executable, script, str(out), "dpdk"], env=environment, check=True)


def download(package: str) -> Path:
    fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(fetch, cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
    return next(CACHE.glob(f"{package}_*.deb"))


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
