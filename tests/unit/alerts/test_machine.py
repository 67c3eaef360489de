# SPDX-License-Identifier: Apache-2.0
"""States of an alert from look to look."""

from typing import Any

import msgspec

from netsonde.alerts.machine import Machine, Seen
from netsonde.model.alerts import Alert, Transition

ABSENT = Seen(holds=False)


def seen(what: str = "a") -> Seen:
    return Seen(holds=True, value=[what], fingerprint=what, summary=what)


class Life:
    """One alert's states, at moments in ms."""

    def __init__(self, keep_until: int = 0, **fields: Any) -> None:
        self.machine = Machine(Alert(uuid="u", name="n", **fields))
        self.keep_until = keep_until
        self.told: list[tuple[int, str]] = []

    def look(self, now: int, what: Seen) -> str:
        transition = self.machine.look(what, now, keep_until=self.keep_until)
        if transition is not None:
            self.machine.took(transition)
            if transition.notified:
                self.told.append((now, transition.state))
        return self.machine.state

    def due(self) -> int | None:
        return self.machine.due_at(keep_until=self.keep_until)


def test_it_fires_at_once_and_is_resolved_when_the_condition_is_gone() -> None:
    life = Life()
    assert [life.look(1, ABSENT), life.look(2, seen()), life.look(3, ABSENT)] == ["inactive", "firing", "resolved"]
    assert life.told == [(2, "firing"), (3, "resolved")]


def test_it_fires_again_after_it_was_resolved() -> None:
    life = Life()
    for now, what in enumerate([seen(), ABSENT, seen()]):
        life.look(now, what)
    assert [state for _, state in life.told] == ["firing", "resolved", "firing"]


def test_the_condition_must_hold_for_the_time_that_is_asked_for() -> None:
    life = Life(for_ms=100)
    assert life.look(1000, seen()) == "pending"
    assert life.due() == 1100
    assert life.look(1099, seen()) == "pending"
    assert life.look(1100, seen()) == "firing"
    assert life.told == [(1100, "firing")]


def test_a_condition_that_does_not_hold_long_enough_is_told_to_nobody() -> None:
    life = Life(for_ms=100)
    assert [life.look(1000, seen()), life.look(1050, ABSENT)] == ["pending", "inactive"]
    assert life.look(1100, seen()) == "pending"
    assert (life.due(), life.told) == (1200, [])


def test_it_is_resolved_only_after_the_condition_was_absent_for_a_time() -> None:
    life = Life(keep_firing=100)
    life.look(1000, seen())
    assert life.look(1010, ABSENT) == "firing"
    assert life.due() == 1110
    assert life.look(1050, seen()) == "firing"
    assert life.look(1060, ABSENT) == "firing"
    assert life.look(1159, ABSENT) == "firing"
    assert life.look(1160, ABSENT) == "resolved"
    assert life.told == [(1000, "firing"), (1160, "resolved")]


def test_another_result_is_told_and_the_same_one_is_not() -> None:
    life = Life()
    for now, what in [(1, "a"), (2, "a"), (3, "b"), (4, "b")]:
        life.look(now, seen(what))
    assert life.told == [(1, "firing"), (3, "firing")]


def test_what_holds_an_alert_is_no_news() -> None:
    life = Life(hold="G.V()")
    life.look(1, seen("a"))
    life.look(2, seen("b"))
    assert life.look(3, ABSENT) == "resolved"
    assert life.told == [(1, "firing"), (3, "resolved")]


def test_within_a_cool_down_nothing_is_told_until_it_ends() -> None:
    life = Life(cooldown=100)
    life.look(1000, seen("a"))
    life.look(1010, seen("b"))
    assert life.due() == 1100
    life.look(1099, seen("c"))
    life.look(1100, seen("c"))
    assert life.told == [(1000, "firing"), (1100, "firing")]


def test_while_it_is_muted_it_fires_and_nobody_is_told_until_the_mute_ends() -> None:
    life = Life(muted_until=2000)
    assert life.look(1000, seen("a")) == "firing"
    assert life.due() == 2000
    life.look(1500, seen("b"))
    life.look(2000, seen("b"))
    assert life.told == [(2000, "firing")]


def test_what_came_and_went_while_it_was_muted_is_told_to_nobody() -> None:
    life = Life(muted_until=2000)
    assert [life.look(1000, seen()), life.look(1500, ABSENT)] == ["firing", "resolved"]
    life.look(2500, ABSENT)
    assert life.told == []


def test_who_was_told_that_it_fires_is_told_its_end_although_it_is_muted_meanwhile() -> None:
    life = Life()
    life.look(1000, seen("a"))
    life.machine.alert = msgspec.structs.replace(life.machine.alert, muted_until=5000)
    life.look(1500, seen("b"))
    life.look(2000, ABSENT)
    assert life.told == [(1000, "firing"), (2000, "resolved")]


def test_what_came_and_went_within_a_cool_down_is_told_to_nobody() -> None:
    life = Life(cooldown=100)
    for now, what in [(1000, seen()), (1010, ABSENT), (1020, seen()), (1030, ABSENT), (1200, ABSENT)]:
        life.look(now, what)
    assert life.told == [(1000, "firing"), (1010, "resolved")]


def test_nothing_is_resolved_and_nothing_is_news_while_agents_come_back() -> None:
    life = Life(keep_until=2000)
    life.look(1000, seen("a"))
    assert life.look(1500, ABSENT) == "firing"
    assert life.look(1600, seen("b")) == "firing"
    assert life.due() == 2000
    life.look(2000, seen("a"))
    assert life.told == [(1000, "firing")]
    assert life.due() is None


def test_what_is_pending_does_not_begin_anew_while_agents_come_back() -> None:
    life = Life(keep_until=2000, for_ms=3000)
    life.look(1000, seen())
    assert (life.look(1500, ABSENT), life.due()) == ("pending", 2000)
    assert [life.look(1900, seen()), life.look(4000, seen())] == ["pending", "firing"]
    assert life.told == [(4000, "firing")]


def test_what_is_pending_ends_when_agents_are_back_and_it_does_not_hold() -> None:
    life = Life(keep_until=2000, for_ms=100)
    life.look(1000, seen())
    assert [life.look(1500, ABSENT), life.due(), life.look(2000, ABSENT)] == ["pending", 2000, "inactive"]
    assert (life.due(), life.told) == (None, [])


def test_a_machine_goes_on_from_the_last_transition() -> None:
    life = Life(for_ms=100)
    life.look(1000, seen())
    last = life.machine.last
    assert isinstance(last, Transition)
    stored = msgspec.json.decode(msgspec.json.encode(last), type=Transition)
    again = Machine(life.machine.alert, stored)
    fired = again.look(seen(), 1100)
    assert fired is not None
    assert (fired.state, fired.number, fired.active_at, fired.fired_at) == ("firing", 2, 1000, 1100)
