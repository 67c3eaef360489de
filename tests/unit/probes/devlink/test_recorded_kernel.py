# SPDX-License-Identifier: Apache-2.0
"""A card with virtual functions as a real kernel's devlink tells of it, held against what `devlink` says."""

from typing import Any, Final, cast

import pytest

from netsonde.model.elements import Metadata
from netsonde.probes.devlink.kernel import read_devices
from netsonde.probes.devlink.messages import Device
from recorded_kernel import recorded

CARD: Final = "netdevsim/netdevsim1"
FUNCTIONS: Final[Any] = recorded("functions")


class Conversation:
    """A socket upon which everything is said again as it was recorded."""

    def __init__(self, spoken: list[list[Any]]) -> None:
        self._spoken = [(question, list(answers)) for question, answers in spoken]
        self._answers: list[str] = []

    def send(self, request: bytes) -> int:
        question, self._answers = self._spoken.pop(0)
        assert request.hex() == question
        return len(request)

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        return bytes.fromhex(self._answers.pop(0)), (0, 0)


def card(mode: str) -> Device:
    found = read_devices(cast("Any", Conversation(FUNCTIONS[mode]["devlink"])))
    assert found.troubles == []
    (device,) = found.devices
    return device


@pytest.mark.parametrize("mode", ["legacy", "switchdev"])
def test_card_is_the_one_that_devlink_lists(mode: str) -> None:
    said, shown = FUNCTIONS[mode]["devlink_said"], card(mode).metadata()
    info = said["devices"]["info"][CARD]
    versions = [
        {"Name": name, "Running": info["versions"]["running"][name], "Stored": info["versions"]["stored"][name]}
        for name in info["versions"]["running"]
    ]
    assert (shown["Device"], shown["Driver"], shown["Versions"]) == (CARD, info["driver"], versions)
    assert shown["EswitchMode"] == said["switch"]["dev"][CARD]["mode"] == mode


@pytest.mark.parametrize("mode", ["legacy", "switchdev"])
def test_ports_are_those_that_devlink_lists(mode: str) -> None:
    listed = FUNCTIONS[mode]["devlink_said"]["ports"]["port"]
    device = card(mode)
    assert device.ports == {int(name.rpartition("/")[2]): port(each) for name, each in listed.items()}
    assert [each["Flavour"] for each in device.ports.values()].count("pcivf") == (2 if mode == "switchdev" else 0)


def port(told: dict[str, Any]) -> Metadata:
    names = {"flavour": "Flavour", "controller": "Controller", "pfnum": "PF", "vfnum": "VF"}
    return {ours: told[theirs] for theirs, ours in names.items() if theirs in told}
