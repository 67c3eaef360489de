# SPDX-License-Identifier: Apache-2.0
"""A short slice of `tools/churn`, which takes 1,000 cycles: real namespaces, links, switch ports and containers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CHURN = Path(__file__).parents[2] / "tools/churn"
CYCLES, SEED = "30", "7"


def test_graph_after_a_restless_hour_is_that_of_a_fresh_agent_and_nothing_leaks() -> None:
    for program in ("ovs-vswitchd", "runc", "dockerd"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"{program} is not installed")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    done = subprocess.run([CHURN, CYCLES, SEED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert f"{CYCLES} cycles in" in done.stdout
    assert "\n0 namespaces read anew" not in done.stdout, "no fault happened"
    assert "\n0 losses" not in done.stdout, "no fault happened"
    assert " 0 losses" not in done.stdout, "no fault happened"
