# SPDX-License-Identifier: Apache-2.0
"""From nothing to a command line that is logged in over TLS, with the program's own commands."""

import gc
import json
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.access.settings import AccessSettings
from netsonde.bus.permissions import accounts
from unit.access.gates import Held
from unit.api.fakes import Fakes
from unit.api.served import Server
from unit.cli.conftest import Command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a state directory of nobody else's, and a password in a file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NETSONDE_STATE_DIR", str(tmp_path / "state"))
    for name in ("NETSONDE_TOKEN", "NETSONDE_USERNAME", "NETSONDE_PASSWORD_FILE", "NETSONDE_CA", "NETSONDE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "state").mkdir()
    (tmp_path / "password").write_text("correct horse\n")
    return tmp_path


@pytest.fixture
def secured(home: Path, netsonde: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with what `access setup` made."""
    done = netsonde("access", "setup", "--name", "netsonde.example", "--password-file", str(home / "password"))
    assert done.status == 0, done.err
    settings = tomllib.loads(done.out)
    assert settings["analyzer"]["allowed_hosts"] == ["netsonde.example"]
    fakes = Fakes.new().with_settings(
        tls_certificate=Path(settings["analyzer"]["tls_certificate"]), tls_key=Path(settings["analyzer"]["tls_key"])
    )
    held = Held(home / "state/access", AccessSettings(backends=tuple(settings["access"]["backends"])))
    held.clock.now = 2_000_000_000.0
    fakes.gate = held.gate()
    server = Server(fakes)
    monkeypatch.setenv("NETSONDE_URL", server.url)
    monkeypatch.setenv("NETSONDE_CA", str(home / "state/access/ca.pem"))
    yield server
    # A client that is not closed, but forgotten, still holds its connection: TLS ends it together with the client.
    gc.collect()
    server.stop()


def test_the_accounts_of_a_bus_are_printed_for_who_has_a_server_of_his_own(home: Path, netsonde: Command) -> None:
    (home / "state/access").mkdir()
    (home / "state/access/agents").write_text("h.1:1700000000\n")
    done = netsonde("access", "agent", "accounts", "--server", "CN=analyzers")
    assert done.status == 0, done.err
    assert json.loads(done.out)["accounts"] == accounts("CN=analyzers", [("CN=h.1,OU=netsonde agent", "h.1")])


def test_a_login_over_tls_serves_the_commands_that_follow_until_logout(
    home: Path, secured: Server, netsonde: Command
) -> None:
    refused = netsonde("capture", "list")
    assert refused.status == 1
    assert "this needs a login" in refused.err
    assert "netsonde login" in refused.err
    logged_in = netsonde("login", "--username", "admin", "--password-file", str(home / "password"))
    assert logged_in.status == 0, logged_in.err
    (kept,) = (home / "config/netsonde").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert netsonde("capture", "list").status == 0
    assert "admin, roles: admin" in netsonde("access", "whoami").err
    assert netsonde("logout").status == 0
    assert netsonde("capture", "list").status == 1


def test_tokens_and_passwords_before_the_command_say_who_one_is(
    home: Path, secured: Server, netsonde: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = netsonde("access", "token", "create", "ci", "--role", "reader", "--days", "20000")
    token = made.out.strip()
    assert token.startswith("nst_")
    (home / "token").write_text(f"{token}\n")
    monkeypatch.setenv("NETSONDE_TOKEN", "")
    assert netsonde("--token-file", str(home / "token"), "capture", "list").status == 0
    created = netsonde("capture", "create", "--gremlin", "G.V()")
    assert created.status == 1
    assert "it needs the right capture write" in created.err
    assert netsonde("access", "token", "revoke", "ci").status == 0
    assert netsonde("capture", "list").status == 1
    monkeypatch.setenv("NETSONDE_TOKEN", "")
    monkeypatch.setenv("NETSONDE_USERNAME", "admin")
    monkeypatch.setenv("NETSONDE_PASSWORD_FILE", str(home / "password"))
    assert netsonde("capture", "list").status == 0


def test_the_reference_s_spelling_logs_in_too(home: Path, secured: Server, netsonde: Command) -> None:
    options = ("--analyzer", secured.url, "--username", "admin", "--password")
    assert netsonde("client", *options, "correct horse", "capture", "list").status == 0
    assert netsonde("client", *options, "wrong", "capture", "list").status == 1


def test_users_are_kept_as_hashes_and_listed_with_their_roles(home: Path, netsonde: Command) -> None:
    add = ("access", "user", "add", "alice", "--password-file", str(home / "password"))
    assert netsonde(*add, "--role", "nobody-knows").status == 2
    assert netsonde(*add, "--role", "operator", "--role", "injector").status == 0
    stored = (home / "state/access/users").read_text()
    assert stored.startswith("alice:$scrypt$")
    assert "correct" not in stored
    assert "injector operator" in netsonde("access", "user", "list").out
    assert netsonde("access", "user", "delete", "alice").status == 0
    assert netsonde("access", "user", "delete", "alice").status == 1


def test_a_file_of_logins_that_others_may_read_is_not_used(home: Path, netsonde: Command) -> None:
    (home / "config/netsonde").mkdir(parents=True)
    file = home / "config/netsonde/logins.json"
    file.write_text("{}")
    os.chmod(file, 0o644)
    done = netsonde("status")
    assert done.status == 1
    assert "others may read" in done.err
