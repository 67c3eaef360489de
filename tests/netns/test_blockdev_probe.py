# SPDX-License-Identifier: Apache-2.0
"""The blockdev probe on this machine, with loop devices and mounts of the test's own."""

import mmap
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, run, settings
from netns_fixture import netns as netns

pytestmark = pytest.mark.netns

SIZE = 8 * 1024 * 1024
PAGE = 4096
NEVER = 3600.0
"""Seconds between two looks, so that only what the kernel tells makes one."""


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("blockdev",), blockdev=NEVER)) as graph:
        yield graph


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file with an ext4 file system."""
    found = tmp_path / "disk.img"
    with found.open("wb") as file:
        file.truncate(SIZE)
    run("mkfs.ext4", "-q", str(found))
    return found


@pytest.fixture
def loop(image: Path) -> Iterator[str]:
    found = run("losetup", "--find", "--show", str(image)).strip()
    yield found
    # By its file: once detached, others may have a device of this name.
    for device in run("losetup", "--noheadings", "--output", "NAME", "--associated", str(image)).split():
        subprocess.run(["losetup", "--detach", device], check=False, capture_output=True)


@pytest.fixture
def mountpoint(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "mounted here"
    found.mkdir()
    yield found
    subprocess.run(["umount", str(found)], check=False, capture_output=True)


def as_lsblk_lists() -> set[tuple[str, str, int]]:
    """Return name, number and size of all devices that have a medium."""
    listed = run("lsblk", "--noheadings", "--bytes", "--list", "--output", "KNAME,MAJ:MIN,SIZE").splitlines()
    return {(kname, number, int(size)) for kname, number, size in map(str.split, listed) if int(size)}


def as_shown(live: LiveGraph) -> set[tuple[Any, ...]]:
    devices = [node.metadata["Attributes"] for node in live.graph.nodes() if "Attributes" in node.metadata]
    return {(each["Kname"], each["MajMin"], each["Size"]) for each in devices if isinstance(each, dict)}


async def test_devices_are_those_that_lsblk_lists(live: LiveGraph, loop: str) -> None:
    await live.node(Path=loop)
    await live.until(lambda: as_shown(live) == as_lsblk_lists(), what=f"{as_lsblk_lists()}")
    group = await live.node(Type="cluster", Name="block devices")
    owner = live.owner(group)
    assert owner is not None
    assert owner.metadata["Type"] == "host"
    assert all("TID" in node.metadata for node in live.graph.nodes())


async def test_device_is_there_as_soon_as_the_kernel_has_it(live: LiveGraph, image: Path, loop: str) -> None:
    node = await live.node(Path=loop)
    attributes = node.metadata["Attributes"]
    assert isinstance(attributes, dict)
    assert (attributes["Type"], attributes["Size"], attributes["BackingFile"]) == ("loop", SIZE, str(image))
    assert node.metadata["Type"] == "blockdevleaf"
    run("losetup", "--detach", loop)
    await live.gone(Attributes__BackingFile=str(image))


async def test_mount_names_its_device_at_once(live: LiveGraph, loop: str, mountpoint: Path) -> None:
    await live.node(Path=loop, Name=os.path.basename(loop))
    run("mount", loop, str(mountpoint))
    await live.node(Path=loop, Name=str(mountpoint), Attributes__Mountpoint=str(mountpoint))
    run("umount", str(mountpoint))
    await live.node(Path=loop, Name=os.path.basename(loop))


async def test_what_is_read_is_counted(tmp_path: Path, loop: str) -> None:
    async with live_graph(settings(tmp_path / "netns", probes=("blockdev",))) as live:
        node = await live.node(Path=loop)
        read_past_the_cache(loop)
        metric = await live.metric(node.id)
        while not metric.counters.get("ReadBytes"):
            metric = await live.metric(node.id)
        assert metric.counters["ReadBytes"] >= PAGE


def read_past_the_cache(device: str) -> None:
    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, PAGE) as aligned:
            assert os.preadv(fd, [aligned], 0) == PAGE
    finally:
        os.close(fd)
