# SPDX-License-Identifier: Apache-2.0
"""One all-in-one for all programs of others, and what they need of the machine."""

import os
import secrets
import subprocess
from collections.abc import Iterator

import pytest
from api_fuzz import LIMITS

from foreign.programs import HERE, OLD_PAGE, PYTHON, PythonClient
from system.links import Links
from system.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = "needs root" if os.geteuid() != 0 else "needs tools/foreign to be run" if not PYTHON.exists() else ""
    for item in items:
        if reason and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An all-in-one that also serves the reference's page."""
    settings = {**LIMITS, "NETSONDE_ANALYZER_OLD_PAGE": str(OLD_PAGE), "NETSONDE_PROBES_NETLINK_METRICS_INTERVAL": "1"}
    settings["NETSONDE_CAPTURE_FLOW_UPDATE"] = "1"
    running = Stack(tmp_path_factory.mktemp("foreign") / "state", env=settings).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def veth(stack: Stack) -> Iterator[tuple[str, str]]:
    """Both ends of a veth pair, in the graph."""
    links = Links(f"t{secrets.token_hex(2)}")
    ends = links.veth("f")
    try:
        for number, end in enumerate(ends, 1):
            subprocess.run(["ip", "addr", "add", f"10.98.7.{number}/32", "dev", end], check=True)
        query = f"G.V().Has('Name', Within('{ends[0]}', '{ends[1]}')).HasKey('IPV4')"
        stack.wait(lambda: len(stack.query(query)) == 2, 15, "both ends in the graph")
        yield ends
    finally:
        subprocess.run(["ip", "link", "del", ends[0]], check=False)


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[PythonClient]:
    with PythonClient(f"127.0.0.1:{stack.port}") as made:
        yield made
