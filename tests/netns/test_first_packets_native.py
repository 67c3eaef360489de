# SPDX-License-Identifier: Apache-2.0
"""The capture core delivers every frame of interfaces that did not exist when it was armed, from number 0, once."""

import secrets
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest

from netns.frames import FrameStorm, Speaker, Verdict, busy_loops, judge, numbers, wait_readable, wait_until
from netsonde._native import CaptureCore, CaptureOptions, TapEvent

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

CAPTURE = "capture-under-test"
PERFECT = Verdict(lost=0, doubled=0, disordered=0, sent=0)


@pytest.fixture
def core() -> Iterator[CaptureCore]:
    core = CaptureCore(host="test")
    core.arm(True)
    wait_for_pool(core)
    yield core
    core.close()


@pytest.fixture
def prefix() -> str:
    return f"fp{secrets.token_hex(2)}x"


def wait_for_pool(core: CaptureCore) -> None:
    deadline = time.monotonic() + 10
    while not any(core.watcher_status()["pools"].values()):  # type: ignore[union-attr]
        assert time.monotonic() < deadline


def start(core: CaptureCore, speaker: Speaker) -> None:
    options = CaptureOptions(first_packets=1_000_000)
    core.start(CAPTURE, speaker.netns, speaker.ifindex, speaker.name, f"tid-{speaker.name}", options)


def wait_for_all(core: CaptureCore, speakers: list[Speaker]) -> Verdict:
    """Wait until every frame is there, or no more come for 2 s, and judge."""
    wanted = sum(speaker.sent for speaker in speakers)
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 2.0:
        seen = sum(stats.packets for stats in core.stats())
        if seen != last:
            last, since = seen, time.monotonic()
        if seen >= wanted and len(core.stats()) == len(speakers):
            verdict = judge(speakers, numbers(core.packets(CAPTURE, limit=10**9)))
            if verdict == replace(PERFECT, sent=verdict.sent):
                return verdict
        wait_until(time.monotonic() + 0.05)
    return judge(speakers, numbers(core.packets(CAPTURE, limit=10**9)))


def storm(core: CaptureCore, *arguments: str, delay: float = 0.0) -> Verdict:
    """Capture on each interface `delay` seconds after its first frame, and judge what is kept."""
    waiting: deque[tuple[float, Speaker]] = deque()
    speakers = []
    with FrameStorm(*arguments) as running:
        for speaker in running.speakers():
            speakers.append(speaker)
            waiting.append((speaker.first_ns / 1e9 + delay, speaker))
            while waiting and waiting[0][0] <= time.monotonic():
                start(core, waiting.popleft()[1])
        for due, speaker in waiting:
            wait_until(due)
            start(core, speaker)
        verdict = wait_for_all(core, speakers)
    said = f"{' '.join(arguments)}: lost {verdict.lost} of {verdict.sent} frames, doubled {verdict.doubled}"
    print(said)  # noqa: T201  (issue 2 asks for the figure)
    if verdict.bad:
        print(core.watcher_status())  # noqa: T201  (why)
    return verdict


@pytest.mark.parametrize("loops", [0, 4], ids=["idle", "busy"])
# tests/system/test_first_packets.py does a thousand, with the whole program.
@pytest.mark.parametrize(
    "kind",
    [
        "--count=300 --kind=veth --frames=100",
        "--count=200 --kind=veth --burst=50 --frames=100",
        "--count=200 --kind=veth --side=tx --frames=100",
        "--count=300 --kind=tap --frames=100",
        "--count=200 --kind=tap --burst=50 --frames=100",
        "--count=100 --kind=moved --side=tx --frames=100",
        "--count=100 --kind=moved --frames=100",
    ],
    ids=["veth", "veth-bursts", "veth-tx", "tap", "tap-bursts", "moved-tx", "moved"],
)
def test_every_frame_from_the_first_is_delivered_once(core: CaptureCore, prefix: str, kind: str, loops: int) -> None:
    with busy_loops(loops):
        verdict = storm(core, f"--prefix={prefix}", *kind.split())

    assert verdict == replace(PERFECT, sent=verdict.sent)
    assert verdict.sent > 0


@pytest.mark.parametrize("kind", ["veth", "tap", "moved"])
def test_a_match_2_s_after_the_first_frame_begins_with_it(core: CaptureCore, prefix: str, kind: str) -> None:
    verdict = storm(core, f"--prefix={prefix}", f"--kind={kind}", "--count=100", "--frames=100", delay=2.0)

    assert verdict == replace(PERFECT, sent=100 * 100)
    assert sum(stats.lookback_packets for stats in core.stats()) >= 100 * 100


def test_a_match_after_the_interface_is_gone_has_its_frames(core: CaptureCore, prefix: str) -> None:
    arguments = [f"--prefix={prefix}", "--count=50", "--frames=100", "--remove"]

    verdict = storm(core, *arguments, delay=1.0)

    assert verdict == replace(PERFECT, sent=50 * 100)


def test_taps_are_bound_before_the_links_are_up(core: CaptureCore, prefix: str) -> None:
    with FrameStorm(f"--prefix={prefix}", "--count=50", "--frames=1") as running:
        speakers = list(running.speakers())

    status = core.watcher_status()
    assert status["bound"] == status["bound_before_up"] == 2 * len(speakers)


def test_a_start_behind_many_that_fail_has_every_frame(prefix: str) -> None:
    # Asking 20,000 times takes this test a part of the window; 13 ms for each answer took 260 s once.
    core = CaptureCore(host="test", lookback_ns=5_000_000_000)
    core.arm(True)
    with FrameStorm(f"--prefix={prefix}", "--count=1", "--frames=10") as running:
        (speaker,) = running.speakers()
        for number in range(20_000):
            core.start(f"missing{number}", speaker.netns, 2**31 - 1, "missing", "tid", CaptureOptions())
        start(core, speaker)
        verdict = wait_for_all(core, [speaker])
    core.close()

    assert verdict == replace(PERFECT, sent=10)


def test_without_a_match_look_back_taps_are_reaped(prefix: str) -> None:
    core = CaptureCore(host="test", lookback_ns=300_000_000)
    core.arm(True)
    with FrameStorm(f"--prefix={prefix}", "--count=20", "--frames=10") as running:
        list(running.speakers())
        deadline = time.monotonic() + 10
        while core.watcher_status()["lookback_taps"]:
            assert time.monotonic() < deadline

    status = core.watcher_status()
    core.close()
    assert status["lookback_bytes"] == 0
    assert status["reaped_frames"] >= 20 * 10  # type: ignore[operator]


def test_an_event_tells_when_a_capture_has_started(core: CaptureCore, prefix: str) -> None:
    with FrameStorm(f"--prefix={prefix}", "--frames=10") as running:
        (speaker,) = running.speakers()
        start(core, speaker)
        deadline = time.monotonic() + 5
        events: list[TapEvent] = []
        while len(events) < 2:
            wait_readable(core.event_fd, deadline)
            events += core.events()

    assert [event.kind for event in events] == ["started", "first_packet"]
    assert events[0].armed_before_up
    assert events[0].lookback_packets >= 10
