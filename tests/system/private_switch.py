# SPDX-License-Identifier: Apache-2.0
"""A real Open vSwitch of a test's own, with its sockets and its database in a folder of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.switch import Switch


@contextmanager
def private_switch() -> Iterator[Switch]:
    """Run one without bridges."""
    # The names of sockets must be short: those of pytest's folders are not.
    folder = Path(f"/tmp/nst{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    switch = Switch(folder)
    switch.start()
    try:
        yield switch
    finally:
        switch.stop()
