# SPDX-License-Identifier: Apache-2.0
"""What `netsonde doctor` looks at on this machine. Each check says what it found, and what to do about it."""

import importlib.util
import os
import platform
import resource
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from netsonde.bus.server import find_server
from netsonde.errors import UserError
from netsonde.observe.abilities import Ability, look

Verdict = Literal["good", "limited", "bad"]

_LEAST_KERNEL = (4, 15)
_LEAST_FILES = 4096


class Finding(NamedTuple):
    """The outcome of one check; `advice` is empty when all is well."""

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""


def check_machine() -> list[Finding]:
    """Run every check that needs no server."""
    return [
        check_kernel(platform.system(), platform.release()),
        check_native(is_there=importlib.util.find_spec("netsonde._native") is not None),
        *check_abilities(look()),
        check_namespaces(Path("/proc/self/ns/net"), Path("/run/netns")),
        check_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        check_ovs(Path("/run/openvswitch/db.sock")),
        check_bus_program(find_server),
    ]


def check_kernel(system: str, release: str) -> Finding:
    if system != "Linux":
        return Finding("kernel", "bad", f"{system} {release}", "agents run on Linux only; queries work anywhere")
    version = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if version < _LEAST_KERNEL:
        return Finding("kernel", "limited", release, f"{'.'.join(map(str, _LEAST_KERNEL))} or newer is tested")
    return Finding("kernel", "good", release)


def check_native(*, is_there: bool) -> Finding:
    if is_there:
        return Finding("native core", "good", "built")
    return Finding("native core", "bad", "netsonde._native is missing", "install the wheel, or run `make setup`")


def check_abilities(found: Sequence[Ability]) -> list[Finding]:
    """Say what this user could do as an agent."""
    return [
        Finding(one.name, "good", "there")
        if one.ok
        else Finding(one.name, "limited", one.reason, f"run agents as root, or grant it: {one.purpose}")
        for one in found
    ]


def check_namespaces(own: Path, named: Path) -> Finding:
    if not own.exists():
        return Finding("namespaces", "bad", f"{own} is missing", "mount /proc, and use a kernel with CONFIG_NET_NS")
    if not named.is_dir():
        return Finding("namespaces", "good", f"no {named} yet: it appears with the first `ip netns add`")
    if not os.access(named, os.R_OK | os.X_OK):
        return Finding("namespaces", "limited", f"{named} cannot be read", "run the agent as root")
    return Finding("namespaces", "good", f"{len(list(named.iterdir()))} named ones in {named}")


def check_files(most: int) -> Finding:
    if most != resource.RLIM_INFINITY and most < _LEAST_FILES:
        advice = f"raise it to {_LEAST_FILES} or more (LimitNOFILE=): each namespace and tap needs some"
        return Finding("open files", "limited", f"at most {most}", advice)
    return Finding("open files", "good", "unlimited" if most == resource.RLIM_INFINITY else f"at most {most}")


def check_ovs(path: Path) -> Finding:
    if not path.exists():
        return Finding("Open vSwitch", "good", f"not here ({path} is missing)")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError as refused:
            reason = refused.strerror or str(refused)
            return Finding(
                "Open vSwitch", "limited", f"{path}: {reason}", "is ovsdb-server up, and may you talk to it?"
            )
    return Finding("Open vSwitch", "good", f"{path} answers")


def check_bus_program(find: Callable[[], Path]) -> Finding:
    try:
        return Finding("nats-server", "good", str(find()))
    except UserError as missing:
        return Finding("nats-server", "limited", missing.message, missing.hint)


def is_failed(findings: Sequence[Finding]) -> bool:
    return any(finding.verdict == "bad" for finding in findings)
