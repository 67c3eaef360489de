# SPDX-License-Identifier: Apache-2.0
"""Whole processes for tests: one all-in-one for all that can share it, and links that are gone afterwards."""

import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from system.links import Links
from system.recorded import SETTINGS as HISTORY_SETTINGS
from system.recorded import Reopen
from system.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    for item in items:
        if "system" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="needs root"))


SETTINGS = {
    "NETSONDE_NOTIFY_ALLOW": "127.0.0.0/8",
    "NETSONDE_ALERT_SETTLE": "1",
    "NETSONDE_PROBES_NETFILTER_INTERVAL": "0.5",
}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The all-in-one of this run, in the namespace of the machine; use `stack`."""
    running = Stack(tmp_path_factory.mktemp("shared") / "state", env=SETTINGS).start()
    yield running
    running.stop()


@pytest.fixture
def stack(shared: Stack) -> Iterator[Stack]:
    """An all-in-one of which every part runs and is ready; it may have a past, but no captures and no alerts."""
    shared.wait(shared.is_whole, 30, "whole after the test before")
    yield shared
    shared.wait(lambda: shared.status_code("/readyz") == 200, 30, "ready after the test")
    for kind in ("capture", "alert"):
        for uuid in shared.call("GET", f"/api/{kind}"):
            shared.call("DELETE", f"/api/{kind}/{uuid}", accept="*/*")


@pytest.fixture
def links() -> Iterator[Links]:
    """Links with a random prefix in this namespace, deleted afterwards."""
    made = Links(f"t{secrets.token_hex(2)}")
    yield made
    for name in made.names:
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
async def reopen(tmp_path: Path) -> AsyncIterator[Reopen]:
    """Close what is open and open it again, with other settings where given."""
    opened: list[History] = []

    async def again(settings: HistorySettings = HISTORY_SETTINGS) -> History:
        for history in opened:
            await history.close()
        opened[:] = [await History.open(settings, tmp_path / "history")]
        return opened[0]

    yield again
    for history in opened:
        await history.close()


@pytest.fixture
async def history(reopen: Reopen) -> History:
    return await reopen()
