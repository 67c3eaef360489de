# SPDX-License-Identifier: Apache-2.0
"""What a resource needs of the blocking client: somebody who makes calls and follows feeds."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from netsonde.client.call import Call
from netsonde.client.feeds import Feed
from netsonde.client.live import Subscription

T = TypeVar("T")


class Sender(Protocol):
    """Part of `Client`."""

    def send(self, call: Call[T]) -> T: ...
    def stream(self, call: Call[Any], timeout: float | None = None) -> Iterator[bytes]: ...
    def live(self, feed: Feed[T], *, reconnect: bool = True) -> Subscription[T]: ...
