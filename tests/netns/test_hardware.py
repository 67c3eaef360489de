# SPDX-License-Identifier: Apache-2.0
"""This machine's hardware in the graph, compared with what its own programs say; nothing is changed."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from live_graph import LiveGraph, live_graph, run, settings

pytestmark = pytest.mark.netns


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns")) as graph:
        yield graph


def lscpu() -> dict[str, str]:
    listed = json.loads(run("lscpu", "--json"))["lscpu"]
    fields = [*listed, *(child for field in listed for child in field.get("children", []))]
    fields += [child for field in fields for child in field.get("children", [])]
    return {field["field"].rstrip(":"): field["data"] for field in fields}


async def test_processors_and_memory_are_those_of_the_machine(live: LiveGraph) -> None:
    host = await live.node(Type="host")
    said = lscpu()
    sockets = int(said["Socket(s)"])
    cores = sockets * int(said["Core(s) per socket"])
    assert host.metadata["Processors"] == {
        "Sockets": sockets,
        "Cores": cores,
        "Threads": os.sysconf("SC_NPROCESSORS_ONLN"),
    }
    memory, nodes = host.metadata["Memory"], host.metadata["NUMA"]
    assert isinstance(memory, dict)
    assert isinstance(nodes, list)
    assert memory["Total"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert len(nodes) == int(said["NUMA node(s)"])


async def test_interface_tells_its_pci_device(live: LiveGraph) -> None:
    found = interfaces_on_pci()
    if not found:
        pytest.skip("this machine has no interface on PCI")
    for name, (vendor, device) in found.items():
        await live.node(Name=name, PCI__VendorID=vendor, PCI__DeviceID=device)


def interfaces_on_pci() -> dict[str, tuple[str, str]]:
    """Return numbers of vendor and device by interface, as the kernel says them in uevent."""
    found = {}
    for folder in Path("/sys/class/net").iterdir():
        device = (folder / "device").resolve()
        for place in (device, device.parent):  # a virtio device is the child of a PCI one
            lines = (place / "uevent").read_text().splitlines() if (place / "uevent").exists() else []
            ids = [line.partition("=")[2].lower().split(":") for line in lines if line.startswith("PCI_ID=")]
            if ids and folder.name not in found:
                found[folder.name] = (ids[0][0], ids[0][1])
    return found
