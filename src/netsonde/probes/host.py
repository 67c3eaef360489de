# SPDX-License-Identifier: Apache-2.0
"""The host itself: the node that owns its namespaces, interfaces and bridges.

Source: uname, /proc/cpuinfo, /proc/cmdline, /etc/os-release, /sys (host_hardware.py); read when the probe starts.
Writes: one node Type=host.
Needs:  nothing; root for the machine's serial number.
"""

import asyncio
import platform
import re
import socket
from pathlib import Path

from netsonde.graph.batch import Batch
from netsonde.model.elements import Json, Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.host_hardware import hardware_metadata, read

CPU_KEYS = {
    "processor": ("CPU", int),
    "vendor_id": ("VendorID", str),
    "cpu family": ("Family", str),
    "model": ("Model", str),
    "stepping": ("Stepping", int),
    "physical id": ("PhysicalID", str),
    "core id": ("CoreID", str),
    "cpu cores": ("Cores", int),
    "model name": ("ModelName", str),
    "cpu MHz": ("Mhz", float),
    "cache size": ("CacheSize", str),
    "microcode": ("Microcode", str),
}
"""Lines of /proc/cpuinfo and the keys that the reference shows them under."""

OS_FAMILY = {"ubuntu": "debian", "raspbian": "debian", "centos": "rhel", "rocky": "rhel", "almalinux": "rhel"}


class HostProbe:
    """Puts the host node and keeps it; facts do not change while the agent runs."""

    name = "host"
    needs: tuple[str, ...] = ()

    def __init__(self, context: ProbeContext) -> None:
        self._context = context

    async def run(self, health: Health) -> None:
        """Put the node once, then wait to be cancelled."""
        # In a thread: a host with hundreds of processors has thousands of files.
        metadata = await asyncio.to_thread(host_metadata, self._context.host, self._context.settings.host.metadata)
        batch = Batch()
        batch.put_node(self._context.identity.host(), self.name, metadata)
        self._context.graph.apply(batch)
        health.gauge("objects", 1)
        health.running()
        await asyncio.Event().wait()


def host_metadata(host: str, extra: dict[str, str], root: Path = Path("/")) -> Metadata:
    """Return everything known of this host; facts that cannot be read are absent."""
    metadata: Metadata = {}
    for key, value in extra.items():
        nest(metadata, key, value)
    metadata |= {"Name": host, "Type": "host", "Hostname": socket.gethostname(), "OS": platform.system().lower()}
    metadata |= _release(read(root / "etc/os-release"))
    metadata |= _virtualization(root)
    optional: dict[str, Json] = {
        "KernelVersion": platform.release(),
        "Architecture": platform.machine(),
        "InstanceID": read(root / "var/lib/cloud/data/instance-id").strip(),
        "KernelCmdLine": command_line(read(root / "proc/cmdline")),
        "CPU": cpus(read(root / "proc/cpuinfo")),
        "IsolatedCPU": cpu_list(read(root / "sys/devices/system/cpu/isolated")),
    }
    metadata |= {key: value for key, value in optional.items() if value}
    return metadata | hardware_metadata(root)


def nest(metadata: Metadata, path: str, value: Json) -> None:
    """Set a value at a dotted path; a path through something that is no object replaces it."""
    *above, last = path.split(".")
    for part in above:
        found = metadata.get(part)
        if not isinstance(found, dict):
            found = metadata[part] = {}
        metadata = found
    metadata[last] = value


def cpus(text: str) -> list[Json]:
    """Return the processors of /proc/cpuinfo; values that are no numbers where one is due are left out."""
    found: list[Json] = []
    for block in text.split("\n\n"):
        cpu: Metadata = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            key, kind = CPU_KEYS.get(name.strip(), ("", str))
            if key:
                cpu |= _convert(key, kind, value.strip())
        if cpu:
            found.append(cpu)
    return found


def _convert(key: str, kind: type, text: str) -> Metadata:
    try:
        return {key: kind(text)} if text else {}
    except ValueError:
        return {}


def cpu_list(text: str) -> list[Json]:
    """Return the numbers of a kernel CPU list, `2-4,7`."""
    found: list[Json] = []
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        found += range(int(first), int(last or first) + 1)
    return found


def command_line(text: str) -> Metadata:
    """Return the kernel's parameters: quotes kept together, a flag is true, a repeated key is a list."""
    found: Metadata = {}
    for word in re.findall(r'(?:[^\s"]|"[^"]*")+', text):
        key, equals, value = word.partition("=")
        item: Json = value.strip('"') if equals else True
        before = found.get(key)
        if key not in found:
            found[key] = item
        elif isinstance(before, list):
            before.append(item)
        else:
            found[key] = [before, item]
    return found


def _release(text: str) -> Metadata:
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    name = fields.get("ID", "").strip('"')
    if not name:
        return {}
    version = fields.get("VERSION_ID", "").strip('"')
    found: Metadata = {"Platform": name, "PlatformFamily": OS_FAMILY.get(name, name)}
    return found | ({"PlatformVersion": version} if version else {})


def _virtualization(root: Path) -> Metadata:
    """Return which hypervisor this host is a guest of, or that it runs guests itself."""
    vendor = read(root / "sys/class/dmi/id/sys_vendor").lower()
    guest_of = next((name for word, name in VENDORS if word in vendor), "")
    if guest_of or "hypervisor" in read(root / "proc/cpuinfo"):
        return {"VirtualizationSystem": guest_of or "kvm", "VirtualizationRole": "guest"}
    if (root / "dev/kvm").exists():
        return {"VirtualizationSystem": "kvm", "VirtualizationRole": "host"}
    return {}


VENDORS = (
    ("qemu", "kvm"),
    ("vmware", "vmware"),
    ("xen", "xen"),
    ("microsoft", "hyperv"),
    ("innotek", "vbox"),
    ("amazon", "kvm"),
    ("google", "kvm"),
    ("openstack", "kvm"),
)
