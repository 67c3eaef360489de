# SPDX-License-Identifier: Apache-2.0
"""Whose keys are in the list: one line each. Every writer ships its own, beside the code that writes them."""

from typing import Final

from netsonde.captures import keys as captures
from netsonde.checks import keys as checks
from netsonde.flows import fields as flows
from netsonde.graph import keys as graph
from netsonde.injection import keys as injection
from netsonde.model import openflow
from netsonde.model.keys import Field, Key
from netsonde.model.looks import Look
from netsonde.openstack import keys as openstack
from netsonde.probes import host_keys as host
from netsonde.probes.blockdev import keys as blockdev
from netsonde.probes.bpf import keys as bpf
from netsonde.probes.cri import keys as cri
from netsonde.probes.devlink import keys as devlink
from netsonde.probes.docker import keys as docker
from netsonde.probes.libvirt import keys as libvirt
from netsonde.probes.lldp import keys as lldp
from netsonde.probes.lxc import keys as lxc
from netsonde.probes.lxd import keys as lxd
from netsonde.probes.netfilter import keys as netfilter
from netsonde.probes.netlink import keys as netlink
from netsonde.probes.netns import keys as netns
from netsonde.probes.ovsdb import keys as ovsdb
from netsonde.probes.qemu import keys as qemu
from netsonde.probes.runc import keys as runc
from netsonde.probes.socketinfo import keys as socketinfo
from netsonde.probes.wireguard import keys as wireguard

VERSION: Final = "1.3"
"""The second number grows when keys are added, the first when one goes or gets another type or unit."""

KEYS: Final[tuple[Key, ...]] = (
    *graph.KEYS,
    *host.KEYS,
    *netns.KEYS,
    *netlink.KEYS,
    *ovsdb.KEYS,
    *docker.KEYS,
    *qemu.KEYS,
    *libvirt.KEYS,
    *lldp.KEYS,
    *runc.KEYS,
    *lxc.KEYS,
    *lxd.KEYS,
    *cri.KEYS,
    *socketinfo.KEYS,
    *wireguard.KEYS,
    *bpf.KEYS,
    *netfilter.KEYS,
    *devlink.KEYS,
    *blockdev.KEYS,
    *openstack.KEYS,
    *captures.KEYS,
    *checks.KEYS,
    *injection.KEYS,
)

LOOKS: Final[tuple[Look, ...]] = tuple(
    {
        look.type: look
        for source in (
            *(host, netns, netlink, ovsdb, docker, qemu, libvirt, lldp, runc, lxc, cri, socketinfo, wireguard, bpf),
            *(netfilter, devlink, blockdev, lxd),
        )
        for look in source.LOOKS
    }.values()
)
"""How each type of node looks on the page; probes that write the same type say the same of it."""

FLOW_FIELDS: Final[tuple[Field, ...]] = flows.FIELDS

METRIC_FIELDS: Final[tuple[Field, ...]] = tuple(
    {
        field.key: field
        for field in (*flows.METRICS, *netlink.METRICS, *netfilter.METRICS, *blockdev.METRICS, *ovsdb.METRICS)
    }.values()
)
"""Fields of what `Metrics()` gives, of interfaces and of flows; `Start` and `Last` are the same in both."""

RULE_FIELDS: Final[tuple[Field, ...]] = openflow.RULE_FIELDS
GROUP_FIELDS: Final[tuple[Field, ...]] = openflow.GROUP_FIELDS
"""Fields of what `OfRules()` and `OfGroups()` give."""
