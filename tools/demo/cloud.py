# SPDX-License-Identifier: Apache-2.0
"""What a cloud gives a guest: a bridge, DHCP and DNS from dnsmasq, a metadata service on 169.254.169.254.

All of it lives behind one port of the bridge, in a network namespace of its own: the machine's own addresses and
routes, and its own metadata service if it is a VM itself, stay as they are.
"""

import subprocess
import sys
from pathlib import Path

from demo.switch import Switch

GATEWAY = "10.99.0.1"
METADATA = "169.254.169.254"
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


class Cloud:
    """Bridge `bridge` with a gateway in the namespace `netns`; `plug` adds what libvirt and Nova would add."""

    def __init__(self, switch: Switch, folder: Path, suffix: str) -> None:
        self._switch = switch
        self._folder = folder
        self.bridge = f"nsbr{suffix}"
        self.netns = f"nsgw-{suffix}"
        self._gateway_port = f"nsgw{suffix}"
        self._taps: list[str] = []
        self._servers: list[subprocess.Popen[bytes]] = []

    def start(self, instance: str) -> None:
        port = self._gateway_port
        self._switch.vsctl("add-br", self.bridge, "--", "set", "bridge", self.bridge, "datapath_type=netdev")
        self._switch.vsctl("add-port", self.bridge, port, "--", "set", "interface", port, "type=internal")
        _ip("netns", "add", self.netns)
        _ip("link", "set", port, "netns", self.netns)
        _ip("-n", self.netns, "link", "set", "lo", "up")
        _ip("-n", self.netns, "addr", "add", f"{GATEWAY}/24", "dev", port)
        _ip("-n", self.netns, "addr", "add", f"{METADATA}/32", "dev", port)
        _ip("-n", self.netns, "link", "set", port, "up")
        self._serve("dnsmasq", *self._dnsmasq(port))
        self._serve(sys.executable, "-c", SERVICE.format(instance=instance, address=METADATA))

    def plug(self, tap: str, mac: str, uuid: str) -> None:
        """Make a tap and add it to the bridge with the external_ids that libvirt writes, in libvirt's order."""
        _ip("tuntap", "add", "dev", tap, "mode", "tap")
        self._taps.append(tap)
        _ip("link", "set", tap, "address", "fe" + mac[2:], "up")
        self._switch.vsctl(
            *("add-port", self.bridge, tap, "--", "set", "interface", tap),
            *(f"external_ids:vm-id={uuid}", f'external_ids:attached-mac="{mac}"', "external_ids:iface-status=active"),
        )

    def stop(self) -> None:
        for server in self._servers:
            server.terminate()
            server.wait(5)
        for tap in self._taps:
            subprocess.run(["ip", "link", "del", tap], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "del", self.netns], check=False, stderr=subprocess.DEVNULL)

    def _dnsmasq(self, port: str) -> tuple[str, ...]:
        return (
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--bind-interfaces",
            f"--interface={port}",
            "--dhcp-range=10.99.0.50,10.99.0.90,255.255.255.0,1h",
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
