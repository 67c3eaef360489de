# SPDX-License-Identifier: Apache-2.0
"""Who a client says it is where nobody has a home."""

from pathlib import Path

import pytest

from netsonde.client.credentials import with_credentials, write_login
from netsonde.client.server import server_at
from netsonde.errors import UserError


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_user_without_a_home_may_ask_and_keeps_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETSONDE_TOKEN", "NETSONDE_USERNAME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", _no_home)
    server = server_at("http://localhost:8082")
    assert with_credentials({"X-Of": "proxy"}, server) == {"X-Of": "proxy"}
    with pytest.raises(UserError, match="no home folder"):
        write_login(server, "token")
