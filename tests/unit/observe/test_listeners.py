# SPDX-License-Identifier: Apache-2.0
"""Listeners that come, go and fail."""

from netsonde.observe import Listeners


def test_a_listener_that_fails_keeps_nobody_from_hearing() -> None:
    listeners: Listeners[int] = Listeners("numbers")
    heard: list[int] = []

    def broken(change: int) -> None:
        raise ValueError(change)

    listeners.add(broken)
    end = listeners.add(heard.append)
    listeners.tell(1)
    end()
    end()
    listeners.tell(2)
    assert heard == [1]


def test_a_listener_may_leave_while_it_is_told() -> None:
    listeners: Listeners[int] = Listeners("numbers")
    heard: list[int] = []
    end = listeners.add(lambda change: end())
    listeners.add(heard.append)
    listeners.tell(1)
    listeners.tell(2)
    assert heard == [1, 2]
