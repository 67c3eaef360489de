# SPDX-License-Identifier: Apache-2.0
"""`make demo` with a real virtual machine: it ends with the right verdict, whatever is broken.

Half a minute to a minute each, most of it the machine's boot under software emulation: `make test-vm`, not `make test`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from demo.cloud import FAULTS, NARROW_MTU

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("qemu-system-x86_64", "ovs-vswitchd", "dnsmasq", "cpio")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MISSING = [program for program in NEEDED if shutil.which(program, path=PATH) is None]
SAID = {
    "": "verdict: pass",
    "dhcp": ": no server answered",
    "vlan": ": no relay or wrong VLAN 2",
    "mtu": f"of {NARROW_MTU + 1} bytes do not: ",
    "metadata": "169.254.169.254:80 refused the connection of ",
    "arp": "; one is an impostor",
}

pytestmark = [
    pytest.mark.vm,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.mark.parametrize("fault", ["", *FAULTS], ids=["none", *FAULTS])
def test_the_demo_ends_with_the_right_verdict(fault: str) -> None:
    played = subprocess.run(
        [sys.executable, "-m", "demo", "--once", *(["--fault", fault] if fault else [])],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools"), "PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, f"{played.stdout}\n{played.stderr}"
    (verdict,) = (line for line in played.stdout.splitlines() if line.startswith("verdict: "))
    assert SAID[fault] in verdict
