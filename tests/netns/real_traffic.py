# SPDX-License-Identifier: Apache-2.0
"""Two namespaces joined by a veth, a VXLAN over it, bridges and taps; real programs that talk through all, tcpdump."""

import ctypes
import fcntl
import functools
import json
import os
import secrets
import select
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from netns.frames import wait_until

PROGRAMS = ("tcpdump", "tshark", "curl", "openssl", "dnsmasq", "busybox", "bash", "ip", "dig", "iperf3", "dhclient")
PREFIXES = {"veth": (".77", "77"), "vxlan": (".78", "78"), "bridge": (".79", "79"), "tap": (".80", "80")}
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
_MARK = b"the last datagram"
_PATIENCE = 20.0


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL)


def wait_for_end(file: Path) -> None:
    """Wait until tcpdump has written the last datagram; it tells nobody when it does."""
    deadline = time.monotonic() + _PATIENCE
    while _MARK not in file.read_bytes():
        assert time.monotonic() < deadline, f"the end of {file.name} did not come within {_PATIENCE:.0f} s"
        wait_until(time.monotonic() + 0.02)


class Lab:
    """`client` and `server` are namespaces; each interface has an IPv4 and an IPv6 address at either end."""

    def __init__(self, folder: Path) -> None:
        stem = secrets.token_hex(3)
        self.client, self.server = f"c{stem}", f"s{stem}"
        self.folder = folder
        self._stack = ExitStack()

    def addresses(self, link: str) -> tuple[str, str]:
        """Return the server's addresses on a link."""
        four, six = PREFIXES[link]
        return f"10{four}.0.2", f"fd{six}::2"

    def place(self, link: str) -> tuple[int, int]:
        """Return the inode of the client's namespace, and the ifindex of a link there."""
        shown = subprocess.run(("ip", "-n", self.client, "-j", "link"), check=True, capture_output=True).stdout
        (ifindex,) = (one["ifindex"] for one in json.loads(shown) if one["ifname"] == link)
        return Path(f"/run/netns/{self.client}").stat().st_ino, ifindex

    def inside(self, namespace: str, *command: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", namespace, *command)

    def __enter__(self) -> "Lab":
        with ExitStack() as stack:
            for namespace in (self.client, self.server):
                run("ip", "netns", "add", namespace)
                stack.callback(run, "ip", "netns", "del", namespace, check=False)
            for name in ("veth", "port"):
                peer = ("peer", "name", name, "netns", self.server)
                run("ip", "-n", self.client, "link", "add", name, "type", "veth", *peer)
            stack.enter_context(cable((self.client, self.server), "tap"))
            for place, namespace in enumerate((self.client, self.server), 1):
                self._configure(namespace, str(place), str(3 - place))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _configure(self, namespace: str, own: str, other: str) -> None:
        ip = ("ip", "-n", namespace)
        run(*ip, "link", "set", "lo", "up")
        for link, (four, six) in PREFIXES.items():
            if link == "vxlan":
                ends = ("local", f"10.77.0.{own}", "remote", f"10.77.0.{other}")
                run(*ip, "link", "add", "vxlan", "type", "vxlan", "id", "42", "dstport", "4789", *ends)
            if link == "bridge":
                run(*ip, "link", "add", "bridge", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
                run(*ip, "link", "set", "port", "master", "bridge", "up")
            run(*ip, "addr", "add", f"10{four}.0.{own}/24", "dev", link)
            run(*ip, "addr", "add", f"fd{six}::{own}/64", "dev", link, "nodad")
            # Nothing is fragmented: what a segment in pieces counts for is another test's business.
            run(*ip, "link", "set", link, "mtu", "1400" if link == "vxlan" else "1500", "up")

    def start(self, namespace: str, *command: str, says: bytes) -> "subprocess.Popen[bytes]":
        """Start a program and return it; it has said `says` by then."""
        process = subprocess.Popen(
            self.inside(namespace, *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        for line in process.stdout:
            if says in line:
                return process
        raise AssertionError(f"{command[0]} ended without {says!r}")

    def ask(self, *command: str, check: bool = True) -> None:
        """Run a program in the client's namespace."""
        run(*self.inside(self.client, *command), check=check)

    @contextmanager
    def recorded(self, *links: str) -> Iterator[dict[str, Path]]:
        """Record interfaces of the client; the files are whole behind the block."""
        files = {link: self.folder / f"{link}.pcap" for link in links}
        recorders = []
        for link, file in files.items():
            # 16 MiB: on a busy machine some milliseconds pass until it reads.
            command = ("tcpdump", "-i", link, "-w", str(file), "-U", "-B", "16384", "--immediate-mode", "-Z", "root")
            recorders.append(self.start(self.client, *command, says=b"listening on"))
        yield files
        for link, file in files.items():
            self.ask("bash", "-c", f"echo -n '{_MARK.decode()}' > /dev/udp/{self.addresses(link)[0]}/9")
            wait_for_end(file)
        # What the kernel says a moment later, MLD reports above all, would be in one reading and not in the other: the
        # first link, whose packets others count as well, is recorded until they stop.
        for recorder in reversed(recorders):
            _end(recorder)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def start_servers(lab: Lab) -> None:
    """HTTP on 8080, TLS on 8443, DNS, DHCP for both versions, iperf3."""
    (lab.folder / "data").write_bytes(os.urandom(150_000))
    key, certificate = lab.folder / "key.pem", lab.folder / "certificate.pem"
    subject = ("-subj", "/CN=example.test", "-days", "1")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
    run("openssl", "req", "-x509", *new_key, *subject, "-out", str(certificate))
    lab.start(lab.server, "python3", "-u", "-m", "http.server", "--bind", "::", "8080", says=b"Serving")
    keys = ("-cert", str(certificate), "-key", str(key))
    tls = ("s_server", "-accept", "8443", "-www", "-alpn", "http/1.1")
    lab.start(lab.server, "openssl", *tls, *keys, says=b"ACCEPT")
    lab.start(
        lab.server,
        *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", "--no-resolv", "--no-hosts", "--no-ping"),
        *(f"--pid-file={lab.folder}/pid", f"--dhcp-leasefile={lab.folder}/leases"),
        *("--address=/example.test/10.77.0.9", "--address=/example.test/fd77::9"),
        *("--dhcp-range=10.77.0.100,10.77.0.150,1h", "--dhcp-range=fd77::100,fd77::150,64,1h"),
        says=b"started",
    )
    lab.start(lab.server, "iperf3", "-s", "--forceflush", says=b"listening")


def talk(lab: Lab, link: str) -> None:
    """Let clients speak over a link, in IPv4 and IPv6: each in their way, some refused."""
    for address in lab.addresses(link):
        end = f"[{address}]" if ":" in address else address
        lab.ask("busybox", "ping", "-c", "2", "-i", "0.1", address)
        web = ("curl", "-s", "--resolve", f"www.example.test:8080:{end}", "--resolve", f"tls.example.test:8443:{end}")
        for url in ("http://www.example.test:8080/data", "http://www.example.test:8080/nothing"):
            lab.ask(*web, "-o", "/dev/null", url)
        lab.ask(*web, "-k", "-o", "/dev/null", "https://tls.example.test:8443/")
        older = ("-tls1_2", "-servername", "older.example.test")
        lab.ask("openssl", "s_client", "-connect", f"{end}:8443", *older)
        for kind in ("a", "aaaa"):
            lab.ask("dig", "+tries=1", f"@{address}", f"{link}.example.test", kind)
        lab.ask("bash", "-c", f"printf 'GET /data HTTP/1.0\\r\\n\\r\\n' | busybox nc {address} 8080")
        lab.ask("curl", "-s", f"http://{end}:7/", check=False)
        lab.ask("bash", "-c", f"echo x > /dev/udp/{address}/7", check=False)


def measure(lab: Lab, link: str) -> None:
    """Send much at once: over TCP a bulk that is acknowledged, over UDP what may be lost."""
    for address in lab.addresses(link):
        lab.ask("iperf3", "-c", address, "-n", "200K")
        lab.ask("iperf3", "-c", address, "-u", "-n", "50K", "-b", "20M")


def lease(lab: Lab) -> None:
    """Get an address of each version over the veth."""
    lab.ask("busybox", "udhcpc", "-i", "veth", "-n", "-q", "-f", "-s", "/bin/true")
    state = ("-lf", f"{lab.folder}/leases6", "-pf", f"{lab.folder}/pid6")
    lab.start(lab.client, "dhclient", "-6", "-1", "-v", "-d", *state, "-sf", "/bin/true", "veth", says=b"Reply")


@contextmanager
def cable(namespaces: tuple[str, str], name: str) -> Iterator[None]:
    """A tap of that name in each namespace, and somebody who carries frames between them, as between two VMs."""
    with ThreadPoolExecutor(1) as elsewhere:
        # A thread of its own: namespaces are those of threads.
        taps = elsewhere.submit(lambda: [_tap(namespace, name) for namespace in namespaces]).result()
    stop, stopped = os.pipe()
    carrier = threading.Thread(target=_carry, args=(taps[0], taps[1], stop), name="cable")
    carrier.start()
    try:
        yield
    finally:
        os.close(stopped)
        carrier.join()
        for fd in (*taps, stop):
            os.close(fd)


def _tap(namespace: str, name: str) -> int:
    with Path(f"/run/netns/{namespace}").open("rb") as place:
        assert ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) == 0, os.strerror(
            ctypes.get_errno()
        )
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def _carry(one: int, other: int, stop: int) -> None:
    across = {one: other, other: one}
    while True:
        ready, _, _ = select.select([one, other, stop], [], [])
        if stop in ready:
            return
        for fd in ready:
            # EIO while an end is down: then there is nobody to hear it.
            with suppress(BlockingIOError, OSError):
                os.write(across[fd], os.read(fd, 65_536))


Row = dict[str, str]


@functools.cache
def read_by_tshark(file: Path, fields: tuple[str, ...]) -> list[Row]:
    """Return fields of all packets, by their names; several values are separated by commas, the outermost first."""
    names = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-r", str(file), "-n", "-T", "fields", "-E", "occurrence=a", *names]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in text.splitlines()]
