# SPDX-License-Identifier: Apache-2.0
"""How a follower keeps one host's graph without a gap."""

from hypothesis import given
from hypothesis import strategies as st

from netsonde.bus.follower import HostProgress
from netsonde.model.topology import TopologyBatch, TopologySnapshot


def batch(sequence: int, epoch: str = "e") -> TopologyBatch:
    return TopologyBatch("h", epoch, sequence, 0, [])


def snapshot(sequence: int, epoch: str = "e") -> TopologySnapshot:
    return TopologySnapshot("h", epoch, sequence, [], [])


def numbers(batches: list[TopologyBatch]) -> list[int]:
    return [each.sequence for each in batches]


def test_batches_are_held_until_the_snapshot_and_follow_it() -> None:
    progress = HostProgress()
    for number in (4, 5, 6):
        assert progress.feed(batch(number)) == []

    assert numbers(progress.settle(snapshot(4))) == [5, 6]
    assert numbers(progress.feed(batch(7))) == [7]


def test_batch_told_twice_is_applied_once() -> None:
    progress = HostProgress()
    progress.settle(snapshot(3))

    assert progress.feed(batch(3)) == []
    assert not progress.wants_snapshot


def test_gap_asks_for_a_snapshot() -> None:
    progress = HostProgress()
    progress.settle(snapshot(3))

    assert progress.feed(batch(5)) == []
    assert progress.wants_snapshot
    assert numbers(progress.settle(snapshot(4))) == [5]


def test_new_epoch_asks_for_a_snapshot() -> None:
    progress = HostProgress()
    progress.settle(snapshot(3))

    assert progress.feed(batch(1, "new")) == []
    assert progress.settle(snapshot(1, "new")) == []
    assert numbers(progress.feed(batch(2, "new"))) == [2]


def test_snapshot_older_than_what_came_asks_again() -> None:
    progress = HostProgress()
    progress.feed(batch(9))

    assert progress.settle(snapshot(5)) == []
    assert progress.wants_snapshot


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(0, 30))
def test_whatever_arrives_the_applied_batches_have_no_gap(arrivals: list[int], known: int) -> None:
    progress = HostProgress()
    for number in arrivals[: len(arrivals) // 2]:
        progress.feed(batch(number))
    applied = numbers(progress.settle(snapshot(known)))
    for number in arrivals[len(arrivals) // 2 :]:
        applied += numbers(progress.feed(batch(number)))

    assert applied == list(range(known + 1, known + 1 + len(applied)))
