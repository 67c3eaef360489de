# SPDX-License-Identifier: Apache-2.0
"""One look at a namespace, where the kernel has less than it seemed."""

import errno
import os
from collections.abc import Callable

import pytest

from netsonde.probes.netfilter import door as module
from netsonde.probes.netfilter.conntrack import Conntrack
from netsonde.probes.netfilter.door import Door, open_door, read_rules


def refusing(number: int) -> Callable[[], None]:
    def open_socket() -> None:
        raise OSError(number, os.strerror(number))

    return open_socket


@pytest.fixture(autouse=True)
def conntrack(monkeypatch: pytest.MonkeyPatch) -> Conntrack:
    found = Conntrack(3, 100)
    monkeypatch.setattr(module, "read_conntrack", lambda: found)
    return found


def test_kernel_without_netlink_of_netfilter_has_no_rules_and_tells_its_connections(
    monkeypatch: pytest.MonkeyPatch, conntrack: Conntrack
) -> None:
    monkeypatch.setattr(module, "open_socket", refusing(errno.EPROTONOSUPPORT))
    door = open_door(nftables=True)
    assert door == Door(conntrack, None)
    (rules,), _ = read_rules([(door, None)], 10)
    assert (rules.trouble, rules.found is not None and rules.found.tables) == ("", {})


def test_namespace_in_which_no_socket_can_be_had_was_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "open_socket", refusing(errno.EMFILE))
    with pytest.raises(OSError, match="Too many open files"):
        open_door(nftables=True)
