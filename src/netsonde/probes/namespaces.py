# SPDX-License-Identifier: Apache-2.0
"""The network namespaces known on this host, and the one thread that enters them.

Source: the `netns` probe, which finds them; the agent's own namespace is known from the start.
Read by: the `netlink` probe (a socket each) and, as a listener, the capture core.
"""

import asyncio
import ctypes
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
OWN_NETNS_FILE = Path("/proc/self/ns/net")
CURRENT_NETNS_FILE = Path("/proc/thread-self/ns/net")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace, identified by the inode of its nsfs file."""

    inode: int
    device: int
    fd: int
    """Open descriptor of its nsfs file, valid until the namespace is removed; a listener that needs it longer dups it.

    It keeps the namespace alive, so whoever finds out that nobody uses it any more must remove it promptly.
    """
    own: bool = False
    """Whether it is the agent's own namespace, shown as the host node."""


class NamespaceListener(Protocol):
    """Is told of namespaces as they come and go; must not block."""

    def namespace_added(self, namespace: Namespace) -> None: ...
    def namespace_removed(self, namespace: Namespace) -> None: ...


class NamespaceRegistry:
    """Every known namespace by inode. Used on the event loop's thread only.

    The own namespace is always there. Entering is done in a dedicated thread, one visit at a time, which returns to
    the own namespace after each: a thread that stayed would keep a namespace alive, and its sockets would be made in
    the wrong place.
    """

    def __init__(self, own_fd: int | None = None) -> None:
        """`own_fd`, which it takes over, is another namespace in the place of the own one."""
        self._own = _open_own() if own_fd is None else _namespace(own_fd)
        self._known: dict[int, Namespace] = {self._own.inode: self._own}
        self._names: dict[int, str] = {}
        self._preferred: dict[int, dict[str, str]] = {}
        self._listeners: list[NamespaceListener] = []
        self._hints: list[Callable[[], None]] = []
        self._renames: list[Callable[[int], None]] = []
        self._preferences: list[Callable[[int], None]] = []
        self._thread = ThreadPoolExecutor(1, "netns-enter", None if own_fd is None else partial(_setns, own_fd))

    @property
    def own(self) -> Namespace:
        return self._own

    def get(self, inode: int) -> Namespace | None:
        return self._known.get(inode)

    def all(self) -> list[Namespace]:
        return list(self._known.values())

    def name(self, inode: int) -> str:
        """Return the display name of a namespace, "" for the own one and for unknown ones."""
        return self._names.get(inode, "")

    def set_name(self, inode: int, name: str) -> None:
        before = self._names.get(inode, "")
        self._names[inode] = name
        if before not in ("", name):
            for callback in tuple(self._renames):
                callback(inode)

    def on_renamed(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the inode of each namespace that got another name; return what ends that."""
        self._renames.append(callback)
        return lambda: self._renames.remove(callback)

    def prefer_name(self, inode: int, owner: str, name: str) -> None:
        """Have a namespace, known or not yet, called like its container and not like its files; "" = no more.

        Of several owners the last by the alphabet is heard, as with keys of nodes.
        """
        before = self.preferred_name(inode)
        wishes = self._preferred.setdefault(inode, {})
        wishes[owner] = name
        self._preferred[inode] = {one: wish for one, wish in sorted(wishes.items()) if wish}
        if not self._preferred[inode]:
            del self._preferred[inode]
        if self.preferred_name(inode) == before:
            return
        for callback in tuple(self._preferences):
            callback(inode)

    def preferred_name(self, inode: int) -> str:
        """Return how a namespace should be called, "" when nobody said so."""
        return next(reversed(self._preferred.get(inode, {}).values()), "")

    def on_preferred(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the inode of each namespace whose preferred name changed; return what ends that."""
        self._preferences.append(callback)
        return lambda: self._preferences.remove(callback)

    def add(self, inode: int, device: int, fd: int) -> Namespace:
        """Register a namespace and take over its descriptor; listeners hear of it at once."""
        if inode in self._known:
            raise ValueError(f"namespace {inode} is registered already")
        namespace = Namespace(inode, device, fd)
        self._known[inode] = namespace
        for listener in tuple(self._listeners):
            listener.namespace_added(namespace)
        return namespace

    def remove(self, inode: int) -> None:
        """Forget a namespace, tell the listeners, then close its descriptor."""
        if inode == self._own.inode:
            raise ValueError("the agent's own namespace cannot be removed")
        namespace = self._known.pop(inode, None)
        if namespace is None:
            return
        for listener in tuple(self._listeners):
            listener.namespace_removed(namespace)
        self._names.pop(inode, None)
        os.close(namespace.fd)

    def subscribe(self, listener: NamespaceListener) -> Callable[[], None]:
        """Tell `listener` of all namespaces there are, then of changes; return what ends that."""
        self._listeners.append(listener)
        for namespace in self.all():
            listener.namespace_added(namespace)
        return lambda: self._listeners.remove(listener)

    def on_hint(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` whenever somebody saw a sign of an unknown namespace; return what ends that."""
        self._hints.append(callback)
        return lambda: self._hints.remove(callback)

    def hint(self) -> None:
        """Say that an unknown namespace seems to exist: the kernel gave an id to one."""
        for callback in tuple(self._hints):
            callback()

    async def open_each(self, paths: list[str]) -> list[int | OSError]:
        """Return a descriptor of the namespace that each file names, or why there is none.

        It is not one of the file itself, which would keep the mount there busy, so that nobody could unmount it.
        """
        return await self._in_thread(lambda: [_attempt(partial(self._open, path)) for path in paths], os.close)

    def _open(self, path: str) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self._visit(fd, lambda: os.open(CURRENT_NETNS_FILE, os.O_RDONLY | os.O_CLOEXEC))
        finally:
            os.close(fd)

    async def enter_each(
        self, namespaces: list[Namespace], work: Callable[[], T], discard: Callable[[T], None] | None = None
    ) -> list[T | OSError]:
        """Run `work` in a thread that is inside each namespace in turn, and return its results.

        A result is an OSError where the namespace cannot be entered (no CAP_SYS_ADMIN, or it is gone) or `work`
        raised it. `discard` is given each result that comes after the caller was cancelled.
        """
        return await self._in_thread(
            lambda: [_attempt(work if ns.own else partial(self._visit, ns.fd, work)) for ns in namespaces], discard
        )

    async def _in_thread(
        self, work: Callable[[], list[T | OSError]], discard: Callable[[T], None] | None
    ) -> list[T | OSError]:
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if discard is not None:
                future.add_done_callback(partial(_discard, discard))
            raise

    def _visit(self, fd: int, work: Callable[[], T]) -> T:
        _setns(fd)
        try:
            return work()
        finally:
            _setns(self._own.fd)

    def close(self) -> None:
        """Forget everything; for the end of the process."""
        for inode in [found for found in self._known if found != self._own.inode]:
            self.remove(inode)
        self._thread.shutdown(wait=True)
        os.close(self._own.fd)


def raise_descriptor_limit() -> int:
    """Lift the soft limit on open files to the hard one and return it: every namespace costs two descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _attempt(work: Callable[[], T]) -> T | OSError:
    try:
        return work()
    except OSError as failed:
        return failed


def _discard(discard: Callable[[T], None], future: "asyncio.Future[list[T | OSError]]") -> None:
    if not future.cancelled() and future.exception() is None:
        for result in future.result():
            if not isinstance(result, OSError):
                discard(result)


def _open_own() -> Namespace:
    return _namespace(os.open(OWN_NETNS_FILE, os.O_RDONLY | os.O_CLOEXEC))


def _namespace(fd: int) -> Namespace:
    found = os.fstat(fd)
    return Namespace(found.st_ino, found.st_dev, fd, own=True)


def _setns(fd: int) -> None:
    """os.setns of Python 3.12; ctypes keeps 3.11 working."""
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter the network namespace: {os.strerror(number)}")
