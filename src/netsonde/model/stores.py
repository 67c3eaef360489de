# SPDX-License-Identifier: Apache-2.0
"""What parts that keep definitions need of a key-value store, as Protocols; `bus.Bucket` is one."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Entry(Protocol[T_co]):
    """What a watch yields; `current` comes once, after everything that was there at the beginning.

    A `put` without a value could not be decoded.
    """

    @property
    def kind(self) -> Literal["put", "delete", "current"]: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> T_co | None: ...
    @property
    def revision(self) -> int: ...


class Store(Protocol[T]):
    """One bucket. Methods raise SourceLost while the store is away; watches go on by themselves."""

    async def items(self) -> dict[str, T]: ...

    async def put(self, key: str, value: T, *, ttl_s: float = 0) -> int:
        """Write the value whatever is there; returns its revision. It expires after `ttl_s` seconds, 0 = never."""

    async def create(self, key: str, value: T) -> int:
        """Write the value unless there is one (Conflict); returns its revision."""

    async def update(self, key: str, value: T, revision: int, *, ttl_s: float = 0) -> int:
        """Replace the value of that revision; Conflict when it was changed or deleted meanwhile."""

    async def delete(self, key: str, *, revision: int | None = None) -> bool:
        """Delete the value (of that revision, else Conflict); returns whether there was one."""

    def watch(self, keys: str = ">") -> AsyncIterator[Entry[T]]:
        """Yield what is there, `current`, then every change; `*` stands for what is before or after a dot."""
