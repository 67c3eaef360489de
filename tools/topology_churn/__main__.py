# SPDX-License-Identifier: Apache-2.0
"""Run the churn in the namespaces that this process is in, and print what it found.

Ends with 1 when the graph was wrong or something leaked.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from docker_fixture import PrivateDocker
from netsonde.observe import configure_logging
from ovs_fixture import PrivateOvs
from topology_churn.run import Daemons, Outcome, churn

MOST_SHOWN = 20
"""Lines of what is wrong that are printed."""


def main() -> int:
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"{cycles} cycles with seed {seed}")
    configure_logging("churn", "error")
    began = time.monotonic()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as directory:
        ovs, docker = PrivateOvs(Path(directory) / "ovs").start(), PrivateDocker(Path(directory) / "d")
        docker.directory.mkdir()
        try:
            docker.start().make_image()
            outcome = uvloop.run(churn(Path(directory), Daemons(ovs, docker), cycles, seed, tell=print))
        finally:
            docker.clean_up()
            ovs.stop()
    return report(outcome, time.monotonic() - began)


def report(outcome: Outcome, took: float) -> int:
    print(f"{outcome.cycles} cycles in {took:.0f} s, {sum(outcome.changes.values())} changes: {outcome.changes}")
    print(f"{outcome.resyncs} namespaces read anew, {outcome.server_losses} losses of the switch's database")
    print(f"{outcome.engine_losses} losses of Docker's daemon")
    print(f"{outcome.compared} comparisons, equal within {outcome.slowest_equal:.1f} s at worst")
    print(f"memory: {outcome.grown / 2**20:+.1f} MiB since a tenth of the run")
    found = [*outcome.wrong, *outcome.leaks]
    for line in found[:MOST_SHOWN]:
        print(f"WRONG {line}")
    if len(found) > MOST_SHOWN:
        print(f"... and {len(found) - MOST_SHOWN} more")
    return 1 if outcome.wrong or outcome.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
