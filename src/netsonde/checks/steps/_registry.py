# SPDX-License-Identifier: Apache-2.0
"""All steps, one line each."""

from collections.abc import Mapping
from typing import Any, Final

from netsonde.checks.steps import dhcp, dns, gateway, icmp, mtu, path, tcp, unexpected
from netsonde.checks.steps._api import Step

STEPS: Final[Mapping[str, Step[Any]]] = {
    step.name: step
    for step in (
        dhcp.STEP,
        gateway.STEP,
        icmp.STEP,
        dns.STEP,
        tcp.STEP,
        mtu.STEP,
        path.STEP,
        unexpected.STEP,
    )
}
