# SPDX-License-Identifier: Apache-2.0
"""What a waiting capture costs other traffic: a veth pair flooded at full speed with the link watcher armed and not.

Short rounds of both kinds take turns, so that whatever else the machine does falls on both; the ratios are those of
medians. `ratio` compares frames per second, `ratio_processor` frames per second of processor time, which other
processes disturb less. Run as root: `python bench/lookback_cost.py [rounds]`. The bar is 0.98.
"""

import json
import secrets
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from netns.frames import testkit
from netsonde._native import CaptureCore

ROUND_MS = 50
TURN = 5
"""Rounds of one kind before the other has its turn."""
Rates = dict[bool, list[float]]


def settle(core: CaptureCore, armed: bool) -> None:
    """Arm or disarm, and wait until the pools of prepared sockets are as they will stay."""
    core.arm(armed)
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.1:
        pools = core.watcher_status()["pools"]
        level = sum(map(int, pools.values())) if isinstance(pools, dict) else 0
        if level != last:
            last, since = level, time.monotonic()


def measure(rounds: int) -> dict[str, float]:
    wall: Rates = {False: [], True: []}
    processor: Rates = {False: [], True: []}
    core = CaptureCore(host="bench")
    command = [testkit("veth_flood"), f"fl{secrets.token_hex(3)}", str(ROUND_MS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
        assert flood.stdin is not None
        assert flood.stdout is not None
        for number in range(2 * rounds + TURN):
            armed = number // TURN % 2 == 1
            if number % TURN == 0:
                settle(core, armed)
            print(file=flood.stdin, flush=True)
            seen = json.loads(flood.stdout.readline())
            if number >= TURN:  # the first turn warms up
                wall[armed].append(seen["frames"] * 1e9 / seen["wall_ns"])
                processor[armed].append(seen["frames"] * 1e9 / seen["processor_ns"])
        flood.stdin.close()
    core.close()
    return {
        "waiting_per_s": round(statistics.median(wall[True])),
        "none_per_s": round(statistics.median(wall[False])),
        "ratio": ratio(wall),
        "ratio_processor": ratio(processor),
    }


def ratio(rates: Rates) -> float:
    return round(statistics.median(rates[True]) / statistics.median(rates[False]), 4)


if __name__ == "__main__":
    print(json.dumps({"lookback_cost": measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100)}))
