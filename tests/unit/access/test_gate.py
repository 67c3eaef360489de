# SPDX-License-Identifier: Apache-2.0
"""Who is let in, with which roles, for how long."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from netsonde.access.gate import Credentials, Forbidden, Principal, Refused, TooManyAttempts
from netsonde.access.lending import Lending
from netsonde.access.rights import CAPTURE_WRITE, INJECT_WRITE, TOPOLOGY_READ
from netsonde.access.tokens import create_token, revoke_token
from netsonde.access.users import drop_user
from netsonde.api.authorize import Stay
from unit.access.gates import NOW_S, Held, put_user
from unit.captures.fakes import until

AT = "192.0.2.7"


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path / "access")


def with_alice(held: Held, *roles: str, password: str = "right") -> None:
    put_user(held.users, "alice", password, frozenset(roles))


def alice(password: str = "right") -> Credentials:
    return Credentials("alice", password)


async def test_without_a_back_end_everybody_is_admin(held: Held) -> None:
    principal = await held.gate().identify(Credentials(), AT)
    assert principal is not None
    assert (principal.name, principal.roles) == ("", frozenset({"admin"}))


async def test_who_brings_nothing_is_nobody(held: Held) -> None:
    assert await held.gate(backends=("basic", "token")).identify(Credentials(), AT) is None


async def test_a_right_password_gives_the_roles_of_the_moment(held: Held) -> None:
    with_alice(held, "operator")
    gate = held.gate(backends=("basic",))
    first = await gate.identify(alice(), AT)
    put_user(held.users, "alice", None, frozenset({"reader"}))
    second = await gate.identify(alice(), AT)
    assert first is not None
    assert second is not None
    assert (gate.allows(first, CAPTURE_WRITE), gate.allows(second, CAPTURE_WRITE)) == (True, False)


@pytest.mark.parametrize(
    "wrong",
    [Credentials("alice", "wrong"), Credentials("bob", "right"), Credentials("", "right"), Credentials("alice")],
)
async def test_wrong_credentials_are_refused_in_the_same_words(held: Held, wrong: Credentials) -> None:
    with_alice(held)
    with pytest.raises(Refused, match="Wrong credentials"):
        await held.gate(backends=("basic",)).identify(wrong, AT)


async def test_a_user_without_a_role_gets_the_least(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",))
    principal = await gate.identify(alice(), AT)
    assert principal is not None
    assert (gate.allows(principal, TOPOLOGY_READ), gate.allows(principal, CAPTURE_WRITE)) == (True, False)
    with pytest.raises(Forbidden, match="alice may not do this: it needs the right injectpacket write"):
        gate.check(principal, INJECT_WRITE)


async def test_a_user_called_admin_is_no_admin(held: Held) -> None:
    put_user(held.users, "admin", "right", frozenset())
    gate = held.gate(backends=("basic",))
    principal = await gate.identify(Credentials("admin", "right"), AT)
    assert principal is not None
    assert not gate.allows(principal, CAPTURE_WRITE)


async def test_settings_give_users_and_roles_too(held: Held) -> None:
    with_alice(held)
    stored = held.users.read_text().split(":")[1]
    gate = held.gate(backends=("basic",), users={"carol": stored}, roles={"carol": "reader injector"})
    principal = await gate.identify(Credentials("carol", "right"), AT)
    assert principal is not None
    assert principal.roles == {"reader", "injector"}


async def test_a_token_works_until_it_is_revoked_or_over(held: Held) -> None:
    text = create_token(held.tokens, "grafana", frozenset({"reader"}), now_s=NOW_S, lasts_s=60)
    other = create_token(held.tokens, "ci", frozenset({"operator"}), now_s=NOW_S, lasts_s=0)
    gate = held.gate(backends=("token",))
    found = [await gate.identify(Credentials(token=one), AT) for one in (text, other)]
    assert [one.name for one in found if one] == ["token grafana", "token ci"]
    held.clock.now += 61
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=text), AT)
    revoke_token(held.tokens, "ci")
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=other), AT)


async def test_a_token_is_a_password_for_clients_that_know_only_passwords(held: Held) -> None:
    text = create_token(held.tokens, "grafana", frozenset({"reader"}), now_s=NOW_S, lasts_s=0)
    gate = held.gate(backends=("token",))
    principal = await gate.identify(Credentials("anybody", text), AT)
    assert principal is not None
    assert principal.roles == {"reader"}


async def test_tokens_are_worth_nothing_where_they_are_not_a_back_end(held: Held) -> None:
    text = create_token(held.tokens, "grafana", frozenset({"admin"}), now_s=NOW_S, lasts_s=0)
    with pytest.raises(Refused):
        await held.gate(backends=("basic",)).identify(Credentials(token=text), AT)


async def test_what_acts_for_a_token_has_what_all_tokens_of_its_name_have(held: Held) -> None:
    for roles in ({"operator"}, {"admin", "operator"}):
        create_token(held.tokens, "ci", frozenset(roles), now_s=NOW_S, lasts_s=0)
    acting = held.gate(backends=("token",)).acting_for("token ci")
    assert acting is not None
    assert acting.roles == {"operator"}


@pytest.mark.parametrize("name", ["alice", "token ci", "alice (keystone)"])
def test_nothing_acts_for_a_user_of_keystone_whose_name_is_like_one_of_ours(held: Held, name: str) -> None:
    with_alice(held, "admin")
    create_token(held.tokens, "ci", frozenset({"admin"}), now_s=NOW_S, lasts_s=0)
    gate = held.gate(backends=("basic", "token"))
    assert gate.acting_for(Principal(name, frozenset(), "keystone").owner) is None


async def test_a_session_ends_by_logout_time_and_disuse(held: Held) -> None:
    with_alice(held, "reader")
    gate = held.gate(backends=("basic",), session_hours=2.0, session_idle_minutes=60.0)
    tokens = [(await gate.login("alice", "right", AT))[1] for _ in range(3)]
    await gate.logout(tokens[0])
    held.clock.now += 59 * 60
    await gate.identify(Credentials(token=tokens[1]), AT)
    held.clock.now += 59 * 60
    await gate.identify(Credentials(token=tokens[1]), AT)
    for over in (tokens[0], tokens[2]):
        with pytest.raises(Refused):
            await gate.identify(Credentials(token=over), AT)
    held.clock.now += 3 * 60
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=tokens[1]), AT)


@pytest.mark.parametrize("change", ["another password", "no such user any more"])
async def test_a_session_ends_with_its_user(held: Held, change: str) -> None:
    with_alice(held, "reader")
    gate = held.gate(backends=("basic",))
    _, token = await gate.login("alice", "right", AT)
    changes: dict[str, Any] = {
        "another password": lambda: with_alice(held, "reader", password="new"),
        "no such user any more": lambda: drop_user(held.users, "alice"),
    }
    changes[change]()
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=token), AT)


async def test_a_session_of_a_token_ends_with_the_token(held: Held) -> None:
    text = create_token(held.tokens, "page", frozenset({"reader"}), now_s=NOW_S, lasts_s=0)
    gate = held.gate(backends=("token",))
    _, token = await gate.login("", text, AT)
    assert await gate.identify(Credentials(token=token), AT) is not None
    revoke_token(held.tokens, "page")
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=token), AT)


async def test_one_user_cannot_push_out_the_sessions_of_others(held: Held) -> None:
    with_alice(held)
    put_user(held.users, "bob", "right", frozenset())
    gate = held.gate(backends=("basic",))
    _, bobs = await gate.login("bob", "right", AT)
    held.clock.now += 1
    for _ in range(105):
        await gate.login("alice", "right", AT)
    assert await gate.identify(Credentials(token=bobs), AT) is not None
    assert len(gate.sessions.all()) == 101


async def test_sessions_are_stored_by_the_hash_of_their_token(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",))
    _, token = await gate.login("alice", "right", AT)
    stored = repr(held.store.entries)
    assert token not in stored
    assert "right" not in stored
    assert held.store.ttls.popitem()[1] == pytest.approx(12 * 3600)


async def test_an_analyzer_that_is_started_again_knows_the_sessions(held: Held) -> None:
    with_alice(held)
    _, token = await held.gate(backends=("basic",)).login("alice", "right", AT)
    again = held.gate()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(again.sessions.run(), name="sessions")
        await until(lambda: len(again.sessions.all()) == 1)
        assert await again.identify(Credentials(token=token), AT) is not None
        following.cancel()


async def test_wrong_passwords_have_to_wait_and_are_counted(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",), failures_per_minute=3)
    for _ in range(3):
        with pytest.raises(Refused):
            await gate.identify(alice("wrong"), AT)
    with pytest.raises(TooManyAttempts) as limited:
        await gate.identify(alice("right"), "198.51.100.1")
    assert 0 < limited.value.wait <= 20
    assert held.health.counters == {"logins_failed": 3, "logins_limited": 1}
    held.clock.now += 20
    assert await gate.identify(alice("right"), AT) is not None


async def test_right_passwords_and_old_cookies_count_for_no_limit(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",), failures_per_minute=2)
    for _ in range(3):
        with pytest.raises(Refused):
            await gate.identify(Credentials(token="old", is_explicit=False), AT)
        assert await gate.identify(alice(), AT) is not None
        held.clock.now += 59


async def test_requests_that_bring_the_same_password_at_once_are_one_attempt(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",), failures_per_minute=2)
    found = await asyncio.gather(*(gate.identify(alice(), AT) for _ in range(20)))
    assert {None if one is None else one.name for one in found} == {"alice"}
    wrong = await asyncio.gather(*(gate.identify(alice("wrong"), AT) for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in wrong} == {Refused}
    others = (gate.identify(alice(f"wrong {number}"), AT) for number in range(20))
    limited = await asyncio.gather(*others, return_exceptions=True)
    assert [type(one) for one in limited].count(TooManyAttempts) == 19


async def test_credentials_show_no_secret_when_they_are_printed() -> None:
    assert "hidden" not in repr(Credentials("alice", "hidden", "hidden"))


async def test_a_connection_that_stays_open_does_not_use_its_session(held: Held) -> None:
    with_alice(held)
    gate = held.gate(backends=("basic",), session_idle_minutes=60)
    _, token = await gate.login("alice", "right", AT)
    given = Credentials(token=token)
    principal = await gate.identify(given, AT)
    assert principal is not None
    held.clock.now += 59 * 60
    assert await gate.still(given, principal) is not None
    held.clock.now += 60
    assert await gate.still(given, principal) is None
    with pytest.raises(Refused):
        await gate.identify(given, AT)


@pytest.mark.parametrize("end", ["logout", "a lost role", "nothing"])
async def test_a_long_connection_goes_on_for_as_long_as_its_user_may(held: Held, end: str) -> None:
    with_alice(held, "operator")
    gate = held.gate(backends=("basic",))
    _, token = await gate.login("alice", "right", AT)
    given = Credentials(token=token)
    principal = await gate.identify(given, AT)
    assert principal is not None
    stay = Stay(gate, given, principal, TOPOLOGY_READ)
    assert await stay.may_go_on()
    ends: dict[str, Any] = {
        "logout": lambda: gate.logout(token),
        "a lost role": lambda: asyncio.to_thread(put_user, held.users, "alice", None, frozenset({"guest"})),
        "nothing": lambda: asyncio.sleep(0),
    }
    await ends[end]()
    assert await stay.may_go_on() == (end == "nothing")


@pytest.mark.parametrize(("password", "goes_on"), [(None, True), ("another", False)])
async def test_a_long_connection_with_a_password_ends_when_it_is_changed(
    held: Held, password: str | None, goes_on: bool
) -> None:
    with_alice(held, "reader")
    gate = held.gate(backends=("basic",))
    principal = await gate.identify(alice(), AT)
    assert principal is not None
    put_user(held.users, "alice", password, frozenset({"reader", "injector"}))
    assert await Stay(gate, alice(), principal, TOPOLOGY_READ).may_go_on() == goes_on


@pytest.mark.parametrize(
    ("owner", "is_hidden"), [("alice", False), ("bob", True), ("", True), ("bob (keystone)", True)]
)
async def test_what_nobody_knows_to_be_harmless_is_hidden(held: Held, owner: str, is_hidden: bool) -> None:
    with_alice(held, "operator")
    gate = held.gate(backends=("basic",))
    principal = await gate.identify(alice(), AT)
    assert principal is not None
    assert bool(Lending(gate).hidden(principal, owner, "the job")) == is_hidden
    assert Lending(gate).hidden(principal._replace(roles=frozenset({"admin"})), owner, "the job") == ""
