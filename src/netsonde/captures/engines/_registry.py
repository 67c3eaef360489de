# SPDX-License-Identifier: Apache-2.0
"""The engines: the spellings of `Type` that mean them, where each can work, and what each can honour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from netsonde.errors import UserError

Place = Literal["device", "node", "ovsbridge", "ovsport"]
"""What an engine needs: a network device, any node of a host, a bridge or a port of Open vSwitch."""


@dataclass(frozen=True, slots=True)
class EngineKind:
    """What an engine is able to do; a definition that asks for more is refused."""

    place: Place
    has_packets: bool = True
    """Packets come: they can be filtered, kept, written and mirrored."""
    has_every_packet: bool = True
    """All of them come: connections can be followed, fragments put together."""
    listens: bool = False
    """Something is sent to it: `Port` says where."""
    samples: bool = False
    """`SamplingRate` and `PollingInterval` are for it to set."""


KINDS: Final[Mapping[str, EngineKind]] = {
    "packet": EngineKind("device"),
    "ebpf": EngineKind("device", has_packets=False, has_every_packet=False),
    "sflow": EngineKind("node", has_every_packet=False, listens=True),
    "netflow": EngineKind("node", has_packets=False, has_every_packet=False, listens=True),
    "pcapsocket": EngineKind("node", listens=True),
    "ovssflow": EngineKind("ovsbridge", has_every_packet=False, listens=True, samples=True),
    "ovsnetflow": EngineKind("ovsbridge", has_packets=False, has_every_packet=False, listens=True),
    "ovsipfix": EngineKind("ovsbridge", has_packets=False, has_every_packet=False, listens=True, samples=True),
    "ovsmirror": EngineKind("ovsport"),
}

SPELLINGS: Final[Mapping[str, str]] = {
    **{name: name for name in KINDS},
    "": "packet",
    "afpacket": "packet",
    "pcap": "packet",
    "ipfix": "netflow",
}
"""Engine by what a definition may say."""

NOT_YET: Final = frozenset({"dpdk"})
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
