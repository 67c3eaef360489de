# SPDX-License-Identifier: Apache-2.0
"""Servers by name."""

import json
import os
from pathlib import Path

import pytest

from netsonde.cli.profiles import MEMBERS, use_profile
from netsonde.errors import UserError
from unit.cli.conftest import Command, Server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without profiles, and an environment that says nothing; the process's own gets back what it was."""
    for variable in MEMBERS.values():
        monkeypatch.setenv(variable, "x")
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_the_first_profile_is_the_default_until_another_is(netsonde: Command, home: Path) -> None:
    assert netsonde("profile", "set", "lab", "--url", "http://lab:1").status == 0
    netsonde("profile", "set", "prod", "--url", "https://prod:2", "--cacert", str(home / "ca.pem"))
    assert [(one["Name"], one["Default"]) for one in _listed(netsonde)] == [("lab", True), ("prod", False)]
    netsonde("profile", "use", "prod")
    assert [one["Name"] for one in _listed(netsonde) if one["Default"]] == ["prod"]
    netsonde("profile", "delete", "prod")
    assert [(one["Name"], one["Default"]) for one in _listed(netsonde)] == [("lab", False)]
    assert (home / "netsonde" / "profiles.json").stat().st_mode & 0o777 == 0o600


def test_a_verb_asks_the_server_of_the_profile(netsonde: Command, home: Path) -> None:
    server = Server()
    try:
        netsonde("profile", "set", "gone", "--url", "http://127.0.0.1:1")
        netsonde("profile", "set", "here", "--url", server.url)
        assert netsonde("capture", "list").status == 3
        assert netsonde("--profile", "here", "capture", "list").status == 0
        assert netsonde("--profile=here", "capture", "list").status == 0
        os.environ.pop("NETSONDE_URL")
        netsonde("profile", "use", "here")
        assert netsonde("capture", "list").status == 0
        os.environ.pop("NETSONDE_URL")
        # Whoever names a server asks that one.
        assert netsonde("capture", "list", "--url", "http://127.0.0.1:1").status == 3
    finally:
        server.stop()


def test_credentials_of_the_environment_do_not_go_to_a_chosen_server(home: Path, netsonde: Command) -> None:
    (home / "token").write_text("abc\n")
    netsonde("profile", "set", "lab", "--url", "http://lab:1", "--token-file", str(home / "token"))
    netsonde("profile", "set", "bare", "--url", "http://bare:1")
    environ = {"NETSONDE_TOKEN": "secret", "NETSONDE_USERNAME": "me", "OTHER": "1"}
    use_profile("lab", ["query"], environ)
    assert environ == {"NETSONDE_URL": "http://lab:1", "NETSONDE_TOKEN": "abc", "OTHER": "1"}
    use_profile("bare", ["query"], environ)
    assert environ == {"NETSONDE_URL": "http://bare:1", "OTHER": "1"}


def test_a_profile_that_is_not_there_is_told(netsonde: Command) -> None:
    done = netsonde("--profile", "lab", "capture", "list")
    assert (done.status, "there is no profile 'lab'" in done.err) == (2, True)
    assert netsonde("--profile").status == 2


@pytest.mark.parametrize("text", ["[", "[]", '{"profiles": {"a": 1}}', '{"profiles": {"a": {"passwort": "x"}}}'])
def test_a_damaged_file_is_told_and_keeps_no_server_from_starting(netsonde: Command, home: Path, text: str) -> None:
    (home / "netsonde").mkdir()
    (home / "netsonde" / "profiles.json").write_text(text)
    with pytest.raises(UserError, match="cannot read the profiles in"):
        use_profile("", ["query"], {})
    assert netsonde("agent", "--check").status == 0


def _listed(netsonde: Command) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(netsonde("profile", "list", "-o", "json").out)
    return found
