# SPDX-License-Identifier: Apache-2.0
"""Ids and TIDs equal the reference's."""

import pytest

from netsonde.graph.ids import edge_id, join_id, linker_edge_id, name_id, stable_id


def test_ids_of_the_reference() -> None:
    assert name_id("fabric" + "TOR") == "a5182659-131c-596b-9ef0-72e175ae886d"
    assert join_id("fabric", "TOR") == "8e7ad1dc-2e47-5fbf-946c-d6aa705f9224"
    one, two = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    assert edge_id(one, two, "layer2") == "83bfe5d4-8e3c-567e-ae49-7cfcc83fbb41"


def test_key_order_does_not_change_a_linker_edge() -> None:
    one = linker_edge_id("a", "b", {"Manager": "k8s", "RelationType": "service"})
    assert one == linker_edge_id("a", "b", {"RelationType": "service", "Manager": "k8s"})


def test_stable_ids_differ_between_hosts() -> None:
    assert stable_id("m1", "interface", "1", "2") == stable_id("m1", "interface", "1", "2")
    assert stable_id("m1", "interface", "1", "2") != stable_id("m2", "interface", "1", "2")


def test_an_id_without_a_host_or_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="machine id"):
        stable_id("", "interface")
    with pytest.raises(ValueError, match="at least one part"):
        join_id()
