# SPDX-License-Identifier: Apache-2.0
"""Clouds in the settings: what is refused, and that a password stays where it is."""

from pathlib import Path

import pytest

from netsonde.analyzer.status import _plain
from netsonde.config import load
from netsonde.errors import UserError
from netsonde.settings import Settings

GOOD = '[openstack.clouds.berlin]\nauth_url = "https://k/v3"\nusername = "ann"\npassword = "hush"\n'


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "netsonde.toml"
    file.write_text(text)
    return load(Settings, file=file)


def test_clouds_are_read_by_their_names(tmp_path: Path) -> None:
    two = f'{GOOD}[openstack.clouds.paris]\ncloud = "paris"\nregion = "RegionTwo"\n'
    clouds = settings(tmp_path, two).openstack.clouds
    assert (clouds["berlin"].username, clouds["berlin"].interval) == ("ann", 30.0)
    assert (clouds["paris"].cloud, clouds["paris"].region) == ("paris", "RegionTwo")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{GOOD}intervall = 3\n", "unknown key openstack.clouds.berlin.intervall; did you mean"),
        (f'{GOOD}interface = "inner"\n', "openstack.clouds.berlin.interface expects one of"),
        (f"{GOOD}interval = 0.5\n", "openstack.clouds.berlin: interval must be at least 2"),
        (f'{GOOD}cloud = "x"\n', "set either cloud, a name in clouds.yaml, or auth_url"),
        (f'{GOOD}password_file = "x"\n', "either password or password_file"),
        (GOOD.replace("https:", "ftp:"), "auth_url must be http:// or https://"),
        (GOOD.replace("username", "region"), "auth_url needs username"),
        (GOOD.replace("berlin", '"ber.lin"'), "'ber.lin' must be letters, digits, - and _"),
        ("[openstack.clouds.berlin]\n", "set either cloud"),
        ("[openstack.clouds]\nberlin = 3\n", "openstack.clouds.berlin expects a table"),
    ],
)
def test_mistake_is_told_with_its_path_and_without_the_password(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        settings(tmp_path, text)
    assert told in str(caught.value)
    assert "hush" not in str(caught.value)


def test_password_is_neither_shown_by_the_server_nor_printed(tmp_path: Path) -> None:
    clouds = settings(tmp_path, GOOD).openstack
    assert "ann" in str(_plain(clouds))
    assert "hush" not in f"{_plain(clouds)} {clouds}"
