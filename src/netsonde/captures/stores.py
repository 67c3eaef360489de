# SPDX-License-Identifier: Apache-2.0
"""Keys of the buckets of captures.

`captures` has a key for each UUID, `capture-targets` and `capture-status` one for each `<uuid>.<host>`.
"""


def host_key(uuid: str, host: str) -> str:
    """Return the key of what concerns one capture on one host."""
    return f"{uuid}.{host}"


def split_key(key: str) -> tuple[str, str]:
    """Reverse `host_key`; UUIDs have no dots, host names may."""
    uuid, _, host = key.partition(".")
    return uuid, host
