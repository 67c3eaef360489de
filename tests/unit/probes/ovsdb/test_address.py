# SPDX-License-Identifier: Apache-2.0
"""Addresses of servers, and what TLS needs."""

from pathlib import Path

import pytest

from netsonde.errors import SourceLost, UserError
from netsonde.probes.ovsdb.address import Credentials, credentials, parse_address
from netsonde.probes.ovsdb.settings import OvsdbSettings


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("unix:/run/db.sock", ("unix", "/run/db.sock")),
        ("unix:///run/db.sock", ("unix", "/run/db.sock")),
        ("tcp:127.0.0.1:6640", ("tcp", "127.0.0.1:6640")),
        ("tcp://[::1]:6640", ("tcp", "[::1]:6640")),
        ("ssl:192.0.2.1:6640", ("ssl", "192.0.2.1:6640")),
    ],
)
def test_addresses_of_both_spellings(text: str, parsed: tuple[str, str]) -> None:
    assert parse_address(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "unix:", "tcp:host", "ssl:host", "tcp:host:65536", "tcp:host:\u00b2", "/run/db.sock"]
)
def test_address_without_sense_is_a_user_error(text: str) -> None:
    with pytest.raises(UserError, match="addresses"):
        parse_address(text)


def test_tls_without_an_authority_is_a_user_error_that_names_the_setting() -> None:
    with pytest.raises(UserError, match=r"'ssl:192\.0\.2\.1:6640' needs probes\.ovsdb\.tls_ca"):
        credentials(OvsdbSettings(addresses=("unix:/run/db.sock", "ssl:192.0.2.1:6640")))


def test_key_without_a_certificate_is_a_user_error() -> None:
    with pytest.raises(UserError, match="tls_key is set without"):
        credentials(OvsdbSettings(tls_key=Path("k.pem")))


def test_files_are_those_of_the_settings() -> None:
    ca, certificate, key = Path("ca.pem"), Path("c.pem"), Path("k.pem")
    settings = OvsdbSettings(("ssl:h:1",), tls_ca=ca, tls_certificate=certificate, tls_key=key)
    assert credentials(settings) == Credentials(ca, certificate, key)


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nrubbish"])
def test_authority_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(SourceLost, match=rf"tls_ca: cannot use {ca}: ."):
        Credentials(ca).context()
