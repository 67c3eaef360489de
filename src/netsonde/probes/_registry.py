# SPDX-License-Identifier: Apache-2.0
"""Which probes there are: one line each. See docs/howto/add-a-probe.md."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from netsonde.errors import UserError
from netsonde.probes._api import Probe, ProbeContext
from netsonde.probes.blockdev.probe import BlockdevProbe
from netsonde.probes.bpf.probe import BpfProbe
from netsonde.probes.cri.probe import CriProbe
from netsonde.probes.devlink.probe import DevlinkProbe
from netsonde.probes.docker.probe import DockerProbe
from netsonde.probes.host import HostProbe
from netsonde.probes.libvirt.probe import LibvirtProbe
from netsonde.probes.lldp.probe import LldpProbe
from netsonde.probes.lxc.probe import LxcProbe
from netsonde.probes.lxd.probe import LxdProbe
from netsonde.probes.netfilter.probe import NetfilterProbe
from netsonde.probes.netlink.probe import NetlinkProbe
from netsonde.probes.netns.probe import NetnsProbe
from netsonde.probes.ovsdb.probe import OvsdbProbe
from netsonde.probes.qemu.probe import QemuProbe
from netsonde.probes.runc.probe import RuncProbe
from netsonde.probes.socketinfo.probe import SocketInfoProbe
from netsonde.probes.wireguard.probe import WireGuardProbe

Factory = Callable[[ProbeContext], list[Probe]]
"""Builds a probe, or several of one sort: one for each daemon that the settings name."""

PROBES: Mapping[str, Factory] = MappingProxyType(
    {
        "host": lambda context: [HostProbe(context)],
        "netns": lambda context: [NetnsProbe(context)],
        "netlink": lambda context: [NetlinkProbe(context)],
        "ovsdb": lambda context: [*OvsdbProbe.all(context)],
        "docker": lambda context: [*DockerProbe.all(context)],
        "qemu": lambda context: [QemuProbe(context)],
        "libvirt": lambda context: [LibvirtProbe(context)],
        "lldp": lambda context: [LldpProbe(context)],
        "runc": lambda context: [RuncProbe(context)],
        "lxc": lambda context: [LxcProbe(context)],
        "lxd": lambda context: [LxdProbe(context)],
        "cri": lambda context: [*CriProbe.all(context)],
        "socketinfo": lambda context: [SocketInfoProbe(context)],
        "wireguard": lambda context: [WireGuardProbe(context)],
        "bpf": lambda context: [BpfProbe(context)],
        "netfilter": lambda context: [NetfilterProbe(context)],
        "devlink": lambda context: [DevlinkProbe(context)],
        "blockdev": lambda context: [BlockdevProbe(context)],
    }
)


def build_probes(context: ProbeContext) -> list[Probe]:
    """Return the host probe and those that the settings enable; UserError names every unknown one."""
    names = list(dict.fromkeys(("host", *context.settings.enabled)))
    unknown = [name for name in names if name not in PROBES]
    if unknown:
        near = difflib.get_close_matches(unknown[0], PROBES, n=1)
        known = f"did you mean {near[0]}?" if near else f"known probes: {', '.join(PROBES)}"
        raise UserError(f"probes.enabled: unknown probe {', '.join(unknown)}", hint=known)
    return [probe for name in names for probe in PROBES[name](context)]
