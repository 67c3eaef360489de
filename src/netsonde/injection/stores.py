# SPDX-License-Identifier: Apache-2.0
"""What injections need of a key-value store; `bus.Bucket` is one."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Entry(Protocol[T_co]):
    """What a watch yields; `current` comes once, after everything that was there at the beginning."""

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

    async def put(self, key: str, value: T) -> int: ...

    async def create(self, key: str, value: T) -> int:
        """Write the value unless there is one (Conflict); returns its revision."""

    async def delete(self, key: str) -> bool: ...

    def watch(self, keys: str = ">") -> AsyncIterator[Entry[T]]: ...
