# SPDX-License-Identifier: Apache-2.0
"""The story, played on this machine: a capture waits, a VM boots, its first packets are there, a check judges them.

usage: make demo [FAULT=dhcp|vlan|mtu|metadata|arp] [ARGS="--once"]    (root)

FAULT breaks one thing of the VM's network: the check has to name it. --once ends after the verdict instead of leaving
the page open; then the exit status is 0 if the check found what there was to find.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from demo import machine
from demo.cloud import FAULTS, METADATA, Cloud
from demo.switch import Switch

ROOT = Path(__file__).resolve().parents[2]
QUERY = "G.V().HasKey('ExtID.vm-id')"
BOOT_WITHIN = 90.0
CHECKED_WITHIN_MS = 45_000
"""After the tap was made, so that a slow machine has time to boot."""
FAILS = {"dhcp": "dhcp", "vlan": "dhcp", "mtu": "mtu", "metadata": "tcp", "arp": "gateway"}
"""The first step that has to fail under a fault."""
FIRST_SHOWN = 60


class Demo:
    """Everything of the demo; `close` leaves nothing of it behind."""

    def __init__(self, port: int, fault: str = "") -> None:
        self.fault = fault
        self.folder = Path(tempfile.mkdtemp(prefix="nsdemo-"))
        suffix = secrets.token_hex(2)
        self.tap = f"tap{suffix}"
        self.vm_id = str(uuid.uuid4())
        self.switch = Switch(self.folder)
        self.cloud = Cloud(self.switch, self.folder, suffix, fault)
        self.url = f"http://127.0.0.1:{port}"
        self.netsonde: subprocess.Popen[bytes] | None = None
        self.vm: subprocess.Popen[bytes] | None = None
        self.console = self.folder / "console"

    def start_netsonde(self) -> None:
        environment = {**os.environ, "NETSONDE_PROBES_OVSDB_ADDRESSES": f"unix:{self.switch.socket}"}
        with (self.folder / "netsonde.log").open("wb") as log:
            self.netsonde = subprocess.Popen(
                [
                    *(sys.executable, "-m", "netsonde", "allinone"),
                    *("--listen", self.url.removeprefix("http://"), "--state-dir", str(self.folder / "state")),
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait(lambda: self.answers("/readyz"), 40, "Netsonde to be ready")

    def boot(self) -> float:
        """Plug the tap, start the machine; returns when the tap was made (Unix seconds)."""
        mac = "02:00:00:" + ":".join(f"{byte:02x}" for byte in os.urandom(3))
        made = time.time()
        self.cloud.plug(self.tap, mac, self.vm_id)
        self.vm = machine.start(ROOT / "build/vm", tap=self.tap, mac=mac, uuid=self.vm_id, console=self.console)
        return made

    def is_booted(self) -> bool:
        return self.console.exists() and "GUEST ready" in self.console.read_text(errors="replace")

    def call(self, path: str, body: object = None, accept: str = "application/json") -> Any:
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Accept": accept, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, condition: Any, within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline or (self.netsonde is not None and self.netsonde.poll() is not None):
                log = self.folder / "netsonde.log"
                tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
                raise RuntimeError(f"waited {within:g} s for {what} in vain\n{tail}")
            time.sleep(0.1)  # noqa: TID251  other processes: only their answers tell

    def close(self) -> None:
        # A second Ctrl-C must not leave half of it behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in (self.vm, self.netsonde):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(8)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.cloud.stop()
        self.switch.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def play(demo: Demo) -> bool:
    """Play it; tells whether the check found what there was to find."""
    say("preparing a virtual machine (the first time its kernel is fetched)")
    machine.build(ROOT / "build/vm")
    broken = f"; one thing is broken: {demo.fault}" if demo.fault else ""
    say(f"starting a switch of its own, DHCP, DNS and a metadata service on {METADATA}{broken}")
    demo.switch.start()
    demo.cloud.start(demo.vm_id)
    say("starting Netsonde")
    demo.start_netsonde()
    say(f"the page: {demo.url}/", strong=True)
    capture = demo.call("/api/capture", {"GremlinQuery": QUERY, "Name": "every new VM"})["UUID"]
    demo.wait(lambda: status_of(demo, capture)["State"] == "waiting", 10, "the capture to wait")
    say(
        f"a capture was created for {QUERY}; it is {status_of(demo, capture)['State']}: "
        f"{status_of(demo, capture)['Reason']}",
        strong=True,
    )
    check = create_check(demo)
    say("a check says what must be true of it: a lease, its gateway, DNS, metadata, and that large packets pass")
    say("booting a virtual machine")
    made = demo.boot()
    demo.wait(lambda: status_of(demo, capture)["State"] == "active", 20, "the capture to turn active")
    node = status_of(demo, capture)["Nodes"][0]
    say(
        f"the capture is active on {node['Name']}, {node['Since'] / 1000 - made:.3f} s after the tap was made; "
        f"{node['LookbackPackets']} packets came from before it matched",
        strong=True,
    )
    demo.wait(demo.is_booted, BOOT_WITHIN, "the machine to boot")
    show_timeline(demo, capture, made)
    found = show_verdict(demo, check)
    say(f"all of it is on the page: {demo.url}/", strong=True)
    return found


def create_check(demo: Demo) -> str:
    """Create the check; returns its UUID."""
    through = f"G.V().Has('Name', '{demo.cloud.gateway_port}')"
    steps: list[dict[str, Any]] = [
        *({"Type": name} for name in ("dhcp", "gateway", "dns")),
        {"Type": "tcp", "Parameters": {"Target": f"{METADATA}:80"}},
        {"Type": "mtu"},
        {"Type": "path", "Parameters": {"Through": through}},
    ]
    body = {"Name": "vm", "GremlinQuery": QUERY, "Within": CHECKED_WITHIN_MS, "Active": "unsettled", "Steps": steps}
    uuid: str = demo.call("/api/check", body)["UUID"]
    demo.wait(lambda: len(demo.call(f"/api/check/{uuid}")["Captures"]) == 2, 10, "the check to have its captures")
    return uuid


def show_verdict(demo: Demo, check: str) -> bool:
    """Wait for the verdict and show it; tells whether it is right."""

    def ended() -> list[dict[str, Any]]:
        return [one for one in demo.call(f"/api/check/{check}/results") if one["EndedAt"]]

    say("waiting for the verdict of the check; what the traffic does not tell is asked by injected packets")
    demo.wait(ended, CHECKED_WITHIN_MS / 1000 + 40, "the verdict")
    (result,) = ended()
    for step in result["Steps"]:
        after = "" if step["AfterMs"] is None else f"{step['AfterMs'] / 1000:.3f}"
        print(f"  {step['Type']:8} {step['Verdict']:8} {after:>8}  {step['Sentence']}")
    say(f"verdict: {result['Verdict']}{': ' if result['Sentence'] else ''}{result['Sentence']}", strong=True)
    failed = next((step["Type"] for step in result["Steps"] if step["Verdict"] == "fail"), "")
    return bool(failed == FAILS.get(demo.fault, ""))


def status_of(demo: Demo, capture: str) -> dict[str, Any]:
    status: dict[str, Any] = demo.call(f"/api/capture/{capture}")["Status"]
    return status


def show_timeline(demo: Demo, capture: str, made: float) -> None:
    packets = demo.call(f"/api/capture/{capture}/packets?format=json&limit=1000")
    say(f"its first packets, of {len(packets)} so far; seconds since the tap was made:")
    for packet in packets[:FIRST_SHOWN]:
        ends = f"{packet['Source']:>26}  {packet['Destination']:<26}"
        print(f"  {packet['Time'] / 1e9 - made:8.3f}  {ends}  {packet['Protocol']:<8} {packet['Info']}")


def say(text: str, *, strong: bool = False) -> None:
    colour = strong and sys.stdout.isatty()
    print(f"\033[1m{text}\033[0m" if colour else text, flush=True)


def free_port() -> int:
    """Return 8082 when it is free, else any."""
    for port in (8082, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on 127.0.0.1")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--once", action="store_true", help="end after the verdict")
    parser.add_argument("--fault", choices=FAULTS, default="", help="break one thing of the VM's network")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("make demo needs root: it makes a switch, a tap and a virtual machine", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    demo, found = Demo(free_port(), options.fault), True
    try:
        found = play(demo)
        if not options.once:
            say("Ctrl-C ends the demo and removes all that it made")
            signal.pause()
    except KeyboardInterrupt:
        say("\nremoving what the demo made")
    except subprocess.CalledProcessError as failed:
        print(
            f"the demo failed: {' '.join(map(str, failed.cmd))} ended with status {failed.returncode}", file=sys.stderr
        )
        return 1
    except (RuntimeError, OSError) as failed:
        print(f"the demo failed: {failed}", file=sys.stderr)
        return 1
    finally:
        demo.close()
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
