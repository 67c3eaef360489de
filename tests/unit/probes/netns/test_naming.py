# SPDX-License-Identifier: Apache-2.0
"""Which name a namespace shows does not depend on the order of discovery."""

import os

import msgspec

from netsonde.probes.netns.naming import Sighting
from netsonde.probes.netns.processes import User


def test_file_names_it_and_other_names_are_listed() -> None:
    seen = Sighting(42, 4, paths=["/run/netns/a", "/run/docker/netns/b"], users=[User(7, "haproxy")])
    assert seen.metadata() == {
        "Type": "netns",
        "Name": "a",
        "Path": "/run/netns/a",
        "Inode": 42,
        "Device": 4,
        "Names": ["a", "b"],
        "Paths": ["/run/netns/a", "/run/docker/netns/b"],
        "Processes": [{"Pid": 7, "Name": "haproxy"}],
    }


def test_nameless_one_is_named_by_its_oldest_process() -> None:
    seen = Sighting(42, 4, users=[User(7, "sh"), User(9, "curl")])
    assert (seen.name, seen.path) == ("sh-7", "/proc/7/ns/net")
    assert "Names" not in seen.metadata()


def test_one_without_any_sign_is_named_by_its_inode() -> None:
    assert Sighting(42, 4).name == "netns-42"


def test_file_whose_name_is_no_text_is_shown_as_one_and_opened_as_it_is() -> None:
    path = os.fsdecode(b"/run/netns/\xffa")
    sighting = Sighting(7, 4, paths=[path])
    assert sighting.path == path
    assert (sighting.name, sighting.metadata()["Path"]) == ("\\xffa", "/run/netns/\\xffa")
    assert msgspec.msgpack.encode(sighting.metadata())
