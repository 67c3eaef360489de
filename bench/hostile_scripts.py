# SPDX-License-Identifier: Apache-2.0
"""Events of a subscriber while an endless, a greedy, a recursive and a flooding script are stopped, beside a limit.

A real all-in-one (root). The same work as `tests/system/test_workflows.py`, which asserts that all of them end.
"""

import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from system.links import Links, ip
from system.stack import Stack
from system.test_workflows import ATTACKS, attacked, tid_of

LIMIT_MS = 200.0


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "state").start()
        links = Links(f"h{secrets.token_hex(2)}")
        try:
            left, _ = links.veth("b")
            tid_of(stack, left)
            for name, (source, _, _) in ATTACKS.items():
                stack.call("POST", "/api/workflow", {"Name": name, "Source": source, "Timeout": 4})
            ended, delays = asyncio.run(attacked(stack, left))
        finally:
            for name in links.names:
                ip("link", "del", name)
            stack.stop()
    worst = max(delays) * 1000
    for name, job in ended.items():
        print(f"{name:10} {job['State']}: {job['Reason'][:80]}")
    print(f"{len(delays)} events: median {sorted(delays)[len(delays) // 2] * 1000:.0f} ms, most {worst:.0f} ms")
    print(f"of the limit of {LIMIT_MS:.0f} ms: {worst / LIMIT_MS:.2f}{'' if worst < LIMIT_MS else '  MISSED'}")
    return 0 if worst < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
