# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWLINK and RTM_DELLINK decoded: one interface as the kernel says it is. Pure.

Source: struct ifinfomsg and IFLA_* of linux/if_link.h.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.functions import decode_functions
from netsonde.probes.netlink.kinds import kind_facts, slave_facts
from netsonde.probes.netlink_wire import AF_UNSPEC, Attributes, Message, attributes, number, repeated, signed, text

IFLA_ADDRESS: Final = 1
IFLA_IFNAME: Final = 3
IFLA_MTU: Final = 4
IFLA_LINK: Final = 5
IFLA_QDISC: Final = 6
IFLA_MASTER: Final = 10
IFLA_PROTINFO: Final = 12
IFLA_OPERSTATE: Final = 16
IFLA_LINKINFO: Final = 18
IFLA_NUM_VF: Final = 21
IFLA_VFINFO_LIST: Final = 22
IFLA_PHYS_SWITCH_ID: Final = 36
IFLA_PHYS_PORT_NAME: Final = 38
IFLA_LINK_NETNSID: Final = 37
IFLA_XDP: Final = 43
IFLA_PROP_LIST: Final = 52
IFLA_PARENT_DEV_NAME: Final = 56
IFLA_DEVLINK_PORT: Final = 62
DEVLINK_ATTR_BUS_NAME: Final = 1
DEVLINK_ATTR_DEV_NAME: Final = 2
DEVLINK_ATTR_PORT_INDEX: Final = 3

IFLA_ALT_IFNAME: Final = 53
IFLA_XDP_ATTACHED: Final = 2
IFLA_XDP_PROG_ID: Final = 4
NO_QUEUE: Final = "noqueue"
XDP_MODES: Final = {1: "driver", 2: "generic", 3: "hardware", 4: "several"}

IFLA_INFO_KIND: Final = 1
IFLA_INFO_DATA: Final = 2
IFLA_INFO_SLAVE_KIND: Final = 4
IFLA_INFO_SLAVE_DATA: Final = 5

WITHOUT_LOWER: Final = frozenset({"bareudp", "geneve", "gtp", "ppp", "vxlan"})
"""Kinds without ndo_get_iflink: in another namespace than where they were made, the kernel gives their own ifindex as
IFLA_LINK, which means some stranger there. What a VXLAN stands on is told by IFLA_VXLAN_LINK."""

_WANTED = frozenset(
    {
        IFLA_ADDRESS,
        IFLA_IFNAME,
        IFLA_MTU,
        IFLA_LINK,
        IFLA_QDISC,
        IFLA_MASTER,
        IFLA_OPERSTATE,
        IFLA_LINKINFO,
        IFLA_NUM_VF,
        IFLA_VFINFO_LIST,
        IFLA_PHYS_SWITCH_ID,
        IFLA_LINK_NETNSID,
        IFLA_PHYS_PORT_NAME,
        IFLA_XDP,
        IFLA_PROP_LIST,
        IFLA_PARENT_DEV_NAME,
        IFLA_DEVLINK_PORT,
    }
)
_PORT = frozenset({IFLA_PROTINFO})
_INFO = frozenset({IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA})
IFINFOMSG = struct.Struct("=BxHiII")


@dataclass(frozen=True, slots=True)
class Link:
    """One interface; equal links need no new revision."""

    ifindex: int
    name: str
    kind: str
    """The kernel's word (`veth`, `bridge`); "" for a device that no software made."""
    encap: int
    flags: int
    mtu: int
    mac: bytes
    operstate: int
    master: int
    """Ifindex of the bridge, bond, VRF or other master in the same namespace; 0 = none."""
    link: int
    """Ifindex of the veth peer or of the device below, in the namespace `link_nsid`; 0 = none."""
    link_nsid: int | None
    """Id of that namespace as this one counts; None = the same namespace, -1 = one that has no id here."""
    bus: str = ""
    facts: Metadata = field(default_factory=dict)
    """Metadata keys of its kind: VLAN id, bond mode, tunnel ends."""
    slave: Metadata = field(default_factory=dict)
    """Metadata keys of what the master knows of it: of a bond's slave, of a bridge's port."""
    functions: tuple[Metadata, ...] | None = None
    """Virtual functions of its hardware; None where the message does not tell, as no event does."""

    @property
    def negotiates(self) -> bool:
        """Whether it is a bond with LACP or a member of one; no event tells what LACP comes to."""
        told = (self.facts.get("Bond"), self.slave.get("BondSlave"))
        return any(isinstance(each, dict) and "AggregatorId" in each for each in told)

    @property
    def filters_vlans(self) -> bool:
        """Whether it is a bridge that keeps VLANs apart."""
        bridge = self.facts.get("Bridge")
        return isinstance(bridge, dict) and bridge.get("VLANFiltering") is True


def is_interface(message: Message) -> bool:
    """Whether a link message is about an interface itself, not about its being a bridge's port (AF_BRIDGE)."""
    return message.end > message.start and message.data[message.start] == AF_UNSPEC


def link_index(message: Message) -> int:
    """Return the ifindex of a link message without decoding the rest."""
    if message.end - message.start < IFINFOMSG.size:
        raise WireError("link message is too short")
    return int(IFINFOMSG.unpack_from(message.data, message.start)[2])


def decode_port_facts(message: Message) -> Metadata:
    """Return what a bridge says of its port in a message of its own (AF_BRIDGE), {} where it says nothing.

    Changes by the spanning tree are told so only.
    """
    found = attributes(message.data, message.start + IFINFOMSG.size, message.end, _PORT)
    return slave_facts("bridge", found.get(IFLA_PROTINFO, b""))


def decode_link(message: Message) -> Link:
    """Return the interface that RTM_NEWLINK describes."""
    if message.end - message.start < IFINFOMSG.size:
        raise WireError("link message is too short")
    _, encap, ifindex, flags, _ = IFINFOMSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + IFINFOMSG.size, message.end, _WANTED)
    info = _info(found)
    kind = text(info.get(IFLA_INFO_KIND, b""))
    nsid = found.get(IFLA_LINK_NETNSID)
    facts, lower = kind_facts(kind, info.get(IFLA_INFO_DATA, b""))
    below = number(found[IFLA_LINK]) if IFLA_LINK in found and kind not in WITHOUT_LOWER else lower
    return Link(
        ifindex=ifindex,
        name=text(found.get(IFLA_IFNAME, b"")),
        kind=kind,
        encap=encap,
        flags=flags,
        mtu=number(found.get(IFLA_MTU, b"")),
        mac=found.get(IFLA_ADDRESS, b""),
        operstate=number(found.get(IFLA_OPERSTATE, b"")),
        master=number(found.get(IFLA_MASTER, b"")),
        link=0 if below == ifindex and nsid is None else below,
        link_nsid=None if nsid is None else signed(nsid),
        bus=text(found.get(IFLA_PARENT_DEV_NAME, b"")),
        facts={**facts, **_extras(found)},
        slave=slave_facts(text(info.get(IFLA_INFO_SLAVE_KIND, b"")), info.get(IFLA_INFO_SLAVE_DATA, b"")),
        functions=_functions(found) if IFLA_NUM_VF in found else None,
    )


def _functions(found: Attributes) -> tuple[Metadata, ...]:
    return tuple(decode_functions(found.get(IFLA_VFINFO_LIST, b""), len(found.get(IFLA_ADDRESS, b""))))


def _info(found: Attributes) -> Attributes:
    raw = found.get(IFLA_LINKINFO)
    return {} if raw is None else attributes(raw, 0, len(raw), _INFO)


def _extras(found: Attributes) -> Metadata:
    """Return an interface's other names, its queueing, its place in a switch of hardware, and its XDP program."""
    facts: Metadata = {}
    names: list[Json] = [
        text(value) for kind, value in repeated(found.get(IFLA_PROP_LIST, b"")) if kind == IFLA_ALT_IFNAME
    ]
    if names:
        facts["AltNames"] = names
    qdisc = text(found.get(IFLA_QDISC, b""))
    if qdisc not in ("", NO_QUEUE):
        facts["Qdisc"] = qdisc
    facts |= _place_in_hardware(found)
    xdp = dict(repeated(found.get(IFLA_XDP, b"")))
    attached = number(xdp.get(IFLA_XDP_ATTACHED, b""))
    if attached:
        facts["XDP"] = {
            "Mode": XDP_MODES.get(attached, f"mode{attached}"),
            "ProgID": number(xdp.get(IFLA_XDP_PROG_ID, b"")),
        }
    return facts


def _place_in_hardware(found: Attributes) -> Metadata:
    """Return which port of which switch chip an interface is or stands for, and which port of devlink."""
    port, switch = text(found.get(IFLA_PHYS_PORT_NAME, b"")), found.get(IFLA_PHYS_SWITCH_ID, b"").hex()
    facts: Metadata = {"PhysPortName": port, "PhysSwitchID": switch}
    devlink = dict(repeated(found.get(IFLA_DEVLINK_PORT, b"")))
    if DEVLINK_ATTR_PORT_INDEX in devlink:
        bus, device = (text(devlink.get(each, b"")) for each in (DEVLINK_ATTR_BUS_NAME, DEVLINK_ATTR_DEV_NAME))
        facts["DevlinkPort"] = f"{bus}/{device}/{number(devlink[DEVLINK_ATTR_PORT_INDEX])}"
    return {key: value for key, value in facts.items() if value}
