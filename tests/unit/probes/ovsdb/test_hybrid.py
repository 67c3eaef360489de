# SPDX-License-Identifier: Apache-2.0
"""What a row tells of the tap behind a port that is plugged the hybrid way."""

import pytest

from netsonde.probes.ovsdb.hybrid import tap_name, tap_note
from unit.probes.ovsdb.lab import replica
from unit.probes.ovsdb.test_switch import IDENTITY, Devices, interface, switch

MACHINE = {"vm-uuid": "8a566101", "attached-mac": "fa:16:3e:f8:7a:ca"}


@pytest.mark.parametrize(
    ("row", "tap"),
    [("qvobd32bbfb-89", "tapbd32bbfb-89"), ("qvbbd32bbfb-89", ""), ("qvobd32bbfb-8", ""), ("xqvobd32bbfb-89", "")],
)
def test_tap_is_called_like_the_far_end_of_the_veth(row: str, tap: str) -> None:
    assert tap_name(interface(row)) == tap


def test_tap_gets_what_is_said_of_the_machine_and_not_the_id_of_the_interface() -> None:
    devices = Devices()
    tap = devices.add("tapbd32bbfb-89", 9)
    row = interface("qvobd32bbfb-89", **{"iface-id": "bd32bbfb", "iface-status": "active", **MACHINE})
    assert tap_note(devices, IDENTITY, row) == (tap, {"ExtID": MACHINE})


def test_device_of_that_name_in_another_namespace_is_not_the_tap() -> None:
    devices = Devices()
    devices.add("tapbd32bbfb-89", 9, netns=7)
    assert tap_note(devices, IDENTITY, interface("qvobd32bbfb-89", **MACHINE)) is None


def test_row_that_tells_of_no_machine_says_nothing_of_a_tap() -> None:
    devices = Devices()
    devices.add("tapbd32bbfb-89", 9)
    assert tap_note(devices, IDENTITY, interface("qvobd32bbfb-89", **{"iface-id": "bd32bbfb"})) is None


def test_tap_that_comes_later_concerns_the_row() -> None:
    rows, devices = replica(), Devices()
    rows.rows["Interface"]["row1"] = interface("qvobd32bbfb-89", **MACHINE)
    found, key = switch(rows, devices), ("Interface", "row1")
    far = devices.add("qvobd32bbfb-89", 8)
    assert set(found.contribution(key, waiting=False).notes) == {far}
    tap = devices.add("tapbd32bbfb-89", 9)
    assert key in found.named("tapbd32bbfb-89")
    assert found.contribution(key, waiting=False).notes[tap] == {"ExtID": MACHINE}
