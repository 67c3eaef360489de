# SPDX-License-Identifier: Apache-2.0
"""POST /api/pcap."""

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import NOW_MS, Fakes

TRACE = bytes.fromhex("d4c3b2a1 02000400") + b"\0" * 5_000_000


def test_a_trace_is_imported_with_a_summary(client: Any, fakes: Fakes) -> None:
    answer = client.post("/api/pcap", content=TRACE)
    assert answer.status_code == 202
    assert answer.json() == {
        "CaptureID": "pcap-1",
        "Packets": 3,
        "Flows": 1,
        "Start": NOW_MS,
        "Last": NOW_MS + 5,
        "Damage": "",
    }
    assert fakes.pcap.imported == TRACE


@contextmanager
def a_full_disk(**_: str) -> Iterator[IO[bytes]]:
    with Path("/dev/full").open("wb") as file:
        yield file


def test_a_trace_for_which_the_disk_has_no_room_is_refused_with_what_to_do(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", a_full_disk)
    answer = client.post("/api/pcap", content=TRACE)
    assert answer.status_code == 413
    assert f"no room for the packet file in {tempfile.gettempdir()}" in answer.text
    assert "TMPDIR" in answer.text


def test_a_gzipped_trace_is_unpacked_also_when_it_was_packed_in_parts(client: Any, fakes: Fakes) -> None:
    packed = gzip.compress(TRACE[:1000]) + gzip.compress(TRACE[1000:])
    assert client.post("/api/pcap", content=packed).status_code == 202
    assert fakes.pcap.imported == TRACE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body has 0 bytes: too short"),
        (b"\xd4\xc3", "the body has 2 bytes: too short"),
        (b"PK\x03\x04" + b"\0" * 100, "it starts with 50 4b 03 04"),
        (gzip.compress(b"hello", mtime=0), "it starts with 68 65 6c 6c"),
        (gzip.compress(TRACE, mtime=0)[:50] + b"\xff" * 50, "the gzip stream is damaged"),
        (b"\x1f", "it starts with 1f"),
    ],
)
def test_anything_else_is_refused_with_what_it_looks_like(client: Any, fakes: Fakes, body: bytes, reason: str) -> None:
    answer = client.post("/api/pcap", content=body)
    assert answer.status_code == 400
    assert reason in answer.text
    assert fakes.pcap.imported == b""


def test_a_file_beyond_the_limit_is_refused_even_when_packed(fakes: Fakes) -> None:
    fakes.with_settings(max_pcap=1_000_000)
    with TestClient(create_app(fakes.services()), base_url="http://127.0.0.1") as client:
        answer = client.post("/api/pcap", content=gzip.compress(TRACE))
    assert answer.status_code == 413
    assert "more than 1000000 bytes" in answer.text
