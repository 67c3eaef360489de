# SPDX-License-Identifier: Apache-2.0
"""What a cloud gives a guest: a bridge, DHCP and DNS from dnsmasq, a metadata service on 169.254.169.254.

One thing can be broken: `fault` is dhcp (nobody leases), vlan (the guest's port has another tag than the gateway's),
mtu (the gateway's port carries less than the guest's), metadata (nobody serves them) or arp (somebody else claims the
gateway's address).

All of it lives behind one port of the bridge, in a network namespace of its own: the machine's own addresses and
routes, and its own metadata service if it is a VM itself, stay as they are.
"""

import subprocess
import sys
from pathlib import Path

from demo.switch import Switch

GATEWAY = "10.99.0.1"
METADATA = "169.254.169.254"
FAULTS = ("dhcp", "vlan", "mtu", "metadata", "arp")
NARROW_MTU = 1400
SERVICE = """
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"{instance}" if self.path.endswith("/instance-id") else b"instance-id\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("{address}", 80), Answer).serve_forever()
"""


# The switch in userspace gets packets of a veth as they are; a card that finishes their checksums does not follow.
FINISH_CHECKSUMS = """
import array, fcntl, socket, struct, sys
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
request = struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0])
fcntl.ioctl(socket.socket(), SIOCETHTOOL, request)
"""


class Cloud:
    """Bridge `bridge` with a gateway in the namespace `netns`; `plug` adds what libvirt and Nova would add."""

    def __init__(self, switch: Switch, folder: Path, suffix: str, fault: str = "") -> None:
        self._switch = switch
        self._folder = folder
        self.bridge = f"nsbr{suffix}"
        self.netns = f"nsgw-{suffix}"
        self._impostor_netns = f"nsim-{suffix}"
        self.gateway_port = f"nsgw{suffix}"
        """Name of the interface of the gateway, in its namespace."""
        self._fault = fault
        self._taps: list[str] = []
        self._servers: list[subprocess.Popen[bytes]] = []

    def start(self, instance: str) -> None:
        port = self.gateway_port
        self._switch.vsctl("add-br", self.bridge, "--", "set", "bridge", self.bridge, "datapath_type=netdev")
        if self._fault == "mtu":
            self._narrow_port(port, self.netns)
        else:
            self._port(port, self.netns, *(["tag=1"] if self._fault == "vlan" else []))
        _ip("-n", self.netns, "addr", "add", f"{METADATA}/32", "dev", port)
        self._serve("dnsmasq", *self._dnsmasq(port))
        if self._fault != "metadata":
            self._serve(sys.executable, "-c", SERVICE.format(instance=instance, address=METADATA))
        if self._fault == "arp":
            self._port(f"{port}i", self._impostor_netns)

    def plug(self, tap: str, mac: str, uuid: str) -> None:
        """Make a tap and add it to the bridge with the external_ids that libvirt writes, in libvirt's order."""
        _ip("tuntap", "add", "dev", tap, "mode", "tap")
        self._taps.append(tap)
        _ip("link", "set", tap, "address", "fe" + mac[2:], "up")
        self._switch.vsctl(
            *("add-port", self.bridge, tap, *(["tag=2"] if self._fault == "vlan" else [])),
            *("--", "set", "interface", tap),
            *(f"external_ids:vm-id={uuid}", f'external_ids:attached-mac="{mac}"', "external_ids:iface-status=active"),
        )

    def _port(self, port: str, netns: str, *options: str) -> None:
        """Add a port to the bridge that has the gateway's address in a namespace."""
        self._switch.vsctl("add-port", self.bridge, port, *options, "--", "set", "interface", port, "type=internal")
        _ip("netns", "add", netns)
        _ip("link", "set", port, "netns", netns)
        self._configure(port, netns)

    def _narrow_port(self, port: str, netns: str) -> None:
        """Add a veth whose end at the bridge carries less than all others."""
        _ip("netns", "add", netns)
        _ip("link", "add", f"{port}o", "type", "veth", "peer", "name", port, "netns", netns)
        self._taps.append(f"{port}o")
        _ip("link", "set", f"{port}o", "mtu", str(NARROW_MTU), "up")
        subprocess.run(["ip", "netns", "exec", netns, sys.executable, "-c", FINISH_CHECKSUMS, port], check=True)
        self._configure(port, netns)
        self._switch.vsctl("add-port", self.bridge, f"{port}o")

    def _configure(self, port: str, netns: str) -> None:
        _ip("-n", netns, "addr", "add", f"{GATEWAY}/24", "dev", port)
        for link in ("lo", port):
            _ip("-n", netns, "link", "set", link, "up")

    def stop(self) -> None:
        for server in self._servers:
            server.terminate()
            server.wait(5)
        for tap in self._taps:
            subprocess.run(["ip", "link", "del", tap], check=False, stderr=subprocess.DEVNULL)
        for netns in (self.netns, self._impostor_netns):
            subprocess.run(["ip", "netns", "del", netns], check=False, stderr=subprocess.DEVNULL)

    def _dnsmasq(self, port: str) -> tuple[str, ...]:
        return (
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--bind-interfaces",
            f"--interface={port}",
            *([] if self._fault == "dhcp" else ["--dhcp-range=10.99.0.50,10.99.0.90,255.255.255.0,1h"]),
            f"--dhcp-leasefile={self._folder / 'leases'}",
            f"--address=/metadata.netsonde.test/{METADATA}",
            "--dhcp-authoritative",
            "--log-facility=/dev/null",
            "--user=root",
            f"--pid-file={self._folder / 'dnsmasq.pid'}",
        )

    def _serve(self, *command: str) -> None:
        inside = ["ip", "netns", "exec", self.netns, *command]
        self._servers.append(subprocess.Popen(inside, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
