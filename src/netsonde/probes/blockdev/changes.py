# SPDX-License-Identifier: Apache-2.0
"""Signs that block devices, or their mounts, are others than before.

Source: netlink_kobject_uevent of the kernel and of udev, which repeats events when its records are written (libudev's
monitor); POLLPRI on mountinfo, proc(5). Whatever a message says, all is looked at anew, so its sender does not matter.
"""

import asyncio
import os
import select
import socket
from collections.abc import Callable
from typing import Final

NETLINK_KOBJECT_UEVENT: Final = 15
FROM_KERNEL, FROM_UDEV = 1, 2
"""Multicast groups, as bits."""
BLOCK: Final = b"SUBSYSTEM=block\0"
LONGEST: Final = 16 * 1024
"""Bytes of one message that are looked at."""
AT_ONCE: Final = 64
"""Messages that are read before others have their turn: a storm of them must not hold the event loop."""


class Changes:
    """Calls back when something changed; opened in the thread of the event loop."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """OSError when the system refuses."""
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)
        self._epoll = select.epoll()
        try:
            self._events.bind((0, FROM_KERNEL | FROM_UDEV))
            self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._epoll.close()
            self._events.close()
            raise
        # The file is always readable; only an epoll of its own can wait for its POLLPRI, edge by edge.
        self._epoll.register(self._mounts, select.EPOLLPRI | select.EPOLLERR | select.EPOLLET)
        self._loop.add_reader(self._events, self._device_changed)
        self._loop.add_reader(self._epoll.fileno(), self._mounts_changed)

    def close(self) -> None:
        self._loop.remove_reader(self._events)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._events.close()
        os.close(self._mounts)

    def _device_changed(self) -> None:
        try:
            for _ in range(AT_ONCE):
                if BLOCK in self._events.recv(LONGEST):
                    self._changed()
        except BlockingIOError:
            return
        except OSError:
            self._changed()  # the kernel had to drop some, which may have been about block devices

    def _mounts_changed(self) -> None:
        self._epoll.poll(0)
        self._changed()
