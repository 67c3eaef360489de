# SPDX-License-Identifier: Apache-2.0
"""A patch of a probe's node becomes an annotation: only what differs from the probe, never its identity."""

import pytest

from netsonde.declared.annotations import annotation_after
from netsonde.errors import Conflict
from netsonde.model.elements import Metadata

BASE: Metadata = {"Name": "eth0", "Type": "device", "MTU": 1500, "Ovs": {"Port": 1}}


def test_only_what_differs_is_kept() -> None:
    assert annotation_after({}, BASE, BASE, {**BASE, "Owner": "me", "Ovs": {"Port": 1, "Note": "x"}}) == {
        "Owner": "me",
        "Ovs": {"Note": "x"},
    }


def test_a_value_of_the_users_hides_the_probes_and_gives_way_when_removed() -> None:
    hidden = annotation_after({}, BASE, BASE, {**BASE, "MTU": 9000})
    assert hidden == {"MTU": 9000}
    shown: Metadata = {**BASE, "MTU": 9000}
    without: Metadata = {name: value for name, value in shown.items() if name != "MTU"}
    assert annotation_after(hidden, BASE, shown, without) == {}
    assert annotation_after(hidden, BASE, shown, BASE) == {}


def test_a_change_elsewhere_keeps_what_was_said() -> None:
    shown: Metadata = {**BASE, "MTU": 9000}
    assert annotation_after({"MTU": 9000}, BASE, shown, {**shown, "Owner": "me"}) == {"MTU": 9000, "Owner": "me"}


def test_what_a_probe_says_cannot_be_removed() -> None:
    with pytest.raises(Conflict, match=r"Metadata\.MTU is what a probe or a rule says"):
        annotation_after({}, BASE, BASE, {name: value for name, value in BASE.items() if name != "MTU"})
    with pytest.raises(Conflict, match=r"Metadata\.Ovs\.Port is what a probe or a rule says"):
        annotation_after({}, BASE, BASE, {**BASE, "Ovs": {}})


def test_the_identity_stays() -> None:
    assert annotation_after({}, BASE, BASE, {"Type": "veth", "MTU": 1500, "Ovs": {"Port": 1}}) == {}
