# SPDX-License-Identifier: Apache-2.0
"""Phrases that the sentences of several steps share."""

from datetime import UTC, datetime

from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import Scene


def clock(time_ns: int) -> str:
    """Return a time of day with milliseconds, in UTC; what is no time of this calendar is shown as a number."""
    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%H:%M:%S") + (
            f".{time_ns % 1_000_000_000 // 1_000_000:03d} UTC"
        )
    except (ValueError, OverflowError, OSError):
        return str(time_ns)


def packets(number: int, kind: str = "") -> str:
    """Return "1 packet", "2 other packets"."""
    return f"{number} {kind}packet{'' if number == 1 else 's'}"


def span(scene: Scene, time_ns: int) -> str:
    """Return how long after the interface's appearance something was."""
    return f"{(time_ns - scene.start_ns) / 1e9:.3f} s"


def left(scene: Scene, what: str, packet: Packet) -> str:
    """Return "WHAT left INTERFACE at TIME, reached …, was not seen on …"."""
    words = scene.trail(packet.flow).words()
    return f"{what} left {scene.name} at {clock(packet.time_ns)}" + (f", {words}" if words else "")


def lost(scene: Scene, packet: Packet, otherwise: str) -> str:
    """Return why a question may have no answer: it got lost on a known path, or `otherwise`."""
    where = scene.trail(packet.flow)
    if not where.missing:
        return otherwise
    return f"wrong VLAN {where.vlan} or no link" if where.vlan else "wrong VLAN or no link"
