# SPDX-License-Identifier: Apache-2.0
"""The devlink devices of one namespace, asked of the kernel.

Source: DEVLINK_CMD_* of linux/devlink.h over generic netlink. Needs CAP_NET_ADMIN in the namespace for the mode of the
switch. Blocks for as long as the kernel and its drivers answer, so it is called in a thread.
"""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from netsonde.errors import SourceLost, Unsupported
from netsonde.probes import netlink_wire as wire
from netsonde.probes.devlink.messages import (
    BUS_NAME,
    DEV_NAME,
    Attributes,
    Device,
    decode,
    take_device,
    take_eswitch,
    take_info,
    take_port,
    take_reporter,
)
from netsonde.probes.generic_netlink import ask, read_family

NAME: Final = "devlink"
CMD_GET: Final = 1
CMD_PORT_GET: Final = 5
CMD_ESWITCH_GET: Final = 29
CMD_INFO_GET: Final = 51
CMD_HEALTH_REPORTER_GET: Final = 52
_NOT_TOLD: Final = (errno.EOPNOTSUPP, errno.EPERM, errno.ENODEV, errno.EINVAL)
"""By a driver that does not know, without the right, of a device that went meanwhile, by an older kernel."""

_DUMPS: Final[dict[int, tuple[str, Callable[[Device, Attributes], None]]]] = {
    CMD_INFO_GET: ("devlink: firmware", take_info),
    CMD_PORT_GET: ("devlink: ports", take_port),
    CMD_HEALTH_REPORTER_GET: ("devlink: health", take_reporter),
}


class Reading(NamedTuple):
    """The devices of a namespace, and what could not be read of them."""

    devices: list[Device]
    troubles: list[str]


def read_devices(source: socket.socket) -> Reading:
    """Return the devices of the namespace that `source` was made in.

    A driver whose firmware hangs fails the question that it is asked; the others are asked all the same.

    Unsupported when this kernel has no devlink, SourceLost when it does not answer.
    """
    try:
        family = read_family(source, NAME)
        if not family:
            raise Unsupported("this kernel has no devlink")
        return _read(source, family)
    except OSError as refused:
        raise SourceLost(f"the kernel does not list devlink devices: {refused}") from refused


def _read(source: socket.socket, family: int) -> Reading:
    troubles: list[str] = []
    devices: dict[str, Device] = {}
    for message in ask(source, family, CMD_GET, dump=True):
        name, said = decode(message)
        if name:
            take_device(devices.setdefault(name, Device(name)), said)
    for command, (what, take) in _DUMPS.items() if devices else ():
        with _told(what, troubles):
            for message in ask(source, family, command, dump=True):
                name, said = decode(message)
                if name in devices:
                    take(devices[name], said)
    for device in devices.values():
        bus, _, name = device.name.partition("/")
        handle = wire.attribute(BUS_NAME, bus.encode() + b"\0") + wire.attribute(DEV_NAME, name.encode() + b"\0")
        with _told(f"{device.name}: the switch", troubles):
            for message in ask(source, family, CMD_ESWITCH_GET, handle, dump=False):
                take_eswitch(device, decode(message)[1])
    return Reading(list(devices.values()), troubles)


@contextmanager
def _told(what: str, troubles: list[str]) -> Iterator[None]:
    """Note why the kernel, or a driver, did not tell something; OSError when it said nothing at all."""
    try:
        yield
    except OSError as refused:
        if refused.errno is None:  # the socket's own time limit
            raise
        if refused.errno not in _NOT_TOLD:
            troubles.append(f"{what} cannot be read: {refused.strerror}")
