# SPDX-License-Identifier: Apache-2.0
"""Makes network devices in the namespace that it runs in and speaks on each as soon as it is up.

    python speak.py PREFIX

Prints the inode of the namespace, and begins when a line comes: who wants to hear it all has to be there by then.
Then prints the names of the devices by kind, and the kinds that this kernel has not. Afterwards it speaks on each
device that a line names; when standard input ends, its tun and tap devices go.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

FRAMES = 5
MARK = b"every kind"
TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_TAP, IFF_NO_PI = 1, 2, 0x1000
ETH_P_IP = 0x0800
LOWER = ("link add {lower} type veth peer name {lower}p", "link set {lower}p up", "link set {lower} up")
ON_A_LOWER = ("macvlan", "macvtap", "ipvlan")
TUNNELS = ("gre", "gretap", "ipip", "sit", "vti")

KINDS: dict[str, tuple[str, ...]] = {
    "veth": ("link add {name} type veth peer name {name}p", "link set {name}p up"),
    # Without a port a bridge has no carrier, and without a carrier nothing is sent.
    "bridge": (*LOWER, "link add {name} type bridge", "link set {lower} master {name}"),
    "vxlan": (*LOWER, "link add {name} type vxlan id 42 dev {lower} remote 192.0.2.1 dstport 4789"),
    "geneve": ("link add {name} type geneve id 42 remote 192.0.2.1",),
    "vlan": (*LOWER, "link add link {lower} name {name} type vlan id 42"),
    "bond": (*LOWER, "link add {name} type bond", "link set {lower} down", "link set {lower} master {name}"),
    "dummy": ("link add {name} type dummy",),
    "ifb": ("link add {name} type ifb",),
    "vrf": ("link add {name} type vrf table 42",),
    "wireguard": ("link add {name} type wireguard",),
    "netkit": ("link add {name} type netkit peer name {name}p", "link set {name}p up"),
    "ip6tnl": ("link add {name} type ip6tnl local 2001:db8::1 remote 2001:db8::2",),
    **{kind: (*LOWER, f"link add {{name}} link {{lower}} type {kind}") for kind in ON_A_LOWER},
    **{kind: (f"link add {{name}} type {kind} local 192.0.2.2 remote 192.0.2.1",) for kind in TUNNELS},
}


def make(kind: str, name: str) -> bool:
    """Make a device and set it up; False when the kernel does not know the kind."""
    lower = f"{name[:12]}l"
    for command in (*KINDS[kind], "link set {name} up"):
        done = subprocess.run(["ip", *command.format(name=name, lower=lower).split()], capture_output=True, check=False)
        if done.returncode != 0:
            return False
    return True


def open_tun(name: str, flags: int) -> object:
    """Make a tun or tap device; it lives as long as what is returned."""
    device = open("/dev/net/tun", "r+b", buffering=0)  # noqa: SIM115  closed by the end of the process
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return device


def speak(name: str) -> None:
    """Send numbered packets on a device: whole frames where it has Ethernet headers, bare IP elsewhere."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.bind((name, 0))
        has_ethernet = sender.getsockname()[3] in (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK
        header = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00" if has_ethernet else b""
        for number in range(FRAMES):
            sender.sendto(header + packet(number), (name, ETH_P_IP))


def packet(number: int) -> bytes:
    """Return an IPv4 packet of an experimental protocol (RFC 3692), numbered in its payload."""
    payload = MARK + bytes([number])
    return (
        struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, 253, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        + payload
    )


def tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(prefix: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tell({"inode": os.stat("/proc/self/ns/net").st_ino})
    sys.stdin.readline()
    names = {kind: f"{prefix}{kind}" for kind in KINDS if make(kind, f"{prefix}{kind}")}
    held = []
    for kind, flags in (("tap", IFF_TAP), ("tun", IFF_TUN)):
        names[kind] = f"{prefix}{kind}"
        held.append(open_tun(names[kind], flags))
    for name in names.values():
        speak(name)
    tell({"made": names, "unknown": sorted(KINDS.keys() - names.keys())})
    for line in sys.stdin:
        speak(line.strip())


if __name__ == "__main__":
    main(sys.argv[1])
