# SPDX-License-Identifier: Apache-2.0
"""Whole processes for tests: a fresh all-in-one, and links that are gone afterwards."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.links import Links
from system.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    for item in items:
        if "system" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """An all-in-one that is ready, with an empty state directory."""
    running = Stack(tmp_path / "state").start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


@pytest.fixture
def links() -> Iterator[Links]:
    """Links with a random prefix in this namespace, deleted afterwards."""
    made = Links(f"t{secrets.token_hex(2)}")
    yield made
    for name in made.names:
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)
