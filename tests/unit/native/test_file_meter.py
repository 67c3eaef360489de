# SPDX-License-Identifier: Apache-2.0
"""Capture files of every kind, whole and damaged, become flows."""

import json
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_files import arp_request, conversation, dhcp_frame, echo_frame, flows_in, pcap, pcapng, tcp_frame
from netsonde._native import FileMeter
from netsonde.flows.records import flow_dicts, latest


def flows_of(file: bytes, **options: Any) -> list[dict[str, Any]]:
    return flows_in(FileMeter(file, **options))


@pytest.mark.parametrize(
    "file",
    [
        pcap(conversation()),
        pcap(conversation(), order=">"),
        pcap(conversation(), nanoseconds=True),
        pcapng(conversation()),
        pcapng(conversation(), order=">"),
        pcapng(conversation(), resolution=9),
    ],
    ids=["pcap", "big-endian pcap", "nanosecond pcap", "pcapng", "big-endian pcapng", "nanosecond pcapng"],
)
def test_every_format_gives_the_same_flow(file: bytes) -> None:
    (flow,) = flows_of(file)
    assert flow["LayersPath"] == "Ethernet/IPv4/TCP"
    assert flow["Transport"] == {"Protocol": "TCP", "A": 40000, "B": 80, "ID": 0}
    assert (flow["Metric"]["ABPackets"], flow["Metric"]["BAPackets"]) == (3, 3)
    assert flow["Start"] == 1_700_000_000_000
    assert flow["Last"] == 1_700_000_000_005
    assert flow["FinishType"] == 2
    assert flow["Metric"]["RTT"] == 1_000_000


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello, I am no capture file at all", "neither pcap nor pcapng"),
        (b"\x1f\x8b" + bytes(30), "gzip"),
        (pcap([])[:20], "20 of its 24 bytes"),
    ],
)
def test_what_is_no_capture_file_is_said(file: bytes, reason: str) -> None:
    meter = FileMeter(file)
    assert flows_in(meter) == []
    assert meter.damage is not None
    assert reason in meter.damage
    assert "byte 0" in meter.damage


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_flows_before_the_damage_are_kept_and_its_place_is_told(make: Any) -> None:
    whole = make(conversation())
    meter = FileMeter(whole[:-7])
    (flow,) = flows_in(meter)
    assert flow["Metric"]["ABPackets"] + flow["Metric"]["BAPackets"] == 5
    assert meter.damage is not None
    start_of_last = len(make(conversation()[:-1]))
    assert f"byte {start_of_last}, after 5 packets" in meter.damage


def test_an_absurd_length_is_damage_and_no_allocation() -> None:
    file = pcap(conversation()) + b"\0" * 8 + b"\xff\xff\xff\x7f" * 2
    meter = FileMeter(file)
    assert len(list(meter)) >= 1
    assert meter.damage is not None
    assert "claims 2147483647 bytes" in meter.damage


def test_a_file_without_packets_gives_the_columns_and_no_flow() -> None:
    pieces = [piece for piece in FileMeter(pcap([])) if piece]
    assert flow_dicts(pieces) == []
    assert "uuid" in pa.ipc.open_stream(pieces[0]).schema.names


def test_a_file_gives_what_its_bytes_give(tmp_path: Path) -> None:
    path = tmp_path / "trace.pcap"
    path.write_bytes(pcap([*conversation(), arp_request(), echo_frame(True)]))
    assert b"".join(FileMeter(path, format="jsonl")) == b"".join(FileMeter(path.read_bytes(), format="jsonl"))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "arrow"])
def test_a_file_that_is_written_has_what_an_iteration_gives(
    kind: Literal["jsonl", "csv", "arrow"], tmp_path: Path
) -> None:
    file, out = pcap([*conversation(), arp_request()]), tmp_path / "flows"
    assert set(FileMeter(file, format=kind, into=out)) == {b""}
    assert out.read_bytes() == b"".join(FileMeter(file, format=kind))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    with pytest.raises(FileNotFoundError) as refused:
        FileMeter(pcap([]), format="csv", into=folder / "flows.csv")
    assert refused.value.filename == str(folder / "flows.csv")
    with pytest.raises(OSError, match="No space left on device") as full:
        list(FileMeter(pcap(conversation()), format="csv", into="/dev/full"))
    assert full.value.filename == "/dev/full"


def test_a_long_file_gives_the_same_whatever_the_size_of_its_packets() -> None:
    frames = [tcp_frame(True, 1000 + n * 1400, 16, bytes(n % 1400)) for n in range(3000)]
    (flow,) = flows_of(pcap(frames))
    assert flow["Metric"]["ABPackets"] == 3000
    assert flow["Metric"]["ABBytes"] == sum(map(len, frames))


def test_output_formats_tell_the_same_flows(tmp_path: Path) -> None:
    file = pcap([*conversation(), arp_request()])
    lines = b"".join(FileMeter(file, format="jsonl")).splitlines()
    rows = b"".join(FileMeter(file, format="csv")).decode().split("\r\n")
    arrow = pa.ipc.open_file(b"".join(FileMeter(file, format="arrow"))).read_all()
    uuids = [json.loads(line)["UUID"] for line in lines]
    assert [f"{uuid:x}" for uuid in arrow["uuid"].to_pylist()] == uuids
    assert [row.split(",")[0] for row in rows[1:-1]] == uuids


def test_dhcp_tells_its_transaction() -> None:
    flows = flows_of(pcap([dhcp_frame(kind) for kind in (1, 2, 3, 5)]))
    assert [flow["Application"] for flow in flows] == ["DHCPv4", "DHCPv4"]
    for flow in flows:
        lease = flow["DHCPv4"]
        assert [message["type"] for message in lease["messages"]] == ["Discover", "Offer", "Request", "ACK"]
        assert (lease["address"], lease["lease_s"], lease["bound"]) == ("10.0.0.1", 3600, True)


def test_updates_follow_the_time_of_the_file() -> None:
    frames = [frame for _ in range(40_000) for frame in (echo_frame(True), echo_frame(False))]
    reports = flows_of(pcap(frames), update_s=10.0)
    assert len(reports) > 3
    deltas = [flow.get("LastUpdateMetric", flow["Metric"])["ABPackets"] for flow in reports]
    (last,) = cast("list[dict[str, Any]]", latest(reports))
    assert sum(deltas) == last["Metric"]["ABPackets"] == 40_000


def test_tcp_details_can_be_left_out() -> None:
    (flow,) = flows_of(pcap(conversation()), tcp_metrics=False)
    assert "TCPMetric" not in flow


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no output format"):
        FileMeter(b"", format="xml")  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_broken_files_never_stop_the_meter(data: st.DataObject) -> None:
    frames = [*conversation(), arp_request(), dhcp_frame(5)]
    file = bytearray(data.draw(st.sampled_from([pcap(frames), pcapng(frames)])))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at] = data.draw(st.integers(0, 255))
    del file[data.draw(st.integers(0, len(file))) :]
    meter = FileMeter(bytes(file))
    flows = flows_in(meter)
    assert len(flows) >= meter.stats()["flows"]
