# SPDX-License-Identifier: Apache-2.0
"""Settings: three sources, one set of fields, and every mistake told at once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from netsonde.config import describe, known_keys, load
from netsonde.errors import UserError


@dataclass(frozen=True)
class Inner:
    listen: str = "127.0.0.1:1"
    """Where it listens."""
    mode: Literal["a", "b"] = "a"
    ports: tuple[int, ...] = (1, 2)
    retry_delay: float = 0.5


@dataclass(frozen=True)
class Site:
    url: str
    """Where it is."""
    password: str = ""
    port: int = 1

    def __post_init__(self) -> None:
        if self.port < 0:
            raise ValueError("port must not be below 0")


@dataclass(frozen=True)
class Named:
    sites: dict[str, Site] = field(default_factory=dict)
    """All of them."""


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    state_dir: Path = Path("/var")
    """Where files go."""
    quiet: bool = False
    limit: int | None = None
    labels: dict[str, str] = field(default_factory=dict)


def test_defaults_need_no_source() -> None:
    assert load(Outer) == Outer()


def test_flags_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('quiet = true\n[inner]\nlisten = "file"\nretry_delay = 2\n[labels]\nrack = "r1"\n')
    got = load(
        Outer,
        file=file,
        environ={"NETSONDE_INNER_LISTEN": "env", "NETSONDE_INNER_RETRY_DELAY": "3", "HOME": "/"},
        overrides={"inner.listen": "flag", "limit": "7", "inner.ports": "8,9"},
    )
    assert got.inner == Inner(listen="flag", retry_delay=3.0, ports=(8, 9))
    assert (got.quiet, got.limit, got.labels) == (True, 7, {"rack": "r1"})


def test_every_mistake_is_listed_with_its_full_path_and_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[inner]\nlisen = "x"\nmode = "c"\n')
    with pytest.raises(UserError) as caught:
        load(Outer, file=file, environ={"NETSONDE_INNER_PORT": "1"}, overrides={"quiet": "perhaps"})
    text = str(caught.value)
    assert "unknown key inner.lisen; did you mean inner.listen?" in text
    assert "inner.mode expects one of a, b; got 'c'" in text
    assert "$NETSONDE_INNER_PORT: unknown key NETSONDE_INNER_PORT; did you mean inner.ports?" in text
    assert "flag: quiet expects true or false, got 'perhaps'" in text


@pytest.mark.parametrize("text", ["inner = [", "\x00", "a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"broken\.toml is not TOML"):
        load(Outer, file=file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read settings file .*none\.toml: No such file"):
        load(Outer, file=tmp_path / "none.toml")


@pytest.mark.parametrize("value", [True, "1.5", 1.5, [], "x"])
def test_a_whole_number_is_not_guessed(tmp_path: Path, value: object) -> None:
    with pytest.raises(UserError, match="limit expects a whole number"):
        load(Outer, overrides={"limit": value})  # type: ignore[dict-item]


def test_the_reference_page_comes_from_the_same_fields() -> None:
    docs = {doc.path: doc for doc in describe(Outer)}
    assert set(docs) == set(known_keys(Outer))
    assert docs["inner.listen"].text == "Where it listens."
    assert docs["inner.ports"].default == "[1, 2]"


def test_table_of_sections_has_one_under_each_name(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[sites.north]\nurl = "n"\n[sites.south]\nurl = "s"\nport = 7\n')
    assert load(Named, file=file).sites == {"north": Site("n"), "south": Site("s", port=7)}
    assert load(Named).sites == {}


def test_mistakes_in_a_section_of_a_table_have_their_full_path_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        '[sites]\nwest = 3\n[sites.north]\nurl = "n"\npasword = "abc"\n'
        '[sites.south]\nurl = "s"\npassword = 12345\nport = "x"\n[sites.east]\nurl = "e"\nport = -1\n'
    )
    with pytest.raises(UserError) as caught:
        load(Named, file=file)
    text = str(caught.value)
    assert "unknown key sites.north.pasword; did you mean sites.north.password?" in text
    assert "sites.south.password is not what is expected" in text
    assert "sites.south.port expects a whole number, got 'x'" in text
    assert "sites.east: port must not be below 0" in text
    assert "sites.west expects a table, got int" in text
    assert "12345" not in text
    assert "abc" not in text


def test_section_of_a_table_without_what_it_needs_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[sites.north]\nport = 7\n")
    with pytest.raises(UserError, match=r"sites\.north\.url is required"):
        load(Named, file=file)


def test_reference_page_shows_the_settings_of_each_section_of_a_table() -> None:
    docs = {doc.path: doc for doc in describe(Named)}
    assert set(docs) == {"sites", "sites.NAME.url", "sites.NAME.password", "sites.NAME.port"}
    assert (docs["sites.NAME.url"].default, docs["sites.NAME.url"].text) == ("required", "Where it is.")
