# SPDX-License-Identifier: Apache-2.0
"""Who a program says it is when it does not say so itself."""

import pytest

from netsonde.client.credentials import with_credentials, write_login
from netsonde.client.server import server_at
from netsonde.errors import UserError


@pytest.fixture
def _homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> None:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CONFIG_HOME", "NETSONDE_TOKEN", "NETSONDE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("netsonde.client.credentials.Path.home", no_home)


@pytest.mark.usefixtures("_homeless")
def test_a_user_without_a_home_is_nobody_and_is_told_so_when_a_login_is_to_be_kept() -> None:
    server = server_at("http://127.0.0.1:8082")
    assert with_credentials({"Accept": "text/plain"}, server) == {"Accept": "text/plain"}
    with pytest.raises(UserError, match="no home directory"):
        write_login(server, "token")
