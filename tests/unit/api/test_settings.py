# SPDX-License-Identifier: Apache-2.0
"""Addresses to listen on, and the refusal to be exposed."""

from typing import Any

import pytest

from netsonde.api.settings import ApiSettings, check_exposure, is_loopback, split_address
from netsonde.errors import UserError


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:8082", ("127.0.0.1", 8082)), ("[::1]:80", ("::1", 80)), (":8082", ("0.0.0.0", 8082))],
)
def test_addresses_are_split_at_the_port(listen: str, address: tuple[str, int]) -> None:
    assert split_address(listen) == address


@pytest.mark.parametrize("listen", ["", "8082", "host:", "host:http", "host:70000", "host:-1"])
def test_a_bad_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(UserError, match=r"127\.0\.0\.1:8082"):
        split_address(listen)


@pytest.mark.parametrize("wrong", [{"listen": "nowhere"}, {"max_body": 0}, {"query_timeout": -1.0}])
def test_settings_that_cannot_work_are_refused_when_they_are_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ApiSettings(**wrong)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.5.5.5:1", "[::1]:1", "localhost:1", "LOCALHOST.:1"])
def test_loopback_needs_no_login(listen: str) -> None:
    check_exposure(ApiSettings(listen=listen), login_required=False)


@pytest.mark.parametrize("listen", ["0.0.0.0:8082", ":8082", "[::]:8082", "192.0.2.1:8082", "example.org:8082"])
def test_listening_for_others_without_a_login_is_refused(listen: str) -> None:
    with pytest.raises(UserError) as refused:
        check_exposure(ApiSettings(listen=listen), login_required=False)
    assert refused.value.message.startswith(f"refusing to listen on {listen}")
    assert "127.0.0.1:8082" in refused.value.hint


def test_names_are_not_taken_for_loopback() -> None:
    assert not is_loopback("127.0.0.1.example.org")
