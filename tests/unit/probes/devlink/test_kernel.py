# SPDX-License-Identifier: Apache-2.0
"""Devices of devlink by composed messages: what they are, their ports and health; kernels and drivers that refuse."""

import errno
from typing import Any, cast

import pytest
from pyroute2.netlink import devlink as reference

from netsonde.errors import SourceLost, Unsupported, WireError
from netsonde.probes.devlink import kernel as kernel_module
from netsonde.probes.devlink import messages
from netsonde.probes.devlink.kernel import read_devices
from netsonde.probes.devlink.messages import Device, devices_metadata
from netsonde.schema import unlisted
from unit.probes.devlink.kernel import (
    CARD,
    ESWITCH_GET,
    GET,
    HEALTH_GET,
    INFO_GET,
    PORT_GET,
    Kernel,
    byte,
    card,
    handle,
    info,
    port,
    short,
    version,
    word,
)


def read(kernel: Kernel) -> list[Device]:
    source: Any = cast("Any", kernel)
    return read_devices(source).devices


def only(kernel: Kernel) -> Device:
    (found,) = read(kernel)
    return found


def test_numbers_are_those_of_another_implementation() -> None:
    attributes = {name: number for number, (name, _) in enumerate(reference.devlinkcmd.nla_map)}
    ours = {
        f"DEVLINK_ATTR_{name}": value for name, value in vars(messages).items() if f"DEVLINK_ATTR_{name}" in attributes
    }
    assert len(ours) > 10
    assert {name: attributes[name] for name in ours} == ours
    commands = {name: value for name, value in vars(kernel_module).items() if name.startswith("CMD_")}
    known = {name: getattr(reference, f"DEVLINK_{name}") for name in commands if hasattr(reference, f"DEVLINK_{name}")}
    assert known == {name: commands[name] for name in known}
    assert known


def test_card_tells_driver_versions_switch_and_health() -> None:
    shown = only(card()).metadata()
    assert shown == {
        "Device": CARD,
        "Driver": "mlx5_core",
        "Serial": "MT1925X00000",
        "Versions": [
            {"Name": "fw.psid", "Fixed": "MT_0000000540"},
            {"Name": "fw.version", "Running": "22.36.1010", "Stored": "22.37.1014"},
        ],
        **{"EswitchMode": "switchdev", "EswitchInlineMode": "link", "EswitchEncapMode": "basic"},
        "Reporters": [
            {"Name": "fw_fatal", "State": "healthy", "Errors": 0, "Recoveries": 0},
            {"Name": "tx", "Port": 65535, "State": "healthy", "Errors": 2, "Recoveries": 2},
        ],
    }
    assert unlisted({"Type": "host", "DevlinkDevices": [shown]}) == []


def test_ports_tell_what_they_are_and_stand_for() -> None:
    device = only(card())
    assert device.port_metadata(65535) == {"Device": CARD, "Flavour": "physical", "EswitchMode": "switchdev"}
    representor = device.port_metadata(65540)
    assert representor == {
        **{"Device": CARD, "Flavour": "pcivf", "EswitchMode": "switchdev", "Controller": 0, "PF": 0, "VF": 3},
        **{"FunctionMAC": "02:00:00:00:00:03", "FunctionState": "active", "FunctionOpState": "attached"},
    }
    assert unlisted({"Type": "device", "Devlink": representor}) == []


def test_subfunction_of_another_host_is_told() -> None:
    kernel = card()
    kernel.told[PORT_GET] = [port(CARD, 9, 7, word(150, 1), short(127, 0), word(164, 88), byte(149, 1))]
    found = only(kernel).ports[9]
    assert found == {"Flavour": "pcisf", "Controller": 1, "PF": 0, "SF": 88, "External": True}
    assert unlisted({"Type": "device", "Devlink": found}) == []


def test_device_whose_reload_failed_says_so() -> None:
    assert only(Kernel({GET: [handle(CARD) + byte(136, 1)]})).metadata() == {"Device": CARD, "ReloadFailed": True}


def test_numbers_that_are_not_known_yet_are_shown_as_such() -> None:
    kernel = card(mode=7)
    kernel.told[PORT_GET] = [port(CARD, 1, 99)]
    assert (only(kernel).eswitch["EswitchMode"], only(kernel).ports[1]) == ("7", {"Flavour": "99"})


@pytest.mark.parametrize("command", [INFO_GET, PORT_GET, HEALTH_GET, ESWITCH_GET])
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EPERM, errno.ENODEV])
def test_what_a_driver_does_not_tell_is_absent_and_the_rest_is_told(command: int, number: int) -> None:
    kernel = card()
    kernel.told[command] = number
    found = only(kernel)
    parts = {INFO_GET: found.info, PORT_GET: found.ports, HEALTH_GET: found.reporters, ESWITCH_GET: found.eswitch}
    assert [each for each, part in parts.items() if not part] == [command]


@pytest.mark.parametrize("command", [INFO_GET, PORT_GET, HEALTH_GET, ESWITCH_GET])
def test_driver_that_fails_one_question_is_told_and_asked_the_others(command: int) -> None:
    kernel = card()
    kernel.told[command] = errno.ETIMEDOUT
    source: Any = cast("Any", kernel)
    (found,), (trouble,) = read_devices(source)
    parts = {INFO_GET: found.info, PORT_GET: found.ports, HEALTH_GET: found.reporters, ESWITCH_GET: found.eswitch}
    assert [each for each, part in parts.items() if not part] == [command]
    assert trouble.endswith("cannot be read: ETIMEDOUT")


def test_devices_that_went_meanwhile_and_nameless_ones_are_left_out() -> None:
    kernel = Kernel({GET: [handle(CARD), b""], INFO_GET: [info("pci/0000:04:00.0"), info(CARD, serial="")]})
    assert only(kernel).metadata() == {"Device": CARD, "Driver": "mlx5_core"}


def test_versions_without_a_name_or_a_value_are_left_out() -> None:
    kernel = Kernel({GET: [handle(CARD)], INFO_GET: [info(CARD, version(101, "", "1"), version(101, "fw", ""))]})
    assert only(kernel).versions == {}


def test_kernel_without_devices_is_not_asked_for_more() -> None:
    kernel = Kernel()
    assert read(kernel) == []
    assert kernel.questions == [3, GET]


def test_kernel_without_devlink_is_not_supported() -> None:
    with pytest.raises(Unsupported):
        read(Kernel(known=False))


def test_kernel_that_refuses_or_falls_silent_is_lost() -> None:
    with pytest.raises(SourceLost, match=r"does not list devlink devices: .*EBUSY"):
        read(Kernel({GET: errno.EBUSY}))
    with pytest.raises(SourceLost, match="timed out"):
        read(Kernel(silent=True))


def test_rubbish_is_refused() -> None:
    with pytest.raises(WireError):
        read(Kernel(rubbish=b"\xff" * 64))


def test_more_devices_than_the_limit_are_counted() -> None:
    shown = devices_metadata([Device(f"pci/{number}") for number in range(5)], 3)
    assert shown == {"DevlinkDevices": [{"Device": f"pci/{number}"} for number in range(3)], "DevlinkDevicesOmitted": 2}
    assert unlisted({"Type": "netns", **shown}) == []
    assert devices_metadata([], 3) == {}
