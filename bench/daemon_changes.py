# SPDX-License-Identifier: Apache-2.0
"""How soon a change that a daemon has answered is in the graph: each wait of the tests that compare the graph with it.

Runs those tests (root, the daemons of `tools/debs test`) and takes the time of each of their waits, from the end of the
command that made the change. Limit: 1 s. Waits for a daemon's death or return are told apart: those begin with the
signal, and what they wait for is how the daemon starts.

usage: python bench/daemon_changes.py [TEST FILE...]
"""

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.0
TESTS = {
    "netns": ("netlink_probe", "what_ip_lists", "netns_probe", "routing", "tc_programs", "wireguard_probe"),
    "system": (
        *("ovsdb_probe", "what_ovs_lists", "docker_probe", "rootless_containers", "cri_probe", "runc_probe"),
        *("lxc_probe", "lxd_containers", "lldp_probe", "libvirt_probe", "qemu_probe"),
    ),
}


class Waits:
    """A pytest plug-in that takes the time of what tests wait for."""

    def __init__(self) -> None:
        self.changes: dict[str, list[tuple[float, str]]] = defaultdict(list)
        """By test file: seconds, and the test."""
        self.states: dict[str, list[float]] = defaultdict(list)
        self._test = ("", "")

    def pytest_configure(self) -> None:
        from live_graph import LiveGraph

        until = LiveGraph.until

        async def timed(live: LiveGraph, found: Callable[[], Any], within: float = 3.0, what: str = "") -> Any:
            began = time.monotonic()
            result = await until(live, found, within, what)
            took = time.monotonic() - began
            file, test = self._test
            names = getattr(found, "func", found).__code__.co_names
            if {"state", "failures"} & {*names}:
                self.states[file].append(took)
            else:
                self.changes[file].append((took, test))
            return result

        LiveGraph.until = timed  # type: ignore[method-assign,assignment]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._test = (item.path.stem.removeprefix("test_"), item.name)


def main(wanted: list[str]) -> int:
    files = wanted or [str(ROOT / f"tests/{folder}/test_{one}.py") for folder, some in TESTS.items() for one in some]
    waits = Waits()
    status = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *files], plugins=[waits])
    print(f"\n{'':22}{'changes':>8}{'median':>10}{'worst':>10}   of {LIMIT:g} s")
    worst = 0.0
    for file, changes in sorted(waits.changes.items()):
        longest, test = max(changes)
        worst = max(worst, longest)
        middle = statistics.median(took for took, _ in changes)
        beyond = sum(took > LIMIT for took, _ in changes)
        note = f"   {beyond} beyond, the longest in {test}" if beyond else ""
        print(f"{file:22}{len(changes):8}{middle * 1e3:7.0f} ms{longest * 1e3:7.0f} ms{note}")
    for file, states in sorted(waits.states.items()):
        print(f"{file:22}{len(states):8} deaths and returns, worst {max(states) * 1e3:.0f} ms")
    print(f"worst / limit = {worst / LIMIT:.2f}")
    return int(status) or (0 if worst <= LIMIT else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    sys.exit(main(sys.argv[1:]))
