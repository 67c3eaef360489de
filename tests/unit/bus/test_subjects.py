# SPDX-License-Identifier: Apache-2.0
"""Names on the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.bus.subjects import STREAMS, call_subject, host_of, key_token, report_subject, text_of, token


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_token_is_one_token_and_comes_back(host: str) -> None:
    encoded = token(host)

    assert text_of(encoded) == host
    assert not set(encoded) & set(".*> \t\r\n")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_key_is_a_valid_subject_and_comes_back(key: str) -> None:
    encoded = key_token(key)

    assert text_of(encoded) == key
    assert all(encoded.split("."))
    assert not set(encoded) & set("*> \t\r\n")


def test_dots_of_a_key_stay_so_that_a_host_can_be_watched() -> None:
    assert key_token("uuid.host.example") == "uuid.host.example"


def test_subject_of_a_host_with_dots_has_one_token_for_it() -> None:
    assert report_subject("flows", "a.example") == "netsonde.flows.a=2Eexample"
    assert call_subject("a.example", "snapshot") == "netsonde.agent.a=2Eexample.snapshot"
    assert host_of("netsonde.flows.a=2Eexample") == "a.example"


@pytest.mark.parametrize("kind", ["flows", "metrics", "packets"])
def test_full_work_queue_refuses_instead_of_dropping_in_silence(kind: str) -> None:
    config = STREAMS[kind].config()  # type: ignore[index]

    assert (config["retention"], config["discard"]) == ("workqueue", "new")
