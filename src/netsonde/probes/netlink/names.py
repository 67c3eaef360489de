# SPDX-License-Identifier: Apache-2.0
"""The kernel's numbers and the words users see for them.

Sources: linux/if.h, if_arp.h, neighbour.h, if_bonding.h and RFC 2863 for the operational states.
"""

from typing import Final

OPERSTATE: Final = ("UNKNOWN", "NOT-PRESENT", "DOWN", "LOWER-LAYER-DOWN", "TESTING", "DORMANT", "UP")

PORT_STATES: Final = ("DISABLED", "LISTENING", "LEARNING", "FORWARDING", "BLOCKING")
"""BR_STATE_* of linux/if_bridge.h."""

LINK_FLAGS: Final = (
    (0x1, "UP"),
    (0x2, "BROADCAST"),
    (0x4, "DEBUG"),
    (0x8, "LOOPBACK"),
    (0x10, "POINTTOPOINT"),
    (0x20, "NOTRAILERS"),
    (0x40, "RUNNING"),
    (0x80, "NOARP"),
    (0x100, "PROMISC"),
    (0x200, "ALLMULTI"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x1000, "MULTICAST"),
    (0x2000, "PORTSEL"),
    (0x4000, "AUTOMEDIA"),
    (0x8000, "DYNAMIC"),
    (0x10000, "LOWER_UP"),
    (0x20000, "DORMANT"),
    (0x40000, "ECHO"),
)

ENCAP_TYPE: Final = {
    0: "netrom",
    1: "ether",
    2: "eether",
    6: "ieee802",
    7: "arcnet",
    24: "ieee1394",
    32: "infiniband",
    256: "slip",
    270: "rose",
    280: "can",
    290: "mctp",
    512: "ppp",
    513: "hdlc",
    519: "rawip",
    768: "ipip",
    769: "tunnel6",
    770: "frad",
    772: "loopback",
    776: "sit",
    778: "gre",
    779: "irda",
    801: "ieee802.11",
    802: "ieee802.11/prism",
    803: "ieee802.11/radiotap",
    804: "ieee802.15.4",
    805: "ieee802.15.4/monitor",
    820: "phonet",
    823: "gre6",
    824: "netlink",
    825: "6lowpan",
    826: "vsockmon",
    65534: "none",
    65535: "void",
}

NEIGHBOUR_STATES: Final = (
    (0x01, "NUD_INCOMPLETE"),
    (0x02, "NUD_REACHABLE"),
    (0x04, "NUD_STALE"),
    (0x08, "NUD_DELAY"),
    (0x10, "NUD_PROBE"),
    (0x20, "NUD_FAILED"),
    (0x40, "NUD_NOARP"),
    (0x80, "NUD_PERMANENT"),
)

NEIGHBOUR_FLAGS: Final = (
    (0x01, "NTF_USE"),
    (0x02, "NTF_SELF"),
    (0x04, "NTF_MASTER"),
    (0x08, "NTF_PROXY"),
    (0x10, "NTF_EXT_LEARNED"),
    (0x20, "NTF_OFFLOADED"),
    (0x40, "NTF_STICKY"),
    (0x80, "NTF_ROUTER"),
)

LACP: Final = "802.3ad"
BOND_MODES: Final = (
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    LACP,
    "balance-tlb",
    "balance-alb",
)
LACP_RATES: Final = ("slow", "fast")
BOND_HASHES: Final = ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")
"""BOND_XMIT_POLICY_* of linux/if_bonding.h."""
BOND_SLAVE_STATES: Final = ("ACTIVE", "BACKUP")
MII_STATES: Final = ("UP", "GOING_DOWN", "DOWN", "GOING_BACK")

TYPES: Final = {"": "device", "tun": "tuntap"}
"""Types that are not the kernel's kind: a device without a kind, and tun and tap, which are one kind."""

DRIVERS: Final = {
    **dict.fromkeys(("veth", "bridge", "vxlan", "geneve", "macvlan", "ipvlan", "dummy", "tun", "openvswitch"), ""),
    "bond": "bonding",
    "vlan": "802.1Q VLAN Support",
    "macvtap": "macvlan",
}
"""What ethtool says of software kinds, "" = the same word: asking the kernel would cost an ioctl for each."""

PAIR_KINDS: Final = frozenset({"veth", "netkit", "vxcan"})
"""Kinds whose IFLA_LINK names the other end; for all others it names the device below."""


def words(value: int, table: tuple[tuple[int, str], ...]) -> list[str]:
    """Return the words for the bits that are set, in the order of the table."""
    return [word for bit, word in table if value & bit]


def pick(table: tuple[str, ...], index: int) -> str:
    """Return a word of a table, or the number for one that it does not know."""
    return table[index] if 0 <= index < len(table) else str(index)
