# SPDX-License-Identifier: Apache-2.0
"""Guests in namespaces, each on a network of its own with a gateway that leases, resolves and serves metadata.

A guest does what a VM does when it boots: it asks for a lease, pings its gateway, resolves a name, fetches metadata.
`fault` breaks one thing of its network: dhcp, vlan, arp, mtu or metadata. A silent guest has its address and says
nothing.
"""

import secrets
import subprocess
import sys
from pathlib import Path

from demo.switch import Switch

METADATA = "169.254.169.254"
NARROW_MTU = 1400
_SCRIPT = """#!/bin/busybox sh
[ "$1" = bound ] || exit 0
busybox ip addr add $ip/$mask dev $interface
busybox ip route add default via $router
"""
_BOOT = """
busybox ip link set lo up
busybox ip link set eth0 up
busybox udhcpc -i eth0 -n -q -f -t 4 -T 1 -A 1 -s {script} || exit 1
gateway=$(busybox ip route | busybox awk '/default/ {{print $3}}')
busybox ping -c 1 -W 1 $gateway
busybox nslookup -type=a vm.example.test $gateway
busybox nc -w 1 {metadata} 80 < /dev/null
exit 0
"""


class Guests:
    """Everything that was made, with the prefix of its names; `close` takes it back."""

    def __init__(self, folder: Path) -> None:
        self.prefix = f"c{secrets.token_hex(2)}"
        self._folder = folder
        self._namespaces: list[str] = []
        self._links: list[str] = []
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._script = folder / "lease"
        self._script.write_text(_SCRIPT)
        self._script.chmod(0o755)
        self.number = 0

    def network(self, name: str, *, fault: str = "", switch: Switch | None = None) -> str:
        """Make a network with its gateway; returns the name of its bridge."""
        bridge, port, inside = f"{self.prefix}{name}b", f"{self.prefix}{name}p", f"{self.prefix}{name}d"
        if switch is not None:
            switch.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
        else:
            _ip("link", "add", bridge, "type", "bridge")
            _ip("link", "set", bridge, "up")
            self._links.append(bridge)
        gateway = self._namespace(f"{name}g")
        _ip("link", "add", port, "type", "veth", "peer", "name", inside, "netns", gateway)
        self._links.append(port)
        self.number += 1
        address = f"10.77.{self.number}.1"
        if switch is not None:
            switch.vsctl("add-port", bridge, port, "tag=1")
        else:
            _ip("link", "set", port, "master", bridge)
        _ip("link", "set", port, "up")
        for command in (
            ("addr", "add", f"{address}/24", "dev", inside),
            ("addr", "add", f"{METADATA}/32", "dev", "lo"),
        ):
            _ip("-n", gateway, *command)
        for link in ("lo", inside):
            _ip("-n", gateway, "link", "set", link, "up")
        if fault == "mtu":
            _ip("link", "set", port, "mtu", str(NARROW_MTU))
        if fault != "dhcp":
            self._dnsmasq(gateway, inside, address)
        if fault != "metadata":
            self._start(gateway, "busybox", "httpd", "-f", "-p", f"{METADATA}:80", "-h", str(self._folder))
        if fault == "arp":
            self._impostor(name, bridge, address)
        return bridge

    def guest(self, name: str, bridge: str, *, switch: Switch | None = None) -> str:
        """Boot a guest on a network; returns the name of its interface on the host."""
        namespace, tap = self._plugged(name, bridge, switch)
        self._start(namespace, "busybox", "sh", "-c", _BOOT.format(script=self._script, metadata=METADATA))
        return tap

    def silent_guest(self, name: str, bridge: str) -> str:
        """Make a guest on the latest network that has an address and a route, and says nothing of itself."""
        namespace, tap = self._plugged(name, bridge, None, kind="u")
        network = f"10.77.{self.number}"
        _ip("-n", namespace, "addr", "add", f"{network}.9/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        _ip("-n", namespace, "route", "add", "default", "via", f"{network}.1")
        return tap

    def _plugged(self, name: str, bridge: str, switch: Switch | None, *, kind: str = "t") -> tuple[str, str]:
        """Return the namespace of a guest that hangs on a network, and the name of its interface on the host."""
        tap = f"{self.prefix}{kind}{name}"
        namespace = self._namespace(name)
        _ip("link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._links.append(tap)
        if switch is not None:
            switch.vsctl("add-port", bridge, tap, "tag=2")
        else:
            _ip("link", "set", tap, "master", bridge)
        _ip("link", "set", tap, "up")
        return namespace, tap

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.kill()
            daemon.wait()
        for link in self._links:
            subprocess.run(["ip", "link", "del", link], check=False, capture_output=True)
        for namespace in self._namespaces:
            _ip("netns", "del", namespace)

    def _impostor(self, name: str, bridge: str, address: str) -> None:
        """Let somebody else have the gateway's address as well."""
        port, namespace = f"{self.prefix}{name}i", self._namespace(f"{name}i")
        _ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._links.append(port)
        _ip("link", "set", port, "master", bridge)
        _ip("link", "set", port, "up")
        _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")

    def _dnsmasq(self, namespace: str, interface: str, address: str) -> None:
        network = address.rpartition(".")[0]
        self._start(
            namespace,
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping"),
            *(f"--interface={interface}", "--bind-interfaces", "--except-interface=lo"),
            *(f"--dhcp-range={network}.10,{network}.200,1h", f"--dhcp-option=option:router,{address}"),
            *(f"--dhcp-leasefile={self._folder / namespace}", "--address=/example.test/10.1.2.3", "--user=root"),
            *("--pid-file=", "--log-facility=-"),
        )

    def _namespace(self, name: str) -> str:
        made = f"{self.prefix}n{name}"
        _ip("netns", "add", made)
        self._namespaces.append(made)
        return made

    def _start(self, namespace: str, *command: str) -> None:
        sink = subprocess.DEVNULL
        self._daemons.append(
            subprocess.Popen(["ip", "netns", "exec", namespace, *command], stdin=sink, stdout=sink, stderr=sink)
        )


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)  # noqa: T201
        done.check_returncode()
