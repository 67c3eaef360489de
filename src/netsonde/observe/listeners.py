# SPDX-License-Identifier: Apache-2.0
"""Those who want to hear of changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from netsonde.observe.logs import logger

T = TypeVar("T")


class Listeners(Generic[T]):
    """Functions that are told each change of `what`, in the order in which they came.

    One that fails is logged: it keeps neither the others from hearing nor whoever tells from going on.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._listeners: list[Callable[[T], None]] = []

    def add(self, listener: Callable[[T], None]) -> Callable[[], None]:
        """Tell a listener from now on; returns what ends it, which may be called again."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def tell(self, change: T) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:
                logger(self._what).exception(f"a listener of {self._what} failed", listener=repr(listener))
