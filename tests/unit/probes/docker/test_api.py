# SPDX-License-Identifier: Apache-2.0
"""Which events matter, which version is spoken, and what is refused."""

import json

import msgspec
import pytest

from netsonde.errors import WireError
from netsonde.probes.docker.api import Event, Inspection, Version, common_version, decode, is_id, touched_container
from unit.probes.docker.lab import recording, told


def read(event: object) -> Event:
    return decode(json.dumps(event).encode(), Event)


def test_of_the_recorded_events_those_that_change_a_container_name_it() -> None:
    names = {one["Id"]: one["Name"] for one in recording()["containers"].values()}
    found = [(event["Action"], names.get(touched_container(read(event)), "")) for event in recording()["events"]]
    assert ("start", "/web") in found
    assert ("pause", "/island") in found
    assert ("rename", "/island") in found
    assert ("health_status: healthy", "/web") in found
    assert ("disconnect", "/web") in found
    assert {name for action, name in found if action.startswith(("exec_", "create"))} == {""}


@pytest.mark.parametrize("text", ["../../secrets", "", "a/b", "x" * 129, "é", "a?b=c", ".hidden"])
def test_id_that_could_lead_elsewhere_is_none(text: str) -> None:
    assert not is_id(text)
    event = {"Type": "container", "Action": "start", "Actor": {"ID": text}}
    assert touched_container(read(event)) == ""


def test_event_without_what_we_read_touches_nothing() -> None:
    assert touched_container(read({})) == ""
    assert touched_container(read({"Type": "network", "Action": "connect", "Actor": {"Attributes": None}})) == ""


@pytest.mark.parametrize(("theirs", "spoken"), [("1.24", "1.24"), ("1.41", "1.41"), ("1.52", "1.52"), ("2.3", "1.52")])
def test_newest_version_that_both_know_is_spoken(theirs: str, spoken: str) -> None:
    assert common_version(theirs) == spoken


@pytest.mark.parametrize("theirs", ["1.23", "", "one", "1.41; DROP", "1"])
def test_engine_without_a_usable_version_is_refused(theirs: str) -> None:
    with pytest.raises(WireError):
        common_version(theirs)


def test_podman_behind_dockers_api_is_told_apart() -> None:
    assert msgspec.convert(recording()["version"], Version).engine == "docker"
    answer = {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]}
    assert msgspec.convert(answer, Version).engine == "podman"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff\xfe", b'{"Type": 7}', b"[" * 100_000, b'{"x":' + b"[" * 100_000]
)
def test_rubbish_is_named_as_such(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data, Event)


def test_inspection_of_another_shape_is_refused() -> None:
    answer = told("web")
    answer["State"]["Pid"] = "23"
    with pytest.raises(WireError, match="Inspection"):
        decode(json.dumps(answer).encode(), Inspection)
