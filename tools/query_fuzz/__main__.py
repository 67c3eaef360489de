# SPDX-License-Identifier: Apache-2.0
"""usage: tools/fuzz_queries [SECONDS [SEED]]    (default 60, and a seed by chance)

Starts an all-in-one on a free port, loads a data centre, and sends queries that are valid, nearly valid and hostile,
while a subscriber in a process of its own measures how late it hears of changes. Fails on any answer 5xx, a missing
answer, a process that ended or was started anew or had to be killed in the end, and events later than 200 ms (99 of
100). Latency is judged where the same run shows events within 100 ms before the attack, and where other programs leave
the processors to it during the attack; a machine where they do not is too busy to say anything, which is said.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from query_fuzz.client import Record, attack
from query_fuzz.strangers import Strangers
from system.stack import Stack

HOSTS = 200
"""Of the data centre: 20,000 nodes and 33,000 edges."""
CLIENTS = 12
BOUND_MS = 200.0
"""Latency of events (p99) that queries may lead to."""
QUIET_MS = 100.0
"""Latency (p99) without any query up to which a machine is quiet enough to judge by; 10 ms is usual."""
SETTLED = 12.0
"""Seconds after which the history has written, and the collector of garbage seen, what came in at once."""
STRANGERS = 0.25
"""Processors that programs other than these may keep busy meanwhile."""
POLITE = 10
"""Niceness of the clients: they stand for other machines, whose processors are their own."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument("seed", type=int, nargs="?", default=random.randrange(10**6))
    parser.add_argument("--hosts", type=int, default=HOSTS, help="size of the data centre; a host is 100 nodes")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-queries-") as folder:
        stack = Stack(Path(folder) / "state").start(60)
        try:
            status = run(stack, wanted.seconds, wanted.seed, wanted.hosts)
        finally:
            took = stack.stop()
            log = tail_of_log(stack)
            print(f"stopped within {took:.1f} s", log, sep="\n", end="")
        return 1 if "had to be killed" in log else status


def run(stack: Stack, seconds: float, seed: int, hosts: int) -> int:
    """Attack for some seconds; return the exit status."""
    analyzer = stack.child("analyzer")
    listener = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "query_fuzz.listener",
            str(stack.port),
            str(stack.state / "bus"),
            str(hosts),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert listener.stdout is not None
        print(listener.stdout.readline().strip(), flush=True)
        record = Record()
        before, others = asyncio.run(attack_and_tell(stack.port, seconds, seed, record, listener))
        return report(stack, analyzer, record, before, figures(listener), others)
    finally:
        listener.kill()
        listener.wait()


async def attack_and_tell(
    port: int, seconds: float, seed: int, record: Record, listener: "subprocess.Popen[str]"
) -> tuple[dict[str, Any], float]:
    """Measure a while without queries, then attack; return what was measured before, and what others took meanwhile."""
    await asyncio.sleep(SETTLED)
    figures(listener)
    await asyncio.sleep(min(20.0, max(5.0, seconds / 6)))
    before = figures(listener)
    print(f"without queries: {json.dumps(before)}", flush=True)
    os.nice(POLITE)
    strangers = Strangers()
    await attack(port, seconds, seed, CLIENTS, record)
    return before, strangers.share()


def figures(listener: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return what the listener measured since it was asked last."""
    assert listener.stdin is not None
    assert listener.stdout is not None
    listener.stdin.write("\n")
    listener.stdin.flush()
    found: dict[str, Any] = json.loads(listener.stdout.readline())
    return found


def report(
    stack: Stack, analyzer: int, record: Record, before: dict[str, Any], heard: dict[str, Any], others: float
) -> int:
    """Print what happened; return 0 when nothing happened that must not."""
    failures = list(record.failures)
    usual, late = before["late"]["p99"], heard["late"]["p99"]
    busy = too_busy(usual, others)
    if busy:
        print(f"TOO BUSY TO JUDGE LATENCY: {busy}; with queries 1 event of 100 comes later than {late} ms")
    elif late > BOUND_MS:
        failures.append(f"1 event of 100 came later than {late} ms (at most {BOUND_MS:g}; {usual} ms without queries)")
    try:
        if stack.child("analyzer") != analyzer:
            failures.append("the analyzer ended and was started anew")
    except LookupError:
        failures.append("the analyzer ended")
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(record.statuses.items()))
    print(
        f"answers {statuses}; hung up {record.hung_up}; {record.received / 1e6:.0f} MB; slowest {record.slowest:.1f} s"
    )
    print(
        f"memory of the analyzer at the end: {resident_mib(analyzer)} MiB, most: {resident_mib(analyzer, 'VmHWM')} MiB"
    )
    print(f"events: {json.dumps(heard)}; others kept {others:.2f} processors busy")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def too_busy(usual_ms: float, others: float) -> str:
    """Return why this machine cannot tell how late queries make events; "" when it can."""
    if usual_ms > QUIET_MS:
        return f"without any query 1 event of 100 comes later than {usual_ms} ms (at most {QUIET_MS:g})"
    if others > STRANGERS:
        return f"other programs kept {others:.2f} processors busy meanwhile (at most {STRANGERS:g})"
    return ""


def resident_mib(pid: int, field: str = "VmRSS") -> int:
    """Return resident memory, 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(field)), 0)


def tail_of_log(stack: Stack) -> str:
    """Return the warnings and errors that the processes wrote, the last ones when there are many."""
    lines = stack.log.read_text(errors="replace").splitlines(keepends=True)
    return "".join([line for line in lines if "error" in line.lower() or "Traceback" in line][-20:])


if __name__ == "__main__":
    sys.exit(main())
