# SPDX-License-Identifier: Apache-2.0
"""What a capture may say: each wrong field is named with what to do."""

import re
from typing import Any

import msgspec
import pytest

from netsonde.captures.definitions import checked, refuse_duplicate, tap_options
from netsonde.captures.engines._registry import engine_name
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.sinks import native_sinks, sinks_of, target_of
from netsonde.errors import Conflict, UserError
from netsonde.model.captures import Capture, Sink

GOOD = Capture(gremlin_query="G.V().HasKey('ExtID.vm-id')")


def check_filter(text: str) -> None:
    if "nonsense" in text:
        raise ValueError("syntax error in filter expression")


def change(**fields: Any) -> Capture:
    return msgspec.structs.replace(GOOD, **fields)


def test_defaults_are_filled_in() -> None:
    assert checked(change(layer_key_mode=""), check_filter, now_ms=0) == GOOD


@pytest.mark.parametrize("spelling", ["", "packet", "afpacket", "pcap"])
def test_old_spellings_of_the_engine_are_kept_and_understood(spelling: str) -> None:
    assert checked(change(type=spelling), check_filter, now_ms=0).type == spelling
    assert engine_name(spelling) == "packet"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": "dpdk"}, "'dpdk' is not available yet"),
        ({"type": "nope"}, "'nope' is unknown"),
        ({"bpf_filter": "nonsense"}, "syntax error in filter expression"),
        ({"header_size": 13}, "HeaderSize"),
        ({"header_size": 65536}, "HeaderSize"),
        ({"raw_packet_limit": -2}, "RawPacketLimit"),
        ({"layer_key_mode": "L4"}, "LayerKeyMode must be L2 or L3"),
        ({"port": 70000}, "Port"),
        ({"sampling_rate": -1}, "SamplingRate"),
        ({"extra_layers": 256}, "ExtraLayers"),
        ({"unmatch_grace_ms": -1}, "UnmatchGrace"),
        ({"max_packets": -1}, "MaxPackets"),
        ({"target": "10.0.0.1:4739"}, "Target needs a TargetType"),
        ({"target_type": "kafka"}, "TargetType 'kafka' is unknown"),
        ({"target_type": "netflowv5"}, "Target '' must be ADDRESS"),
        ({"port": 2055}, "Port is of no use to the engine 'packet'"),
        ({"sampling_rate": 100}, "SamplingRate is of no use to the engine 'packet'"),
        ({"type": "netflow", "bpf_filter": "icmp"}, "BPFFilter is of no use to the engine 'netflow'"),
        ({"type": "ebpf", "bpf_filter": "icmp"}, "BPFFilter is of no use to the engine 'ebpf': it has no packets"),
        ({"type": "ebpf", "header_size": 128}, "HeaderSize is of no use to the engine 'ebpf'"),
        ({"type": "ebpf", "first_packets": 5}, "FirstPackets is of no use to the engine 'ebpf'"),
        ({"type": "ebpf", "raw_packet_limit": 5}, "RawPacketLimit is of no use to the engine 'ebpf'"),
        ({"type": "ebpf", "ip_defrag": True}, "IPDefrag is of no use to the engine 'ebpf'"),
        ({"type": "ebpf", "extra_tcp_metric": True}, "ExtraTCPMetric is of no use to the engine 'ebpf'"),
        ({"type": "ebpf", "reassemble_tcp": True}, "ReassembleTCP"),
        ({"type": "ebpf", "sinks": [Sink("pcapng")]}, "pcapng needs packets"),
        ({"type": "sflow", "extra_tcp_metric": True}, "ExtraTCPMetric is of no use"),
        ({"type": "netflow", "reassemble_tcp": True}, "ReassembleTCP is of no use"),
        ({"type": "ovsnetflow", "sinks": [Sink("pcapng")]}, "pcapng needs packets"),
        ({"sinks": [Sink("carrier pigeon")]}, "Sinks[0]: Type 'carrier pigeon' is unknown"),
        ({"sinks": [Sink("ipfix", "example.org:4739")]}, "names are not looked up"),
        ({"sinks": [Sink("ipfix", "10.0.0.1:0")]}, "Target '10.0.0.1:0' must be"),
        ({"sinks": [Sink("vxlan", "10.0.0.1", id=1 << 24)]}, "(VNI)"),
        ({"sinks": [Sink("erspan", "2001:db8::1")]}, "Sinks[0]"),
        ({"sinks": [Sink("pcapng", total_bytes=5)]}, "TotalBytes"),
        ({"sinks": [Sink("pcapng", "/etc")]}, "pcapng has no Target"),
        ({"sinks": [Sink("ipfix", "10.0.0.1")] * 9}, "8 are the most"),
        ({"sinks": [Sink("nats", "nats://example.org")]}, "names are not looked up"),
        ({"sinks": [Sink("nats", "http://10.0.0.1")]}, "Target 'http://10.0.0.1' must be"),
        ({"sinks": [Sink("nats", "nats://me:secret@10.0.0.1")]}, "must be ADDRESS"),
        ({"sinks": [Sink("nats", "10.0.0.1", subject="flows.>")]}, "Subject 'flows.>' must be"),
        ({"sinks": [Sink("nats", "10.0.0.1", subject="netsonde.flows.h1")]}, "not netsonde.*"),
        ({"expires_at": 5}, "ExpiresAt is in the past"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match="(?s).*" + re.escape(named)) as caught:
        checked(change(**fields), check_filter, now_ms=10)
    assert caught.value.hint


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        checked(change(port=-1, layer_key_mode="x", bpf_filter="nonsense"), check_filter, now_ms=0)
    assert all(word in caught.value.message for word in ("Port", "LayerKeyMode", "BPFFilter"))


@pytest.mark.parametrize("query", ["", "  ", "G.V().HasKey(", "G.E()", "G.V().Count()", "G.V().Flows()"])
def test_a_query_that_can_never_give_nodes_is_refused(query: str) -> None:
    with pytest.raises(UserError):
        checked(change(gremlin_query=query), check_filter, now_ms=0)


def test_the_same_query_and_filter_again_is_a_duplicate() -> None:
    known = [change(uuid="c1", type="pcap")]
    with pytest.raises(Conflict, match="c1"):
        refuse_duplicate(change(uuid="c2", type="", name="other"), known, now_ms=0)
    refuse_duplicate(change(uuid="c1", name="itself"), known, now_ms=0)
    refuse_duplicate(change(uuid="c2", bpf_filter="icmp"), known, now_ms=0)
    refuse_duplicate(change(uuid="c2"), [change(uuid="c1", expires_at=5)], now_ms=9)


def test_names_and_pauses_are_no_options_of_taps() -> None:
    assert tap_options(change(name="x", paused=True, type="pcap")) == tap_options(GOOD)
    assert tap_options(change(max_bytes=1)) != tap_options(GOOD)
    assert tap_options(change(ip_defrag=True)) != tap_options(GOOD)


@pytest.mark.parametrize("kind", ["sflow", "netflow", "ipfix", "pcapsocket", "ovssflow", "ovsnetflow", "ovsmirror"])
def test_each_engine_is_taken_with_what_it_needs(kind: str) -> None:
    assert checked(change(type=kind), check_filter, now_ms=0).type == kind


def test_a_target_of_the_reference_is_a_sink() -> None:
    old = change(target_type="netflowv5", target="10.0.0.1:9995", sinks=[Sink("ipfix", "10.0.0.2")])
    assert checked(old, check_filter, now_ms=0) == old
    assert [(sink.type, target_of(sink)) for sink in sinks_of(old)] == [
        ("netflow5", "10.0.0.1:9995"),
        ("ipfix", "10.0.0.2:4739"),
    ]
    mirrored = change(target_type="erspanv1", target="10.0.0.1:0")
    assert [(sink.type, sink.target, sink.id) for sink in sinks_of(mirrored)] == [("erspan", "10.0.0.1", 1)]


@pytest.mark.parametrize(
    ("given", "taken"),
    [("::1", "[::1]:2055"), ("[::1]:99", "[::1]:99"), ("[::1]", "[::1]:2055"), ("10.0.0.1", "10.0.0.1:2055")],
)
def test_targets_have_a_port_by_default(given: str, taken: str) -> None:
    assert target_of(Sink("netflow9", given)) == taken


def test_taps_begin_anew_when_sinks_change() -> None:
    assert tap_options(GOOD) != tap_options(change(sinks=[Sink("ipfix", "10.0.0.2")]))


@pytest.mark.parametrize("uuid", ["", "..", "../../etc", "/etc", "a/b"])
def test_no_definition_leads_files_out_of_their_folder(uuid: str) -> None:
    capture = Capture(uuid=uuid, sinks=[Sink("pcapng")])
    with pytest.raises(UserError, match="cannot name a folder"):
        native_sinks(capture, CaptureSettings(files="/var/lib/netsonde/captures"))


def test_files_go_into_a_folder_of_the_capture() -> None:
    (sink,) = native_sinks(
        Capture(uuid="c-1", sinks=[Sink("pcapng")]), CaptureSettings(files="/srv/files", files_total_mib=3)
    )
    assert sink["directory"] == "/srv/files/c-1"
    assert sink["all_bytes"] == 3 << 20
