# SPDX-License-Identifier: Apache-2.0
"""Which injections nobody reports any more, by our own clock: those of others may differ by more than the patience."""

from collections.abc import Callable
from typing import Final

PATIENCE: Final = 15.0
"""Seconds without a report after which an injection counts as interrupted: its analyzer writes every second."""


class Silence:
    """When something was heard last of each injection (UUID)."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives monotonic seconds."""
        self._now = now
        self._heard: dict[str, float] = {}

    def hear(self, uuid: str) -> None:
        self._heard[uuid] = self._now()

    def forget(self, uuid: str) -> None:
        self._heard.pop(uuid, None)

    def has_lasted(self, uuid: str) -> bool:
        """Tell whether nothing was heard for long; one of which nothing ever was begins to be silent now."""
        return self._now() - self._heard.setdefault(uuid, self._now()) > PATIENCE
