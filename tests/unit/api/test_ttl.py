# SPDX-License-Identifier: Apache-2.0
"""Durations in Go's spelling."""

import pytest

from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import UserError


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("5s", 5000),
        ("1m30s", 90_000),
        ("300ms", 300),
        ("1.5h", 5_400_000),
        ("1us", 1),
        (" 2h45m ", 9_900_000),
        (".5s", 500),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "0s", "5 s", "1d", "1e3s", "٣s", "9" * 400 + "h", "5sx"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="invalid ttl"):
        parse_duration_ms(text)
