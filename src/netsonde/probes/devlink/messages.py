# SPDX-License-Identifier: Apache-2.0
"""Devices, ports and health reporters of devlink decoded, and as metadata. Pure.

Source: DEVLINK_ATTR_* and DEVLINK_PORT_* of linux/devlink.h; Documentation/networking/devlink of Linux.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from netsonde.model.elements import Json, Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.generic_netlink import GENERIC

BUS_NAME: Final = 1
DEV_NAME: Final = 2
PORT_INDEX: Final = 3
ESWITCH_MODE: Final = 25
ESWITCH_INLINE_MODE: Final = 26
ESWITCH_ENCAP_MODE: Final = 62
PORT_FLAVOUR: Final = 77
INFO_DRIVER_NAME: Final = 98
INFO_SERIAL_NUMBER: Final = 99
INFO_VERSION_FIXED: Final = 100
INFO_VERSION_RUNNING: Final = 101
INFO_VERSION_STORED: Final = 102
INFO_VERSION_NAME: Final = 103
INFO_VERSION_VALUE: Final = 104
HEALTH_REPORTER: Final = 114
HEALTH_REPORTER_NAME: Final = 115
HEALTH_REPORTER_STATE: Final = 116
HEALTH_REPORTER_ERR_COUNT: Final = 117
HEALTH_REPORTER_RECOVER_COUNT: Final = 118
PORT_PCI_PF_NUMBER: Final = 127
PORT_PCI_VF_NUMBER: Final = 128
RELOAD_FAILED: Final = 136
PORT_FUNCTION: Final = 145
INFO_BOARD_SERIAL_NUMBER: Final = 146
PORT_EXTERNAL: Final = 149
PORT_CONTROLLER_NUMBER: Final = 150
PORT_PCI_SF_NUMBER: Final = 164
FUNCTION_HW_ADDR, FUNCTION_STATE, FUNCTION_OPSTATE = 1, 2, 3

FLAVOURS: Final = ("physical", "cpu", "dsa", "pcipf", "pcivf", "virtual", "unused", "pcisf")
"""As `devlink port` writes them."""
MODES: Final = ("legacy", "switchdev")
INLINE_MODES: Final = ("none", "link", "network", "transport")
ENCAP_MODES: Final = ("none", "basic")
STATES: Final = ("healthy", "error")
FUNCTION_STATES: Final = ("inactive", "active")
FUNCTION_OPSTATES: Final = ("detached", "attached")
_VERSIONS: Final = {INFO_VERSION_FIXED: "Fixed", INFO_VERSION_RUNNING: "Running", INFO_VERSION_STORED: "Stored"}
_NUMBERS: Final = {
    PORT_CONTROLLER_NUMBER: "Controller",
    PORT_PCI_PF_NUMBER: "PF",
    PORT_PCI_VF_NUMBER: "VF",
    PORT_PCI_SF_NUMBER: "SF",
}
_NO_PORT: Final = -1

Attributes = list[tuple[int, bytes]]


@dataclass(slots=True)
class Device:
    """One device, as far as it is told."""

    name: str
    """Bus and address, `pci/0000:03:00.0`."""
    info: Metadata = field(default_factory=dict)
    versions: dict[str, Metadata] = field(default_factory=dict)
    """By name."""
    eswitch: Metadata = field(default_factory=dict)
    reporters: dict[tuple[int, str], Metadata] = field(default_factory=dict)
    """By port and name."""
    ports: dict[int, Metadata] = field(default_factory=dict)
    """By index."""

    def metadata(self) -> Metadata:
        """Return what is shown of it, without its ports."""
        versions: list[Json] = [self.versions[name] for name in sorted(self.versions)]
        reporters: list[Json] = [self.reporters[place] for place in sorted(self.reporters)]
        lists: Metadata = {"Versions": versions, "Reporters": reporters}
        return {
            "Device": self.name,
            **self.info,
            **self.eswitch,
            **{key: value for key, value in lists.items() if value},
        }

    def port_metadata(self, index: int) -> Metadata:
        """Return what is shown of the interface that is a port of it."""
        mode = self.eswitch.get("EswitchMode")
        return {"Device": self.name, **self.ports[index], **({"EswitchMode": mode} if mode else {})}


def decode(message: wire.Message) -> tuple[str, Attributes]:
    """Return of which device a message is, "" when it does not say, and all that it says."""
    said = list(wire.repeated(message.data[message.start + GENERIC.size : message.end]))
    found = dict(said)
    bus, name = wire.text(found.get(BUS_NAME, b"")), wire.text(found.get(DEV_NAME, b""))
    return f"{bus}/{name}" if bus and name else "", said


def take_device(device: Device, said: Attributes) -> None:
    """Take in an answer to DEVLINK_CMD_GET."""
    if wire.number(dict(said).get(RELOAD_FAILED, b"")):
        device.info["ReloadFailed"] = True


def take_info(device: Device, said: Attributes) -> None:
    """Take in an answer to DEVLINK_CMD_INFO_GET."""
    found = dict(said)
    for attribute, key in (
        (INFO_DRIVER_NAME, "Driver"),
        (INFO_SERIAL_NUMBER, "Serial"),
        (INFO_BOARD_SERIAL_NUMBER, "BoardSerial"),
    ):
        if text := wire.text(found.get(attribute, b"")):
            device.info[key] = text
    for kind, value in said:
        if kind in _VERSIONS:
            version = dict(wire.repeated(value))
            name, text = (wire.text(version.get(each, b"")) for each in (INFO_VERSION_NAME, INFO_VERSION_VALUE))
            if name and text:
                device.versions.setdefault(name, {"Name": name})[_VERSIONS[kind]] = text


def take_eswitch(device: Device, said: Attributes) -> None:
    """Take in an answer to DEVLINK_CMD_ESWITCH_GET."""
    found = dict(said)
    device.eswitch |= _word(found, ESWITCH_MODE, "EswitchMode", MODES)
    device.eswitch |= _word(found, ESWITCH_INLINE_MODE, "EswitchInlineMode", INLINE_MODES)
    device.eswitch |= _word(found, ESWITCH_ENCAP_MODE, "EswitchEncapMode", ENCAP_MODES)


def take_reporter(device: Device, said: Attributes) -> None:
    """Take in an answer to DEVLINK_CMD_HEALTH_REPORTER_GET."""
    found = dict(said)
    reporter = dict(wire.repeated(found.get(HEALTH_REPORTER, b"")))
    name = wire.text(reporter.get(HEALTH_REPORTER_NAME, b""))
    if not name:
        return
    port = wire.number(found[PORT_INDEX]) if PORT_INDEX in found else _NO_PORT
    shown: Metadata = {"Name": name, **({"Port": port} if PORT_INDEX in found else {})}
    shown |= _word(reporter, HEALTH_REPORTER_STATE, "State", STATES)
    shown["Errors"] = wire.number(reporter.get(HEALTH_REPORTER_ERR_COUNT, b""))
    shown["Recoveries"] = wire.number(reporter.get(HEALTH_REPORTER_RECOVER_COUNT, b""))
    device.reporters[port, name] = shown


def take_port(device: Device, said: Attributes) -> None:
    """Take in an answer to DEVLINK_CMD_PORT_GET."""
    found = dict(said)
    if PORT_INDEX not in found:
        return
    shown = _word(found, PORT_FLAVOUR, "Flavour", FLAVOURS)
    shown |= {key: wire.number(found[attribute]) for attribute, key in _NUMBERS.items() if attribute in found}
    if wire.number(found.get(PORT_EXTERNAL, b"")):
        shown["External"] = True
    function = dict(wire.repeated(found.get(PORT_FUNCTION, b"")))
    if any(function.get(FUNCTION_HW_ADDR, b"")):
        shown["FunctionMAC"] = function[FUNCTION_HW_ADDR].hex(":")
    shown |= _word(function, FUNCTION_STATE, "FunctionState", FUNCTION_STATES)
    shown |= _word(function, FUNCTION_OPSTATE, "FunctionOpState", FUNCTION_OPSTATES)
    device.ports[wire.number(found[PORT_INDEX])] = shown


def _word(found: dict[int, bytes], attribute: int, key: str, words: tuple[str, ...]) -> Metadata:
    """Return a key with the word for a number; nothing when it is not told, or `none`."""
    if attribute not in found:
        return {}
    number = wire.number(found[attribute])
    word = words[number] if number < len(words) else str(number)
    return {} if word == "none" else {key: word}


def devices_metadata(devices: Iterable[Device], limit: int) -> Metadata:
    """Return what is shown of a namespace: its first `limit` devices by name, and how many more there are."""
    ordered = sorted(devices, key=lambda device: device.name)
    shown: list[Json] = [device.metadata() for device in ordered[:limit]]
    omitted = len(ordered) - len(shown)
    return ({"DevlinkDevices": shown} if shown else {}) | ({"DevlinkDevicesOmitted": omitted} if omitted else {})
