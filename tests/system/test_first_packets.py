# SPDX-License-Identifier: Apache-2.0
"""The whole program misses no first packet: definitions wait, interfaces speak at once, every number is there once."""

import secrets
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest
from demo.switch import Switch

from netns.frames import FrameStorm, Speaker, Verdict, busy_loops, judge, wait_until
from system.pcapng import packets
from system.private_switch import private_switch
from system.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

PERFECT = Verdict(lost=0, doubled=0, disordered=0, sent=0)
MAGIC, NUMBER = b"\x88\xb5NsFr", slice(22, 26)
LATE = 2.0
"""Seconds between the first frame of an interface and the key that a capture asks for."""


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    with private_switch() as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, switch: Switch) -> Iterator[Stack]:
    """One all-in-one for the module: starting it is not what is tested."""
    state = tmp_path_factory.mktemp("first") / "state"
    stack = Stack(state, env={"NETSONDE_PROBES_OVSDB_ADDRESSES": f"unix:{switch.socket}"}).start()
    yield stack
    stack.stop()


@pytest.fixture
def prefix() -> str:
    return f"fp{secrets.token_hex(2)}x"


@pytest.mark.parametrize("loops", [0, 4], ids=["idle", "busy"])
@pytest.mark.parametrize(
    "kind",
    ["--kind=veth --count=1000", "--kind=veth --count=200 --burst=50", "--kind=tap --count=100"],
    ids=["veth", "veth-bursts", "tap"],
)
def test_every_frame_from_number_0_is_delivered_once(whole: Stack, prefix: str, kind: str, loops: int) -> None:
    capture = whole.capture(f"G.V().Has('Name', Regex('{prefix}.*'))")
    whole.wait_capture(capture, "waiting", within=90)
    with busy_loops(loops), FrameStorm(f"--prefix={prefix}", "--frames=50", *kind.split()) as running:
        speakers = list(running.speakers())
        verdict = wait_for_all(whole, capture, speakers)
    tell(f"{kind}, {loops} busy loops", verdict)
    whole.call("DELETE", f"/api/capture/{capture}", accept="*/*")
    assert verdict == replace(PERFECT, sent=verdict.sent)
    assert verdict.sent > 0


def test_a_key_written_2_s_after_the_first_frame_loses_none(whole: Stack, switch: Switch, prefix: str) -> None:
    bridge = f"br{secrets.token_hex(3)}"
    switch.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
    capture = whole.capture(f"G.V().HasKey('ExtID.vm-id').Has('Name', Regex('{prefix}.*'))")
    whole.wait_capture(capture, "waiting", within=90)
    speakers: list[Speaker] = []
    waiting: deque[Speaker] = deque()
    with FrameStorm(f"--prefix={prefix}", "--frames=50", "--kind=tap", "--count=200") as running:
        for speaker in running.speakers():
            speakers.append(speaker)
            waiting.append(speaker)
            name_those_due(switch, bridge, waiting)
        while waiting:
            wait_until(waiting[0].first_ns / 1e9 + LATE)
            name_those_due(switch, bridge, waiting)
        verdict = wait_for_all(whole, capture, speakers)
    switch.vsctl("del-br", bridge)
    tell("vm-id written 2 s late", verdict)
    whole.call("DELETE", f"/api/capture/{capture}", accept="*/*")
    assert verdict == replace(PERFECT, sent=200 * 50)


def name_those_due(switch: Switch, bridge: str, waiting: deque[Speaker]) -> None:
    """Write the vm-id of each interface whose first frame was long enough ago, in one transaction."""
    commands: list[str] = []
    while waiting and waiting[0].first_ns / 1e9 + LATE <= time.monotonic():
        name = waiting.popleft().name
        commands += ["--", "add-port", bridge, name]
        commands += ["--", "set", "interface", name, f"external_ids:vm-id={uuid.uuid4()}"]
    if commands:
        switch.vsctl("--no-wait", *commands[1:])


def wait_for_all(stack: Stack, capture: str, speakers: list[Speaker]) -> Verdict:
    """Judge what the API delivers, as soon as it is all there or no more comes."""
    best: Verdict | None = None
    patience = time.monotonic() + 10
    while best is None or (best.lost and time.monotonic() < patience):
        content = stack.call("GET", f"/api/capture/{capture}/packets", accept="application/x-pcapng")
        verdict = judge(speakers, numbers(content))
        if best is None or verdict.lost < best.lost:
            patience = time.monotonic() + 10
        best = verdict
    return best


def numbers(content: bytes) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, data in packets(content):
        if data[12:18] == MAGIC:
            found.setdefault(name, []).append(int.from_bytes(data[NUMBER], "big"))
    return found


def tell(what: str, verdict: Verdict) -> None:
    print(f"{what}: lost {verdict.lost} of {verdict.sent} frames, doubled {verdict.doubled}")  # noqa: T201
