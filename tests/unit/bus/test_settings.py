# SPDX-License-Identifier: Apache-2.0
"""Settings of the bus."""

from pathlib import Path

import pytest

from netsonde.bus.connection import Bus
from netsonde.bus.settings import BusSettings
from netsonde.errors import SourceLost, UserError


def test_default_settings_are_valid() -> None:
    settings = BusSettings()

    assert settings.servers == []
    assert settings.tls_context() is None


def test_several_servers_are_separated_by_commas() -> None:
    assert BusSettings(url="nats://a, nats://b,").servers == ["nats://a", "nats://b"]


def test_token_file_wins(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from file\n")

    assert BusSettings(token="plain", token_file=tmp_path / "token").read_token() == "from file"


def test_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        BusSettings(token_file=tmp_path / "nowhere").read_token()


def test_missing_certificate_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="TLS"):
        BusSettings(tls_ca=tmp_path / "nowhere").tls_context()


def test_bad_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="spool_mib"):
        BusSettings(spool_mib=0)


async def test_a_process_without_the_address_of_a_bus_says_which_setting_is_missing() -> None:
    with pytest.raises(SourceLost, match=r"no address of a bus: set bus\.url"):
        await Bus.connect(BusSettings(), name="test", wait=0.2)
