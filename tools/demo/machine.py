# SPDX-License-Identifier: Apache-2.0
"""A real virtual machine that boots in seconds under software emulation: Debian's cloud kernel and busybox.

Needs: qemu-system-x86, busybox-static, cpio, apt (to fetch the kernel package once; nothing is installed of it).
"""

import gzip
import shutil
import subprocess
from pathlib import Path

# In the order in which they depend on each other.
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
)

# Out of a tap the userspace datapath gets packets whose checksums a card would have finished; without offloads the
# guest finishes them itself.
NO_OFFLOADS = (
    "csum=off,guest_csum=off,gso=off,guest_tso4=off,guest_tso6=off,guest_ufo=off,guest_ecn=off,"
    "host_tso4=off,host_tso6=off,host_ufo=off,host_ecn=off"
)

LEASE_SCRIPT = """#!/bin/busybox sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr add "$ip/$mask" dev "$interface" 2>/dev/null
[ -n "$router" ] && ip route add default via "${router%% *}" 2>/dev/null
[ -n "$dns" ] && echo "nameserver ${dns%% *}" > /etc/resolv.conf
exit 0
"""

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in {modules}; do insmod /modules/$module.ko; done
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -s /etc/lease -n -q -t 10 -T 1 && echo "GUEST lease $(ip -4 -o addr show eth0 | cut -d' ' -f7)"
gateway=$(ip route | awk '/^default/{{print $3}}')
ping -c 3 -W 2 "$gateway" >/dev/null && echo "GUEST gateway $gateway answers"
nslookup metadata.netsonde.test 2>/dev/null | grep -q 169.254 && echo "GUEST name server answers"
timeout 20 wget -q -O /instance http://169.254.169.254/latest/meta-data/instance-id
echo "GUEST metadata $(cat /instance)"
echo "GUEST ready"
while :; do ping -c 1 -W 2 "$gateway" >/dev/null; sleep 5; done
"""


def build(cache: Path) -> tuple[Path, Path]:
    """Return the kernel and the initial file system, made on first use under `cache`."""
    kernel, initrd = cache / "vmlinuz", cache / "initrd.img"
    if not initrd.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _unpack_kernel(cache)
        _fill_root(cache)
        _pack(cache / "root", initrd)
        shutil.rmtree(cache / "kernel")
    return kernel, initrd


def start(cache: Path, *, tap: str, mac: str, uuid: str, console: Path) -> "subprocess.Popen[bytes]":
    """Boot a machine whose only card is `tap`; its console goes to a file."""
    kernel, initrd = build(cache)
    return subprocess.Popen(
        [
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-m", "192", "-uuid", uuid),
            *("-display", "none", "-nodefaults", "-no-reboot", "-kernel", str(kernel), "-initrd", str(initrd)),
            *("-append", "console=ttyS0 panic=-1 quiet", "-serial", f"file:{console}"),
            *("-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=n0,mac={mac},romfile=,{NO_OFFLOADS}"),
        ],
        stdin=subprocess.DEVNULL,
    )


def _unpack_kernel(cache: Path) -> None:
    try:
        archive = _download(cache)
    except (subprocess.CalledProcessError, StopIteration):
        # The lists are missing, or older than what the archive still has.
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        archive = _download(cache)
    subprocess.run(["dpkg", "-x", str(archive), str(cache / "kernel")], check=True)
    archive.unlink()
    shutil.copy(next((cache / "kernel/boot").glob("vmlinuz-*")), cache / "vmlinuz")


def _download(cache: Path) -> Path:
    """Fetch Debian's kernel for clouds; StopIteration when the package lists do not have it."""
    text = _output("apt-cache", "depends", "linux-image-cloud-amd64")
    package = next(line.split("Depends: ")[1] for line in text.splitlines() if "Depends: linux-image-" in line)
    fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(fetch, cwd=cache, check=True, stdout=subprocess.DEVNULL)
    return next(cache.glob(f"{package}_*.deb"))


def _fill_root(cache: Path) -> None:
    root = cache / "root"
    for folder in ("bin", "etc", "proc", "sys", "dev", "modules"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        shutil.copy(next((cache / "kernel").rglob(f"{module}.ko")), root / "modules")
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name, text in (("etc/lease", LEASE_SCRIPT), ("init", INIT.format(modules=" ".join(MODULES)))):
        (root / name).write_text(text)
        (root / name).chmod(0o755)


def _pack(root: Path, initrd: Path) -> None:
    names = "\n".join(str(path.relative_to(root)) for path in [root, *root.rglob("*")])
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), capture_output=True, check=True
    )
    initrd.write_bytes(gzip.compress(packed.stdout, 1))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
