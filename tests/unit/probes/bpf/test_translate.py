# SPDX-License-Identifier: Apache-2.0
"""Programs as they are shown, and which link holds an XDP program."""

from netsonde.probes.bpf.kernel import Attached, Program, XdpLink
from netsonde.probes.bpf.translate import attached_metadata, xdp_attached
from netsonde.schema import unlisted

PROGRAMS = {42: Program(42, 3, "cil_from_netdev", "a04f5eef06a7f555"), 43: Program(43, 6, "", "3b185187f1855c4c")}


def test_programs_are_shown_in_the_order_in_which_they_run() -> None:
    shown = attached_metadata([Attached("xdp", 43), Attached("tcx/ingress", 42, 7)], PROGRAMS)
    assert shown["BPFPrograms"] == [
        {"Hook": "xdp", "ProgID": 43, "Tag": "3b185187f1855c4c"},
        {"Hook": "tcx/ingress", "ProgID": 42, "Name": "cil_from_netdev", "Tag": "a04f5eef06a7f555", "LinkID": 7},
    ]
    assert unlisted({"Type": "veth", **shown}) == []


def test_program_that_is_not_known_has_its_number_only() -> None:
    shown = attached_metadata([Attached("tcx/egress", 9, 1)], PROGRAMS)
    assert shown == {"BPFPrograms": [{"Hook": "tcx/egress", "ProgID": 9, "LinkID": 1}]}


def test_interface_without_programs_says_nothing() -> None:
    assert attached_metadata([], PROGRAMS) == {}


def test_link_of_an_xdp_program_is_found_by_program_and_interface() -> None:
    links = [XdpLink(1, 42, 3), XdpLink(2, 43, 3), XdpLink(3, 42, 4)]
    found = xdp_attached({(9, 3): [42, 50], (9, 4): [42]}, links)
    assert found == {(9, 3): [Attached("xdp", 42, 1), Attached("xdp", 50)], (9, 4): [Attached("xdp", 42, 3)]}


def test_no_link_is_named_where_it_may_be_that_of_another_namespace() -> None:
    two = {(8, 3): [42], (9, 3): [42]}
    assert xdp_attached(two, [XdpLink(1, 42, 3)]) == {(8, 3): [Attached("xdp", 42)], (9, 3): [Attached("xdp", 42)]}
    assert xdp_attached({(9, 3): [42]}, [XdpLink(1, 42, 3), XdpLink(2, 42, 3)]) == {(9, 3): [Attached("xdp", 42)]}
