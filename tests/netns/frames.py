# SPDX-License-Identifier: Apache-2.0
"""Interfaces that speak from their first instant, and what a capture has of their numbered frames.

`frame_storm` (native/testkit) makes the interfaces, since Python is too slow to be harsh; its frames carry an
Ethertype, a magic word and their number, so that a missing or doubled one can be named.
"""

import functools
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

ROOT = Path(__file__).parents[2]
_HEADER = b"\x88\xb5NsFr"
_NUMBER = slice(22, 26)


@functools.cache
def testkit(name: str) -> str:
    """Build a program of native/testkit, and return its path."""
    command = ["cargo", "build", "--release", "--quiet", "--locked", "--package", "netsonde-testkit"]
    built = subprocess.run([*command, "--message-format=json"], cwd=ROOT, check=True, capture_output=True)
    artifacts = (json.loads(line) for line in built.stdout.splitlines())
    return next(str(a["executable"]) for a in artifacts if a.get("target", {}).get("name") == name)


@dataclass(frozen=True, slots=True)
class Speaker:
    """An interface that has been made and has sent its frames."""

    name: str
    ifindex: int
    netns: int
    """Inode of its network namespace."""
    sent: int
    """Frames 0 … sent - 1 were on the interface."""
    first_ns: int
    """Monotonic time just after the first frame."""


class FrameStorm:
    """A running `frame_storm`; its interfaces live until the end of the `with` block."""

    def __init__(self, *arguments: str) -> None:
        command = [testkit("frame_storm"), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def speakers(self, within: float = 180.0) -> Iterator[Speaker]:
        """Yield each interface as soon as it has spoken; TimeoutError when they take longer than `within` seconds."""
        deadline = time.monotonic() + within
        assert self._process.stdout is not None
        pending = b""
        while True:
            wait_readable(self._process.stdout.fileno(), deadline)
            received = os.read(self._process.stdout.fileno(), 65536)
            assert received, "frame_storm ended early"
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                spoken = json.loads(line)
                if "done" in spoken:
                    assert spoken["done"], "frame_storm failed"
                    return
                yield Speaker(*(spoken[key] for key in ("name", "ifindex", "netns", "sent", "first_ns")))


def wait_readable(descriptor: int, deadline: float) -> None:
    """Wait until a descriptor is readable; TimeoutError after the monotonic `deadline`."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("nothing to read in time")


def wait_until(monotonic: float) -> None:
    """Let time pass where time itself is what is tested, such as a match 2 s after the first frame."""
    select.select([], [], [], max(0.0, monotonic - time.monotonic()))


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep the processors busy with so many endless loops."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def packets(batches: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yield the rows of Arrow packet batches."""
    for batch in batches:
        yield from pa.ipc.open_stream(batch).read_all().to_pylist()


def numbers(batches: Iterable[bytes]) -> dict[str, list[int]]:
    """Return the numbers of frames for each interface name, in the order in which they were kept."""
    found: dict[str, list[int]] = {}
    for packet in packets(batches):
        data = packet["data"]
        assert isinstance(data, bytes)
        if data[12:18] == _HEADER:
            found.setdefault(str(packet["ifname"]), []).append(int.from_bytes(data[_NUMBER], "big"))
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with captured numbers; all zero when each frame is there once and in order."""

    lost: int
    doubled: int
    disordered: int
    sent: int
    bad: tuple[str, ...] = ()
    """The first few interfaces with a mistake, for the message."""


def judge(speakers: Sequence[Speaker], found: Mapping[str, Sequence[int]]) -> Verdict:
    """Compare what was sent with what a capture has."""
    lost = doubled = disordered = 0
    bad = []
    for speaker in speakers:
        got = found.get(speaker.name, [])
        missing = sorted(set(range(speaker.sent)) - set(got))
        more = sum(Counter(got).values()) - len(set(got))
        if missing or more or list(got) != sorted(got):
            bad.append(f"{speaker.name}: lost {missing[:3]}… ({len(missing)}), doubled {more}")
        lost, doubled = lost + len(missing), doubled + more
        disordered += list(got) != sorted(got)
    return Verdict(lost, doubled, disordered, sum(speaker.sent for speaker in speakers), tuple(bad[:5]))
