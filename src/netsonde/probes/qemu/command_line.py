# SPDX-License-Identifier: Apache-2.0
"""What a QEMU command line says of the machine: name, UUID, and which MAC is behind which tap. Pure.

Source: qemu(1), options -name, -uuid, -m, -smp, -netdev, -device, -nic, -net; each value is `key=value,…`, a comma in a
value doubled, or since QEMU 6 a JSON object, which is what libvirt writes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from netsonde.model.elements import Json

_PROGRAM: Final = re.compile(r"(?:.*/)?(?:qemu-system-[\w-]+|qemu-kvm|kvm)")
_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OPTION: Final = re.compile(r"((?:[^,]|,,)*)(?:,|$)")

LONGEST_NAME: Final = 255
"""Letters of a machine's name that are shown: whoever holds a tap may call itself QEMU, and anything."""

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Nic:
    """One card of the guest: what it is joined to is a device's name, or descriptors of it, or neither."""

    mac: str
    model: str = ""
    ifname: str = ""
    fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as its command line describes it; "" and () where it does not say."""

    name: str
    uuid: str
    nics: tuple[Nic, ...]
    by_libvirt: bool


def read_command_line(arguments: Sequence[str]) -> Machine | None:
    """Return the machine, None when the program is not QEMU."""
    if not arguments or not _PROGRAM.fullmatch(arguments[0]):
        return None
    options = list(_options(arguments[1:]))
    name = next((values.get("guest", "") for option, values in options if option == "name"), "")
    uuid = next((values.get("uuid", "") for option, values in options if option == "uuid"), "").lower()
    return Machine(
        name=name[:LONGEST_NAME],
        uuid=uuid if _UUID.fullmatch(uuid) else "",
        nics=tuple(_nics(options)),
        by_libvirt=any("/libvirt/" in values.get("file", "") for option, values in options if option == "object"),
    )


_FIRST: Final[Mapping[str, str]] = {
    "name": "guest",
    "uuid": "uuid",
    "netdev": "type",
    "device": "driver",
    "nic": "type",
    "net": "type",
    "object": "qom-type",
}
"""Options that are read, and the key that a value without `key=` has at their beginning."""


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, Values]]:
    waiting = ""
    for argument in arguments:
        if waiting:
            yield waiting, _values(argument, _FIRST[waiting])
            waiting = ""
        elif argument.lstrip("-") in _FIRST and argument.startswith("-"):
            waiting = argument.lstrip("-")


def _values(text: str, first: str) -> Values:
    """Return the values of an option in either way of writing; what cannot be read is left out."""
    if text.startswith("{"):
        try:
            return {key: _text(value) for key, value in msgspec.json.decode(text, type=dict[str, Json]).items()}
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return {}
    found: Values = {}
    for number, part in enumerate(_OPTION.findall(text)):
        key, equals, value = part.replace(",,", ",").partition("=")
        if equals:
            found[key] = value
        elif number == 0:
            found[first] = key
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _nics(options: Sequence[tuple[str, Values]]) -> Iterator[Nic]:
    backends = {values.get("id", ""): values for option, values in options if option == "netdev"}
    for option, values in options:
        if option == "device" and values.get("netdev") in backends:
            yield _nic(values.get("mac", ""), values.get("driver", ""), backends[values["netdev"]])
        elif option == "nic":
            yield _nic(values.get("mac", ""), values.get("model", ""), values)
    yield from _old_nics([values for option, values in options if option == "net"])


def _old_nics(nets: Sequence[Values]) -> Iterator[Nic]:
    """Cards and back ends of -net meet in a hub, so only one of each can be told apart."""
    cards = [values for values in nets if values.get("type") == "nic"]
    taps = [values for values in nets if values.get("type") == "tap"]
    if len(cards) == len(taps) == 1:
        yield _nic(cards[0].get("macaddr", ""), cards[0].get("model", ""), taps[0])


def _nic(mac: str, model: str, backend: Values) -> Nic:
    mac = mac.lower()
    fds = re.findall(r"\d{1,9}", backend.get("fds") or backend.get("fd") or "")
    return Nic(
        mac=mac if _MAC.fullmatch(mac) else "",
        model=model,
        ifname=backend.get("ifname", "") if backend.get("type") == "tap" else "",
        fds=tuple(map(int, fds)),
    )
