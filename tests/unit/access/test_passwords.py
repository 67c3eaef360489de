# SPDX-License-Identifier: Apache-2.0
"""Hashes of passwords: what is made, what is taken, and what it costs."""

import pytest

from netsonde.access.passwords import NOBODYS, hashed, matches, problem_of


def test_a_hash_of_ours_costs_as_much_as_that_of_nobody() -> None:
    made = hashed("right")
    assert made.startswith("$scrypt$ln=15,r=8,p=1$")
    assert NOBODYS.startswith("$scrypt$ln=15,r=8,p=1$")
    assert (problem_of(made), problem_of(NOBODYS)) == ("", "")
    assert matches("right", made)


@pytest.mark.parametrize("cost", ["00", "03", "15", "31"])
def test_bcrypt_of_a_cost_that_it_does_not_have_or_that_stops_us_is_refused_when_it_is_read(cost: str) -> None:
    stored = f"$2y${cost}$" + "a" * 53
    assert f"bcrypt with a cost of {cost}" in problem_of(stored)


def test_bcrypt_as_htpasswd_writes_it_is_taken() -> None:
    stored = "$2y$04$m1I8uzdtjF8Pchq5FdQ4uO18hFGeouaGXOt.w7Hu1DXOj/JYo2VMK"
    assert problem_of(stored) == ""
    assert (matches("right", stored), matches("wrong", stored)) == (True, False)


@pytest.mark.parametrize("stored", ["$2y$05$" + "z" * 53, "$2y$03$" + "a" * 53, "right", ""])
def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    assert not matches("right", stored)
