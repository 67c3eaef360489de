# SPDX-License-Identifier: Apache-2.0
"""The engines, and the spellings of `Type` that mean them."""

from collections.abc import Mapping
from typing import Final

from netsonde.errors import UserError

SPELLINGS: Final[Mapping[str, str]] = {
    "": "packet",
    "packet": "packet",
    "afpacket": "packet",
    "pcap": "packet",
}
"""Engine by what a definition may say; "" leaves the choice to us."""

NOT_YET: Final = frozenset({"ovssflow", "pcapsocket", "ovsmirror", "dpdk", "ebpf", "sflow", "ovsnetflow"})
"""Types of the reference that have no engine yet."""


def engine_name(capture_type: str) -> str:
    """Return the engine that a capture's Type means; raises UserError for one that there is not."""
    found = SPELLINGS.get(capture_type)
    if found is not None:
        return found
    known = ", ".join(sorted(set(SPELLINGS) - {""}))
    what = "is not available yet" if capture_type in NOT_YET else "is unknown"
    raise UserError(
        f"the capture type {capture_type[:100]!r} {what}",
        hint=f"leave Type empty, or use one of: {known}",
    )
