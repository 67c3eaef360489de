# SPDX-License-Identifier: Apache-2.0
"""Repeated changes held back, the first never."""

from netsonde.probes.netlink.throttle import Throttle


def test_first_passes_at_once_and_the_next_waits() -> None:
    throttle: Throttle[str] = Throttle(1.0)
    assert throttle.offer({"a"}, 10.0) == {"a"}
    assert throttle.offer({"a", "b"}, 10.2) == {"b"}
    assert throttle.next_at() == 11.0
    assert throttle.release(10.9) == set()
    assert throttle.release(11.0) == {"a"}
    assert throttle.next_at() is None


def test_held_one_that_is_forgotten_does_not_come() -> None:
    throttle: Throttle[str] = Throttle(1.0)
    throttle.offer({"a"}, 0.0)
    throttle.offer({"a"}, 0.5)
    throttle.forget("a")
    assert throttle.release(5.0) == set()
