# SPDX-License-Identifier: Apache-2.0
"""OpenFlow rules and groups from lines that ovs-ofctl 3.1 printed, and from what it never would."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Metadata
from netsonde.probes.ovsdb.rules import (
    counted,
    mentions,
    parse_group,
    parse_group_counts,
    parse_rule,
    ports_of,
    ports_of_group,
)

WORDS = st.sampled_from(
    [
        *("cookie=0x1", "duration=1.5s", "n_packets=3", "table=7", "priority=9", "ip", "in_port=1", "importance=5"),
        *(" actions=", "output:2", "drop", "resubmit(,1)", "LOCAL", "group_id=4", "bucket=", "actions=", "type=all"),
        *("bucket0:packet_count=1,byte_count=2", "packet_count=1", "byte_count=2", "send_flow_rem", "weight:1"),
        *(",", " ", ", ", "(", ")", "[", "{", "=", ":", "-1", "0x", "9" * 30, "\x00", "²", "é"),
    ]
)
LINES = st.lists(WORDS, max_size=12).map("".join) | st.text(max_size=60)


def test_every_part_of_a_rule_is_told() -> None:
    line = (
        " cookie=0x2a, duration=12.345s, table=3, n_packets=11, n_bytes=1078, idle_timeout=60, hard_timeout=300, "
        "send_flow_rem check_overlap importance=5, idle_age=2, priority=100,ip,in_port=1,nw_src=10.0.0.0/8,tp_dst=80 "
        "actions=set_field:0x1->reg0,output:2,group:4"
    )
    assert parse_rule(line) == {
        "Table": 3,
        "Priority": 100,
        "Cookie": "0x2a",
        "Duration": 12.345,
        "Packets": 11,
        "Bytes": 1078,
        "IdleTimeout": 60,
        "HardTimeout": 300,
        "Importance": 5,
        "IdleAge": 2,
        "Flags": ["send_flow_rem", "check_overlap"],
        "Match": "ip,in_port=1,nw_src=10.0.0.0/8,tp_dst=80",
        "Fields": {"ip": True, "in_port": 1, "nw_src": "10.0.0.0/8", "tp_dst": 80},
        "Actions": ["set_field:0x1->reg0", "output:2", "group:4"],
        "Outputs": [2],
    }


def test_what_is_not_written_has_its_default() -> None:
    rule = parse_rule(" cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, actions=NORMAL")
    assert (rule["Priority"], rule["Match"], rule["Fields"]) == (32768, "", {})
    assert (rule["Actions"], rule.get("Outputs"), rule.get("Flags")) == (["NORMAL"], None, None)


@pytest.mark.parametrize(
    ("head", "match", "flags"),
    [
        ("n_bytes=0, priority=0", "", None),
        ("n_bytes=0, arp", "arp", None),
        ("n_bytes=0, send_flow_rem", "", ["send_flow_rem"]),
        ("n_bytes=0, no_packet_counts no_byte_counts priority=7", "", ["no_packet_counts", "no_byte_counts"]),
        ("n_bytes=0, packet_type=(0,0x0),in_port=LOCAL", "packet_type=(0,0x0),in_port=LOCAL", None),
    ],
)
def test_flags_and_match_are_told_apart(head: str, match: str, flags: list[str] | None) -> None:
    rule = parse_rule(f" cookie=0x0, {head} actions=drop")
    assert (rule["Match"], rule.get("Flags")) == (match, flags)


def test_facts_that_a_later_switch_tells_are_left_out() -> None:
    rule = parse_rule(" cookie=0x0, n_packets=1, colour=red, actions=drop")
    assert rule["Packets"] == 1
    assert "colour" not in str(rule)


def test_counters_that_the_switch_does_not_keep_are_not_told() -> None:
    assert "Packets" not in parse_rule(f" n_packets={2**64 - 1}, n_bytes=5, actions=drop")


@pytest.mark.parametrize(
    ("actions", "pieces", "outputs"),
    [
        ("output:2,output:3,output:2", ["output:2", "output:3", "output:2"], [2, 3]),
        ("output(port=2,max_len=64)", ["output(port=2,max_len=64)"], [2]),
        ("enqueue:2:1", ["enqueue:2:1"], [2]),
        ("LOCAL", ["LOCAL"], ["LOCAL"]),
        ("resubmit(LOCAL,1),resubmit(3,1)", ["resubmit(LOCAL,1)", "resubmit(3,1)"], None),
        ("output:NXM_NX_REG0[0..15]", ["output:NXM_NX_REG0[0..15]"], None),
        ("clone(ct_clear,output:5),IN_PORT", ["clone(ct_clear,output:5)", "IN_PORT"], [5]),
        ("write_actions(output:6),goto_table:1", ["write_actions(output:6)", "goto_table:1"], [6]),
        (
            "bundle(eth_src,50,hrw,ofport,members:4,8)",
            ["bundle(eth_src,50,hrw,ofport,members:4,8)"],
            [4, 8],
        ),
        (
            "learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),FLOOD",
            ["learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])", "FLOOD"],
            None,
        ),
        ("CONTROLLER:65535", ["CONTROLLER:65535"], None),
    ],
)
def test_actions_are_told_one_by_one_with_the_ports_they_lead_to(
    actions: str, pieces: list[str], outputs: list[int | str] | None
) -> None:
    rule = parse_rule(f" n_packets=0, actions={actions}")
    assert (rule["Actions"], rule.get("Outputs")) == (pieces, outputs)


@pytest.mark.parametrize(
    ("line", "ports", "does"),
    [
        (" n_bytes=0, in_port=5 actions=drop", {5}, True),
        (" n_bytes=0, in_port=55 actions=drop", {5}, False),
        (" n_bytes=0, actions=output:5", {5, 6}, True),
        (" n_bytes=5, actions=output:55", {5}, False),
        (" n_bytes=0, in_port=LOCAL actions=drop", {"LOCAL"}, True),
        (" n_bytes=0, actions=resubmit(5,1)", {5}, False),
    ],
)
def test_rules_that_concern_a_port_are_known_and_found_without_being_understood(
    line: str, ports: set[int | str], does: bool
) -> None:
    assert bool(ports_of(parse_rule(line)) & ports) is does
    assert any(text in line.encode() for text in mentions(ports)) >= does


GROUP = (
    " group_id=4,type=select,selection_method=hash,fields(ip_src,ip_dst),bucket=bucket_id:0,weight:100,watch_port:1,"
    "actions=set_field:02:00:00:00:00:01->eth_dst,output:1,bucket=bucket_id:7,actions=clone(output:3),output:2"
)
COUNTS = (
    " group_id=4,duration=3.5s,ref_count=2,packet_count=9,byte_count=882,bucket0:packet_count=5,byte_count=490,"
    "bucket1:packet_count=4,byte_count=392"
)


def test_group_has_its_buckets_in_order() -> None:
    assert parse_group(GROUP) == {
        "GroupId": 4,
        "GroupType": "select",
        "SelectionMethod": "hash",
        "Buckets": [
            {
                "ID": 0,
                "Weight": 100,
                "WatchPort": 1,
                "Actions": ["set_field:02:00:00:00:00:01->eth_dst", "output:1"],
                "Outputs": [1],
            },
            {"ID": 7, "Actions": ["clone(output:3)", "output:2"], "Outputs": [3, 2]},
        ],
    }
    assert parse_group(" group_id=1,type=all") == {"GroupId": 1, "GroupType": "all", "Buckets": []}
    assert ports_of_group(parse_group(GROUP)) == {1, 2, 3}


def test_group_and_its_buckets_are_told_with_what_they_counted() -> None:
    counts = parse_group_counts(COUNTS)
    group = counted(parse_group(GROUP), {counts.group_id: counts})
    assert {key: group[key] for key in ("Packets", "Bytes", "References", "Duration")} == {
        "Packets": 9,
        "Bytes": 882,
        "References": 2,
        "Duration": 3.5,
    }
    assert [(bucket["Packets"], bucket["Bytes"]) for bucket in group["Buckets"]] == [(5, 490), (4, 392)]  # type: ignore[union-attr,index,call-overload]
    assert counted(parse_group(GROUP), {}) == parse_group(GROUP)


def test_more_counted_buckets_than_there_are_do_no_harm() -> None:
    counts = parse_group_counts(COUNTS)
    assert counted(parse_group(" group_id=4,type=all"), {4: counts})["Buckets"] == []


@pytest.mark.parametrize(
    "line",
    [
        "",
        " cookie=0x0, duration=1s",
        " cookie=zero, actions=drop",
        " duration=fast, actions=drop",
        " n_packets=-1, actions=drop",
        f" n_packets={2**64}, actions=drop",
        " priority=high,ip actions=drop",
        " n_packets=0, actions=resubmit(,1",
        " n_packets=0, actions=drop)",
        " n_packets=0, packet_type=(0 actions=drop",
    ],
)
def test_line_that_is_no_rule_is_refused(line: str) -> None:
    with pytest.raises(WireError):
        parse_rule(line)


@given(LINES)
def test_no_line_makes_a_parser_fail_otherwise(line: str) -> None:
    with suppress(WireError):
        ports_of(parse_rule(line))
    with suppress(WireError):
        counts = parse_group_counts(line)
        counted(parse_group(GROUP), {4: counts, counts.group_id: counts})
    with suppress(WireError):
        ports_of_group(counted(parse_group(line), {4: parse_group_counts(COUNTS)}))


@given(st.lists(st.sampled_from(["output:2", "drop", "ct(commit,exec(set_field:1->ct_mark))", "group:1"]), min_size=1))
def test_actions_joined_again_are_those_that_were_printed(actions: list[str]) -> None:
    rule: Metadata = parse_rule(f" n_packets=0, ip actions={','.join(actions)}")
    assert rule["Actions"] == actions


ACTIONS = [
    *("output:1", "output:12", "output(port=1,max_len=9)", "enqueue:1:0", "LOCAL", "resubmit(1,)", "resubmit(LOCAL,2)"),
    *("bundle(eth_src,0,hrw,ofport,members:3,1,12)", "clone(LOCAL,output:21)", "write_actions(output:1)", "IN_PORT"),
]


@given(
    st.sampled_from(["", "in_port=1", "in_port=12", "in_port=LOCAL", "ip,in_port=1,tcp"]),
    st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
    st.frozensets(st.sampled_from([1, 12, 21, "LOCAL"]), min_size=1),
)
def test_every_rule_that_concerns_a_port_is_found_before_it_is_understood(
    match: str, actions: list[str], ports: frozenset[int | str]
) -> None:
    line = f" cookie=0x0, n_bytes=1, priority=1,{match} actions={','.join(actions)}"
    assert any(text in line.encode() for text in mentions(ports)) or not ports_of(parse_rule(line)) & ports
