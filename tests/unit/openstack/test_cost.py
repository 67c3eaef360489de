# SPDX-License-Identifier: Apache-2.0
"""OpenStack's client costs 45 MB and a second: only an analyzer that reads a cloud pays for it."""

import subprocess
import sys

CLIENT = ("keystoneauth1", "openstack", "requests")
LOADED = f"import netsonde.analyzer, sys; print([one for one in {CLIENT} if one in sys.modules])"


def test_analyzer_without_clouds_does_not_load_the_client() -> None:
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
