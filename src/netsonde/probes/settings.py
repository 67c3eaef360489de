# SPDX-License-Identifier: Apache-2.0
"""Settings of the probes: one section each, and which of them run."""

from dataclasses import dataclass, field

from netsonde.probes.blockdev.settings import BlockdevSettings
from netsonde.probes.bpf.settings import BpfSettings
from netsonde.probes.cri.settings import CriSettings
from netsonde.probes.devlink.settings import DevlinkSettings
from netsonde.probes.docker.settings import DockerSettings
from netsonde.probes.host_settings import HostSettings
from netsonde.probes.libvirt.settings import LibvirtSettings
from netsonde.probes.lldp.settings import LldpSettings
from netsonde.probes.lxc.settings import LxcSettings
from netsonde.probes.lxd.settings import LxdSettings
from netsonde.probes.netfilter.settings import NetfilterSettings
from netsonde.probes.netlink.settings import NetlinkSettings
from netsonde.probes.netns.settings import NetnsSettings
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.qemu.settings import QemuSettings
from netsonde.probes.runc.settings import RuncSettings
from netsonde.probes.socketinfo.settings import SocketInfoSettings
from netsonde.probes.wireguard.settings import WireGuardSettings


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Section `probes` of the agent's settings."""

    enabled: tuple[str, ...] = (
        *("netns", "netlink", "ovsdb", "docker", "qemu", "libvirt", "lldp", "runc", "lxc", "cri", "wireguard", "bpf"),
        *("netfilter", "devlink", "lxd"),
    )
    """Probes to run beside `host`, which always runs. A probe whose daemon is absent waits for it at no cost."""
    host: HostSettings = field(default_factory=HostSettings)
    netns: NetnsSettings = field(default_factory=NetnsSettings)
    netlink: NetlinkSettings = field(default_factory=NetlinkSettings)
    ovsdb: OvsdbSettings = field(default_factory=OvsdbSettings)
    docker: DockerSettings = field(default_factory=DockerSettings)
    qemu: QemuSettings = field(default_factory=QemuSettings)
    libvirt: LibvirtSettings = field(default_factory=LibvirtSettings)
    lldp: LldpSettings = field(default_factory=LldpSettings)
    runc: RuncSettings = field(default_factory=RuncSettings)
    lxc: LxcSettings = field(default_factory=LxcSettings)
    lxd: LxdSettings = field(default_factory=LxdSettings)
    cri: CriSettings = field(default_factory=CriSettings)
    socketinfo: SocketInfoSettings = field(default_factory=SocketInfoSettings)
    wireguard: WireGuardSettings = field(default_factory=WireGuardSettings)
    bpf: BpfSettings = field(default_factory=BpfSettings)
    netfilter: NetfilterSettings = field(default_factory=NetfilterSettings)
    devlink: DevlinkSettings = field(default_factory=DevlinkSettings)
    blockdev: BlockdevSettings = field(default_factory=BlockdevSettings)
