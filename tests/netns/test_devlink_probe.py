# SPDX-License-Identifier: Apache-2.0
"""The devlink probe on this machine as it is, compared with what `devlink` lists; most test kernels have no device."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, settings

pytestmark = pytest.mark.netns


def listed() -> list[str]:
    done = subprocess.run(["devlink", "-j", "dev"], capture_output=True, text=True, check=False)
    return sorted(json.loads(done.stdout)["dev"]) if done.returncode == 0 else []


def shown(live: LiveGraph) -> list[Any]:
    host = live.find(Type="host")
    devices: Any = [] if host is None else host.metadata.get("DevlinkDevices", [])
    return [each["Device"] for each in devices]


async def test_devices_are_those_that_devlink_lists(tmp_path: Path) -> None:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "devlink"))) as live:
        await live.until(lambda: shown(live) == listed())
        assert live.failures == []
        assert live.runner.healths["devlink"].reason == ""
