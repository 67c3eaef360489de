# SPDX-License-Identifier: Apache-2.0
"""Notices on their way: retried, in order, given up, bounded, delivered once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from netsonde.errors import SourceLost, UserError
from netsonde.model.notices import Message, Notice
from netsonde.notify.outbox import Outbox
from netsonde.notify.settings import NotifySettings
from netsonde.observe import Health
from unit.captures.fakes import FakeLease, FakeStore, ManualTime, until

FAST = "http://fast"
SLOW = "http://slow"


@dataclass
class FakeSender:
    """Fails as often as `failures` says for each target."""

    failures: dict[str, list[Exception]] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    blocked: asyncio.Event | None = None

    def check(self, target: str) -> None:
        raise UserError(target)

    async def send(self, target: str, notice: Notice) -> None:
        if self.blocked is not None and target == SLOW:
            await self.blocked.wait()
        if self.failures.get(target):
            raise self.failures[target].pop(0)
        self.sent.append((target, notice.id))


@dataclass
class Post:
    """An outbox over stores and receivers in memory."""

    store: FakeStore[Notice] = field(default_factory=FakeStore)
    sender: FakeSender = field(default_factory=FakeSender)
    health: Health = field(default_factory=lambda: Health("notices"))
    time: ManualTime = field(default_factory=ManualTime)
    settings: NotifySettings = field(default_factory=NotifySettings)

    def outbox(self) -> Outbox:
        return Outbox(
            self.store,
            {"webhook": self.sender, "alertmanager": self.sender},
            lease=FakeLease(),
            settings=self.settings,
            counters=self.health,
            clock=self.time.clock(),
            first_delay=0.001,
            most_delay=0.001,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        made = self.outbox()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(made.run(self.health), name="outbox")
            await until(lambda: self.health.state == "running")
            yield made
            task.cancel()
            self.health.stopped()

    def count(self, name: str) -> int:
        return self.health.counters.get(name, 0)


def notice(number: int, action: str = FAST, **more: Any) -> Notice:
    return Notice(f"a.{number}", action, Message("a", "", None), 1000 + number, **more)


async def test_a_notice_is_delivered_and_marked() -> None:
    post = Post()
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await until(lambda: post.store.entries["a.1"][0].done)
    assert post.sender.sent == [(FAST, "a.1")]
    assert post.store.ttls["a.1"] > 0
    assert post.count("notices_waiting") == 0


async def test_what_was_delivered_is_not_delivered_again() -> None:
    post = Post()
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await until(lambda: post.store.entries["a.1"][0].done)
        await outbox.post(notice(1))
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await outbox.post(notice(2))
        await until(lambda: len(post.sender.sent) == 2)
    assert post.sender.sent == [(FAST, "a.1"), (FAST, "a.2")]
    assert post.count("notices_repeated") == 2


async def test_what_waited_when_the_process_died_is_delivered_by_the_next() -> None:
    post = Post()
    await post.outbox().post(notice(1))
    assert post.sender.sent == []
    async with post.running():
        await until(lambda: post.sender.sent == [(FAST, "a.1")])


async def test_a_receiver_that_fails_is_tried_again_and_keeps_the_order() -> None:
    post = Post()
    post.sender.failures[FAST] = [SourceLost("it answered 503")] * 3
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await outbox.post(notice(2))
        await until(lambda: len(post.sender.sent) == 2)
    assert post.sender.sent == [(FAST, "a.1"), (FAST, "a.2")]
    assert post.count("attempts_failed") == 3


async def test_a_receiver_that_hangs_keeps_no_other_waiting() -> None:
    post = Post()
    post.sender.blocked = asyncio.Event()
    async with post.running() as outbox:
        await outbox.post(notice(1, SLOW))
        await outbox.post(notice(2, FAST))
        await until(lambda: post.sender.sent == [(FAST, "a.2")])
        assert outbox.undelivered("a") == [f"{SLOW}: waits: for its turn"]
        post.sender.blocked.set()
        await until(lambda: len(post.sender.sent) == 2)


async def test_a_notice_that_is_refused_is_given_up_and_shown() -> None:
    post = Post()
    post.sender.failures[FAST] = [UserError("it answered 404")]
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await until(lambda: post.count("notices_given_up") == 1)
        assert outbox.undelivered("a") == [f"{FAST}: given up: it answered 404"]
        assert outbox.undelivered("b") == []
        await outbox.post(notice(2))
        await until(lambda: post.sender.sent == [(FAST, "a.2")])


async def test_a_receiver_that_makes_a_sender_fail_keeps_no_other_waiting() -> None:
    post = Post()
    post.sender.failures[SLOW] = [UnicodeError("label empty or too long")]
    async with post.running() as outbox:
        await outbox.post(notice(1, SLOW))
        await outbox.post(notice(2, FAST))
        await until(lambda: post.sender.sent == [(FAST, "a.2")])
        await until(lambda: post.count("notices_given_up") == 1)
        assert outbox.undelivered("a") == [
            f"{SLOW}: given up: internal error (UnicodeError): the analyzer's log has it"
        ]


async def test_a_notice_is_given_up_after_its_time() -> None:
    post = Post()
    post.sender.failures[FAST] = [SourceLost("down")] * 1000
    async with post.running() as outbox:
        await outbox.post(notice(1))
        await until(lambda: post.count("attempts_failed") > 2)
        assert post.count("notices_given_up") == 0
        post.time.move(post.settings.keep_trying + 1)
        await until(lambda: post.count("notices_given_up") == 1)


async def test_the_queue_is_bounded_and_drops_are_counted() -> None:
    post = Post(settings=NotifySettings(queue=2))
    post.sender.blocked = asyncio.Event()
    async with post.running() as outbox:
        for number in range(5):
            await outbox.post(notice(number, SLOW))
        assert (len(post.store.entries), post.count("notices_dropped")) == (2, 3)


async def test_a_repetition_is_not_kept_and_may_fail() -> None:
    post = Post()
    action = "alertmanager+http://am"
    post.sender.failures["http://am"] = [SourceLost("away")]
    outbox = post.outbox()
    assert (outbox.repeats(action), outbox.repeats(FAST)) == (True, False)
    assert [await outbox.repeat(notice(1, action)) for _ in range(2)] == [False, True]
    assert (post.sender.sent, post.store.entries) == ([("http://am", "a.1")], {})
    assert post.count("repetitions_failed") == 1


async def test_a_repetition_that_makes_a_sender_fail_is_counted() -> None:
    post = Post()
    post.sender.failures["http://am"] = [UnicodeError("label empty or too long")]
    assert await post.outbox().repeat(notice(1, "alertmanager+http://am"))
    assert post.count("repetitions_failed") == 1


async def test_a_mark_waits_for_the_bus() -> None:
    post = Post()
    async with post.running() as outbox:
        await outbox.post(notice(1))
        post.store.away = True
        await until(lambda: post.sender.sent == [(FAST, "a.1")])
        await until(lambda: post.store.refused > 0)
        assert not post.store.entries["a.1"][0].done
    assert post.sender.sent == [(FAST, "a.1")]


def test_an_action_is_checked_by_its_kind() -> None:
    with pytest.raises(UserError, match="http://fast"):
        Post().outbox().check(FAST)
