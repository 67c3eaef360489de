# SPDX-License-Identifier: Apache-2.0
"""Numbers of messages, and what is kept of them."""

import json

from netsonde.api.websocket.session import Session


def numbers(session: Session, count: int) -> list[int]:
    return [json.loads(session.number('{"Type":"x"}'))["Seq"] for _ in range(count)]


def test_numbers_have_no_gaps_and_leave_the_rest_of_a_message_as_it_is() -> None:
    session = Session(10)
    assert numbers(session, 3) == [1, 2, 3]
    assert session.number('{"Type":"y","Obj":{}}') == '{"Seq":4,"Type":"y","Obj":{}}'


def test_what_was_sent_after_a_number_is_there_with_the_same_numbers() -> None:
    session = Session(10)
    numbers(session, 4)
    assert [json.loads(text)["Seq"] for text in session.after(2) or []] == [3, 4]
    assert session.after(4) == []


def test_only_the_last_messages_are_kept() -> None:
    session = Session(3)
    numbers(session, 5)
    assert session.after(1) is None
    assert len(session.after(2) or []) == 3


def test_a_message_too_large_to_be_kept_is_a_new_beginning() -> None:
    session = Session(10, most_characters=20)
    numbers(session, 1)
    session.number('{"Obj":"' + "x" * 30 + '"}')
    assert session.after(1) is None
    assert session.after(2) == []


def test_a_number_that_was_never_given_is_not_gone_on_from() -> None:
    session = Session(10)
    numbers(session, 2)
    assert session.after(3) is None


def test_after_messages_were_dropped_only_a_client_with_the_new_state_is_whole() -> None:
    session = Session(10)
    numbers(session, 3)
    session.cut()
    assert session.after(3) is None
    numbers(session, 2)
    assert session.after(3) is None
    assert len(session.after(4) or []) == 1


def test_sessions_cannot_be_guessed() -> None:
    assert len({Session(1).id for _ in range(100)}) == 100
    assert len(Session(1).id) == 32
