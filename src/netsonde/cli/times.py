# SPDX-License-Identifier: Apache-2.0
"""Times and sizes for people."""

from datetime import datetime


def clock_time(unix_ms: object) -> str:
    """Return a time of day in the user's zone, with the date when it is not today's."""
    if not isinstance(unix_ms, int) or unix_ms <= 0:
        return ""
    moment = datetime.fromtimestamp(unix_ms / 1000).astimezone()
    is_today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")


def size(octets: object) -> str:
    """Return a number of bytes with a binary unit."""
    if not isinstance(octets, int | float):
        return ""
    amount = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
