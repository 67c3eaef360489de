# SPDX-License-Identifier: Apache-2.0
"""Instances as LXD tells them, and as they are shown: without secrets, within bounds."""

import json

import pytest

from netsonde.errors import WireError
from netsonde.probes.lxd.api import Instance, Server, decode, decode_instances, instance_metadata
from netsonde.schema import unlisted
from unit.probes.lxd.lab import UUID, instance


def told(name: str = "web", **more: object) -> Instance:
    (found,) = decode_instances(json.dumps({"metadata": [instance(name, **more)]}).encode())
    return found


def test_instance_is_shown_with_project_profiles_settings_and_devices() -> None:
    found = instance_metadata(told(description="shop front", project="shop", location="node-3"))
    assert found == {
        "LXD": {
            **{"Name": "web", "Project": "shop", "Type": "container", "Status": "Running", "Architecture": "x86_64"},
            **{"Description": "shop front", "CreatedAt": "2026-11-30T05:50:14.003361171Z", "Location": "node-3"},
            **{"Ephemeral": "false", "Stateful": "false", "Profiles": ["default"], "Config": {"limits.cpu": "2"}},
            "Devices": {"eth0": {"type": "nic", "network": "lxdbr0"}},
        }
    }
    assert unlisted({"Type": "container", **found}) == []


def test_what_may_be_secret_or_changes_with_each_start_is_not_shown() -> None:
    hidden = ("environment.PASSWORD", "user.user-data", "cloud-init.user-data", "raw.lxc", "volatile.eth0.hwaddr")
    config = {**dict.fromkeys(hidden, "hidden"), "security.privileged": "true"}
    devices = {"eth0": {"type": "nic", "user.note": "hidden"}}
    shown = instance_metadata(told(expanded_config=config, expanded_devices=devices))
    assert "hidden" not in json.dumps(shown)
    assert shown["LXD"]["Config"] == {"security.privileged": "true"}  # type: ignore[index, call-overload]


def test_settings_and_devices_beyond_the_room_are_counted() -> None:
    config = {f"limits.kernel.{number}": "x" * 1000 for number in range(100)}
    devices = {f"disk{number}": {"type": "disk", "source": "x" * 1000} for number in range(100)}
    shown = instance_metadata(told(expanded_config=config, expanded_devices=devices))
    assert len(json.dumps(shown)) < 140_000
    lxd = shown["LXD"]
    assert isinstance(lxd, dict)
    assert (lxd["ConfigOmitted"], lxd["DevicesOmitted"]) == (36, 36)
    assert unlisted({"Type": "container", **shown}) == []


def test_profiles_beyond_the_room_are_counted() -> None:
    shown = instance_metadata(told(profiles=[f"{number:04}{'x' * 1020}" for number in range(100)]))
    lxd = shown["LXD"]
    assert isinstance(lxd, dict)
    assert (len(lxd["Profiles"]), lxd["ProfilesOmitted"]) == (64, 36)  # type: ignore[arg-type]
    assert unlisted({"Type": "container", **shown}) == []


def test_directory_of_a_project_has_its_name() -> None:
    assert (told().directory, told(project="shop").directory) == ("web", "shop_web")


def test_uuid_is_that_of_qemu() -> None:
    assert told().uuid == UUID
    assert told(expanded_config={"volatile.uuid": UUID.upper()}).uuid == UUID
    assert told(expanded_config=None).uuid == ""


def test_answer_may_leave_things_out() -> None:
    (bare,) = decode_instances(b'{"metadata": [{"name": "web"}]}')
    assert instance_metadata(bare)["LXD"] == {
        **{"Name": "web", "Project": "default", "Type": "container", "Ephemeral": "false", "Stateful": "false"}
    }
    assert decode(b'{"metadata": {}}', Server).environment.server_name == ""


LONE_SURROGATE = b'{"metadata": [{"name": "\\ud800"}]}'
"""No text that could be sent on."""


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b'{"metadata": {}}',
        b'{"metadata": [{}]}',
        b'{"metadata": [{"name": 5}]}',
        b"\xff",
        LONE_SURROGATE,
    ],
)
def test_rubbish_is_refused(answer: bytes) -> None:
    with pytest.raises(WireError):
        decode_instances(answer)
