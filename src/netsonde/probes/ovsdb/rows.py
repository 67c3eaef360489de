# SPDX-License-Identifier: Apache-2.0
"""Rows of Open vSwitch's database read as what they mean. Pure. Source: ovs-vswitchd.conf.db(5)."""

from netsonde.model.elements import Json, Metadata
from netsonde.probes.ovsdb.monitor import Row

NETDEV_TYPES = frozenset({"", "system", "internal", "tap", "afxdp", "afxdp-nonpmd"})
"""Interface types with a network device of the same name; patch, tunnel and DPDK ports have none."""


def text(row: Row, column: str) -> str:
    """Return a scalar as text, "" when it is not set."""
    value = row.get(column)
    return str(value[0]) if isinstance(value, tuple) and value else ""


def number(row: Row, column: str) -> int | None:
    value = row.get(column)
    found = value[0] if isinstance(value, tuple) and value else None
    return found if isinstance(found, int) else None


def numbers(row: Row, column: str) -> list[Json]:
    """Return a set of numbers, the smallest first."""
    return [*sorted(item for item in row.get(column, ()) if isinstance(item, int))]


def flag(row: Row, column: str) -> bool:
    value = row.get(column)
    return isinstance(value, tuple) and bool(value) and value[0] is True


def set_flag(row: Row, column: str) -> bool | None:
    """Return a flag that may be unknown, None then."""
    return flag(row, column) if row.get(column) else None


def members(row: Row, column: str) -> list[str]:
    """Return a set of texts or row references."""
    value = row.get(column)
    return [str(item) for item in value] if isinstance(value, tuple) else []


def mapping(row: Row, column: str) -> dict[str, str]:
    value = row.get(column)
    return value if isinstance(value, dict) else {}


def has_netdev(row: Row) -> bool:
    return text(row, "type") in NETDEV_TYPES


def patch_peer(row: Row) -> str:
    """Return the name of the other patch port, "" for other types."""
    return mapping(row, "options").get("peer", "") if text(row, "type") == "patch" else ""


def compact(**keys: Json) -> Metadata:
    """Return the keys that have a value: no empty text, list or object, no None."""
    return {key: value for key, value in keys.items() if value not in ("", None, [], {})}


def copied(values: dict[str, str]) -> Metadata:
    """Return a map as metadata, its keys verbatim, dots and all."""
    return dict(values)
