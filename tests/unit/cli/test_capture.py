# SPDX-License-Identifier: Apache-2.0
"""`netsonde capture`, `flows` and `status`."""

import json
from pathlib import Path

import pytest

from netsonde.captures.sinks import KINDS
from netsonde.model.captures import Capture
from netsonde.model.flows import FlowAnswer
from unit.api.fakes import NOW_MS, section
from unit.cli.conftest import Command, Server


@pytest.fixture
def capture(server: Server) -> str:
    server.do(lambda: server.fakes.captures.put(Capture(uuid="c1-uuid", gremlin_query="G.V()", name="vms")))
    return "c1-uuid"


def test_a_capture_is_created_with_what_was_given(netsonde: Command, server: Server) -> None:
    done = netsonde(
        *("capture", "create", "--gremlin", "G.V()", "--name", "vms", "--bpf", "tcp", "--ttl", "1m"),
        *("--keep-on-unmatch", "--first-packets", "0", "--output", "json"),
    )
    created = json.loads(done.out)
    assert (created["UUID"], created["Name"], created["BPFFilter"], created["FirstPackets"]) == ("c1", "vms", "tcp", 0)
    assert (created["StopOnUnmatch"], created["ExpiresAt"]) == (False, NOW_MS + 60_000)


def test_a_capture_is_sent_on_and_listens(netsonde: Command, server: Server) -> None:
    done = netsonde(
        *("capture", "create", "--gremlin", "G.V()", "--type", "sflow", "--port", "6343", "--output", "json"),
        *("--sink", "vxlan:Target=[::1]:4789,ID=5", "--sink", "pcapng"),
    )
    created = json.loads(done.out)
    sent_on = [(sink["Type"], sink["Target"], sink["ID"]) for sink in created["Sinks"]]
    assert (created["Port"], sent_on) == (6343, [("vxlan", "[::1]:4789", 5), ("pcapng", "", 0)])


def test_the_help_names_all_kinds_of_sinks(netsonde: Command) -> None:
    said = netsonde("capture", "create", "--help").out
    assert [kind for kind in KINDS if kind not in said.partition("Types:")[2]] == []


@pytest.mark.parametrize("sink", ["ipfix:192.0.2.1:4739", "ipfix:Targt=192.0.2.1", "vxlan:ID=five"])
def test_a_sink_that_cannot_be_meant_is_wrong_usage(netsonde: Command, sink: str) -> None:
    assert netsonde("capture", "create", "--gremlin", "G.V()", "--sink", sink).status == 2


def test_a_node_is_named_by_its_tid_whatever_it_contains(netsonde: Command, server: Server) -> None:
    netsonde("capture", "create", "--node", "a'b\\")
    assert server.fakes.captures.views()[0].gremlin_query == "G.V().Has('TID', 'a\\'b\\\\')"


def test_one_of_query_and_node_is_needed(netsonde: Command) -> None:
    assert netsonde("capture", "create").status == 2
    assert netsonde("capture", "create", "--gremlin", "G.V()", "--node", "t").status == 2


def test_a_refusal_of_the_server_is_shown_with_its_mark(netsonde: Command, server: Server) -> None:
    done = netsonde("capture", "create", "--gremlin", "G.V()", "--bpf", "prot tcp")
    assert done.status == 1
    assert done.err == "error: bad BPF filter\n  prot tcp\n  ^^^^ column 1\nhint: see pcap-filter(7)\n"


@pytest.mark.parametrize("name", ["c1-uuid", "vms", "c1"])
def test_captures_are_found_by_uuid_name_and_beginning(
    netsonde: Command, server: Server, capture: str, name: str
) -> None:
    server.do(lambda: server.fakes.captures.activate(capture, packets=7))
    out = netsonde("capture", "get", name).out
    assert "active" in out
    assert "tap0" in out
    assert netsonde("capture", "get", name, "-o", "csv").out.splitlines()[1].startswith("c1-uuid,vms,active,1,1,7,")


def test_what_a_tap_gave_up_for_want_of_room_is_shown(netsonde: Command, server: Server, capture: str) -> None:
    server.do(lambda: server.fakes.captures.activate(capture, packets=7))
    assert "3 flows evicted, 1 starts unread" in netsonde("capture", "get", capture).out


def test_an_unknown_and_an_ambiguous_name_are_refused(netsonde: Command, server: Server, capture: str) -> None:
    assert "no capture is called 'x'" in netsonde("capture", "get", "x").err
    server.do(lambda: server.fakes.captures.put(Capture(uuid="c2", gremlin_query="G.E()", name="vms")))
    assert "2 captures are called 'vms': c1-uuid, c2" in netsonde("capture", "delete", "vms").err
    assert len(server.fakes.captures.views()) == 2


def test_a_capture_is_paused_resumed_changed_and_deleted(netsonde: Command, server: Server, capture: str) -> None:
    assert netsonde("capture", "pause", "vms") == (0, "", "")
    assert server.fakes.captures.views()[0].paused
    netsonde("capture", "resume", "vms")
    netsonde("capture", "update", "vms", "--description", "x", "--max-packets", "5")
    changed = server.fakes.captures.views()[0]
    assert (changed.paused, changed.description, changed.max_packets) == (False, "x", 5)
    assert netsonde("capture", "update", "vms").status == 2
    assert netsonde("capture", "delete", "vms") == (0, "", "")
    assert server.fakes.captures.views() == []


def test_captures_are_listed(netsonde: Command, capture: str) -> None:
    out = netsonde("capture", "list").out
    assert "waiting" in out
    assert "no node matches" in out
    assert json.loads(netsonde("capture", "list", "-o", "json").out)[0]["UUID"] == capture


def test_packets_are_listed_decoded_or_written_to_a_file(
    netsonde: Command, server: Server, capture: str, tmp_path: Path
) -> None:
    assert "ARP" in netsonde("capture", "packets", "vms").out
    file = tmp_path / "x.pcapng"
    done = netsonde("capture", "packets", "vms", "--write", str(file), "--node", "t1")
    assert (done.out, done.err) == ("", f"{file}: 80 bytes\n")
    assert file.read_bytes() == section(1)
    assert server.fakes.packets.requests[-1].node_tids == ["t1"]


def test_a_file_that_cannot_be_written_is_told(netsonde: Command, capture: str, tmp_path: Path) -> None:
    done = netsonde("capture", "packets", "vms", "--write", str(tmp_path / "no" / "x"))
    assert done.status == 1
    assert "No such file or directory" in done.err


def test_packets_are_followed_until_the_server_ends_the_stream(
    netsonde: Command, server: Server, capture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fakes.packets.arriving = [[b"one"], [b"two"]]
    server.fakes.packets.ends = True
    out = netsonde("capture", "follow", "vms").out.encode("utf-8", "surrogateescape")
    assert out == section(0) + section(1)[28:] + section(1)[48:]


def test_flows_are_listed_with_their_ends_and_sizes(netsonde: Command, server: Server, capture: str) -> None:
    flow = {
        "UUID": "f1",
        "Application": "TCP",
        "Network": {"A": "2001:db8::1", "B": "2001:db8::2"},
        "Transport": {"A": 1000, "B": 80},
        "Metric": {"ABPackets": 3, "ABBytes": 2048, "BAPackets": 0, "BABytes": 0},
        "Last": 1,
    }
    server.fakes.flows.answer = FlowAnswer([flow])  # type: ignore[list-item]
    out = netsonde("flows", "--capture", "vms", "--sort=-Metric.ABBytes").out
    assert "[2001:db8::1]:1000" in out
    assert "2.0 KiB" in out
    assert server.fakes.flows.requests[0].capture_ids == [capture]


def test_the_status_names_processes_and_what_is_missing(netsonde: Command, server: Server) -> None:
    server.fakes.status.missing = ["history is replaying"]
    done = netsonde("status")
    assert "analyzer" in done.out
    assert "messages=3" in done.out
    assert done.err == "captures: none\nnot ready: history is replaying\n"


def test_the_spelling_of_the_reference_is_understood(netsonde: Command, server: Server) -> None:
    address = server.url.removeprefix("http://")
    base = ("client", "--analyzer", address, "--username", "admin", "--password", "x")
    create = ("capture", "create", "--gremlin", "G.V()", "--extra-layer", "DNS", "--extra-layer", "DHCPv4")
    created = json.loads(netsonde(*base, *create, "--ttl", "5000", "--reassamble-tcp").out)
    assert (created["ExtraLayers"], created["ReassembleTCP"], created["ExpiresAt"]) == (6, True, NOW_MS + 5000)
    assert list(json.loads(netsonde(*base, "capture", "list").out)) == ["c1"]
    assert json.loads(netsonde(*base, "capture", "get", "c1").out)["UUID"] == "c1"
    assert netsonde(*base, "capture", "delete", "c1").status == 0
    assert json.loads(netsonde(*base, "query", "G.V()").out) == []
    assert netsonde(*base, "topology", "export").out == '[\n\t{\n\t\t"Nodes": [],\n\t\t"Edges": []\n\t}\n]\n'
    assert json.loads(netsonde(*base, "status").out)["Captures"] == {"IsMaster": True}
    assert netsonde(*base, "capture", "create", "--gremlin", "G", "--extra-layer", "X").status == 2


def test_a_trace_is_imported(netsonde: Command, server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "x.pcap"
    trace.write_bytes(bytes.fromhex("d4c3b2a1") + b"\0" * 100_000)
    assert json.loads(netsonde("client", "pcap", "-t", str(trace)).out)["CaptureID"] == "pcap-1"
    assert server.fakes.pcap.imported == trace.read_bytes()
    assert "cannot read" in netsonde("client", "pcap", "-t", str(tmp_path / "no")).err
