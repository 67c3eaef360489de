# SPDX-License-Identifier: Apache-2.0
"""Which control socket is that of the switch."""

import os
from pathlib import Path

import pytest

from netsonde.errors import SourceLost
from netsonde.probes.ovsdb.control import control_socket


def test_socket_of_the_running_switch_is_preferred_to_younger_ones(tmp_path: Path) -> None:
    (tmp_path / "ovs-vswitchd.pid").write_text("42\n")
    for pid, age in (("42", 100), ("7", 900)):
        (tmp_path / f"ovs-vswitchd.{pid}.ctl").touch()
        os.utime(tmp_path / f"ovs-vswitchd.{pid}.ctl", (age, age))

    assert control_socket(f"unix:{tmp_path}/db.sock").name == "ovs-vswitchd.42.ctl"

    (tmp_path / "ovs-vswitchd.pid").write_bytes(b"\xff" * 99)
    assert control_socket(f"unix:{tmp_path}/db.sock").name == "ovs-vswitchd.7.ctl"


def test_where_there_is_none_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceLost, match="is Open vSwitch running"):
        control_socket(f"unix:{tmp_path}/none/db.sock")
    with pytest.raises(SourceLost, match="nobody knows where the switch of tcp:"):
        control_socket("tcp:127.0.0.1:6640")
