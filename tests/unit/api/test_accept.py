# SPDX-License-Identifier: Apache-2.0
"""Which form of an answer a client gets."""

import pytest

from netsonde.api.accept import accepts, preferred

OFFERS = ("application/json", "text/vnd.graphviz", "application/vnd.tcpdump.pcap")


@pytest.mark.parametrize(
    ("header", "best"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/vnd.graphviz", "text/vnd.graphviz"),
        ("TEXT/vnd.graphviz; charset=utf-8", "text/vnd.graphviz"),
        ("application/json;q=0.5, text/vnd.graphviz", "text/vnd.graphviz"),
        ("text/*, application/json;q=0.9", "text/vnd.graphviz"),
        ("*/*, application/json;q=0", "text/vnd.graphviz"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ],
)
def test_the_most_wanted_form_comes_first(header: str, best: str) -> None:
    assert preferred(header, OFFERS)[0] == best


@pytest.mark.parametrize("header", ["image/png", "application/json;q=0", "application/json;q=abc", ";;,,"])
def test_nothing_is_preferred_when_nothing_on_offer_is_named(header: str) -> None:
    assert [form for form in preferred(header, ("application/json",)) if header.strip(";,")] == []


def test_ranges_do_not_ask_for_a_form_by_name() -> None:
    assert not accepts("*/*", "application/problem+json")
    assert accepts("application/json, application/problem+json;q=0.1", "application/problem+json")
    assert not accepts("application/problem+json;q=0", "application/problem+json")
