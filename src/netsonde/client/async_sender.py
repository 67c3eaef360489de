# SPDX-License-Identifier: Apache-2.0
"""What a resource needs of the asyncio client: somebody who makes calls and follows feeds."""

from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

from netsonde.client.async_live import AsyncSubscription
from netsonde.client.call import Call
from netsonde.client.feeds import Feed

T = TypeVar("T")


class AsyncSender(Protocol):
    """Part of `AsyncClient`."""

    async def send(self, call: Call[T]) -> T: ...
    def stream(self, call: Call[Any], timeout: float | None = None) -> AsyncIterator[bytes]: ...
    def live(self, feed: Feed[T], *, reconnect: bool = True) -> AsyncSubscription[T]: ...
