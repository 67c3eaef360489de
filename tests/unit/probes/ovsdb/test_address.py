# SPDX-License-Identifier: Apache-2.0
"""Addresses of servers, and what TLS needs."""

from asyncio import StreamWriter
from pathlib import Path
from typing import cast

import pytest

from netsonde.errors import SourceLost, UserError
from netsonde.probes.ovsdb.address import Credentials, check_whereabouts, credentials, is_here, parse_address
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


class Connection:
    """Stands for a connection whose ends have these addresses."""

    def __init__(self, far: object, near: object) -> None:
        self._ends = {"peername": far, "sockname": near}

    def get_extra_info(self, name: str) -> object:
        return self._ends[name]


def judged(address: str, far: object, near: object, settings: OvsdbSettings | None = None) -> bool:
    return is_here(settings or OvsdbSettings((address,)), address, cast("StreamWriter", Connection(far, near)))


@pytest.mark.parametrize(
    ("far", "near"),
    [
        (("127.0.0.1", 6640), ("127.0.0.1", 40000)),
        (("127.0.0.2", 6640), ("127.0.0.1", 40000)),
        (("::1", 6640, 0, 0), ("::1", 40000, 0, 0)),
        (("::ffff:127.0.0.3", 6640, 0, 0), ("::ffff:127.0.0.1", 40000, 0, 0)),
        (("192.0.2.1", 6640), ("192.0.2.1", 40000)),
        (("fe80::1%eth0", 6640, 0, 2), ("fe80::1%eth0", 40000, 0, 2)),
    ],
)
def test_server_at_an_address_of_this_host_is_here(far: object, near: object) -> None:
    assert judged("tcp:h:6640", far, near)


@pytest.mark.parametrize(
    ("far", "near"),
    [
        (("192.0.2.2", 6640), ("192.0.2.1", 40000)),
        (("::ffff:192.0.2.2", 6640, 0, 0), ("::ffff:192.0.2.1", 40000, 0, 0)),
        (("fe80::2%eth0", 6640, 0, 2), ("fe80::1%eth0", 40000, 0, 2)),
    ],
)
def test_server_at_another_address_is_elsewhere(far: object, near: object) -> None:
    assert not judged("ssl:h:6640", far, near)


def test_unix_socket_is_here() -> None:
    assert judged("unix:/run/db.sock", "/run/db.sock", "")


@pytest.mark.parametrize("here", [True, False])
def test_what_the_settings_say_holds(here: bool) -> None:
    address = "tcp:127.0.0.1:6641" if not here else "tcp:192.0.2.2:6640"
    listed = (address,)
    settings = OvsdbSettings(listed, local_addresses=listed if here else (), remote_addresses=() if here else listed)
    ends = ("127.0.0.1", 1) if not here else ("192.0.2.2", 1), ("127.0.0.1", 2)
    assert judged(address, *ends, settings) is here


def test_connection_that_broke_tells_nothing() -> None:
    with pytest.raises(SourceLost, match="closed"):
        judged("tcp:h:6640", None, ("192.0.2.1", 40000))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (OvsdbSettings(("tcp:h:1",), remote_addresses=("tcp:h:2",)), r"remote_addresses: 'tcp:h:2' is not in"),
        (OvsdbSettings(("tcp:h:1",), local_addresses=("tcp:h:2",)), r"local_addresses: 'tcp:h:2' is not in"),
        (OvsdbSettings(("tcp:h:1",), ("tcp:h:1",), ("tcp:h:1",)), r"both have 'tcp:h:1'"),
    ],
)
def test_whereabouts_without_sense_are_a_user_error(settings: OvsdbSettings, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_whereabouts(settings)
