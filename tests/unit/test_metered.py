# SPDX-License-Identifier: Apache-2.0
"""`netsonde.meter`: flows of a file for Python programs, one by one and as columns."""

import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import netsonde
from capture_files import arp_request, conversation, echo_frame, pcap
from netsonde._native import FileMeter, Flow
from netsonde.errors import UserError
from netsonde.flows.schema import FLOW_COLUMNS

PAGE = Path(__file__).resolve().parents[2] / "docs/howto/move-from-nfstream.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FRAMES = [*conversation(), arp_request(), echo_frame(True), echo_frame(False)]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.pcap"
    path.write_bytes(pcap(FRAMES))
    (tmp_path / "cut.pcap").write_bytes(pcap(FRAMES)[:-3])
    return path


def test_flows_are_iterated_as_often_as_asked(trace: Path) -> None:
    flows = netsonde.meter(trace)
    seen = [(flow.application, flow.ab_packets, flow.ba_packets) for flow in flows]
    assert seen == [("TCP", 3, 3), ("ARP", 1, 0), ("ICMPv4", 1, 1)]
    assert [(flow.application, flow.ab_packets, flow.ba_packets) for flow in flows] == seen
    assert flows.stats()["packets"] == len(FRAMES)
    assert flows.damage is None


def test_a_flow_has_every_column_and_shows_itself(trace: Path) -> None:
    flow = next(iter(netsonde.meter(trace)))
    row = pa.table(netsonde.meter(trace)).slice(0, 1).to_pylist()[0]
    assert flow.as_dict() == row
    assert {name: getattr(flow, name) for name in row} == row
    assert repr(flow) == "<Flow Ethernet/IPv4/TCP 10.0.0.1 > 10.0.0.2>"
    with pytest.raises(AttributeError, match='no column "nope"'):
        flow.nope  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_know_the_columns() -> None:
    stub = (Path(netsonde.__file__).parent / "_native.pyi").read_text()
    (body,) = re.findall(r"class Flow:\n(.*?)    def ", stub, re.DOTALL)
    kinds = {column.name: "str" if column.kind == "string" else "int" for column in FLOW_COLUMNS}
    assert dict(re.findall(r"^    (\w+): (\w+)$", body, re.MULTILINE)) == kinds


def test_an_arrow_stream_has_the_columns_of_every_other_output(trace: Path) -> None:
    table = pa.table(netsonde.meter(trace))
    (written,) = [piece for piece in FileMeter(trace, format="batches") if piece]
    assert table.equals(pa.ipc.open_stream(written).read_all())
    assert netsonde.meter(trace).arrow().equals(table)
    assert netsonde.meter(pcap([])).arrow().schema == table.schema


def test_options_reach_the_meter(trace: Path) -> None:
    assert [flow.application for flow in netsonde.meter(trace, bpf="arp")] == ["ARP"]
    (one, _, _) = netsonde.meter(
        trace, tcp=False, max_flows=5, udp_ports=["51234=MPLS"], layer_key_mode="L3", threads=3
    )
    assert one.tcp_metric == 0


def test_mistakes_are_said_at_once(trace: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        netsonde.meter(trace.with_name("missing.pcap"))
    assert missing.value.filename == str(trace.with_name("missing.pcap"))
    with pytest.raises(ValueError, match="syntax error"):
        netsonde.meter(trace, bpf="tcp and and")
    with pytest.raises(ValueError, match="threads is 0 to 64, not 65"):
        netsonde.meter(trace, threads=65)
    with pytest.raises(ValueError, match="raise or keep"):
        netsonde.meter(trace, on_damage="ignore")  # type: ignore[arg-type]


def test_damage_is_raised_behind_the_flows_before_it(trace: Path) -> None:
    flows = netsonde.meter(trace.with_name("cut.pcap"))
    seen: list[Flow] = []
    with pytest.raises(netsonde.DamagedFile) as damaged:
        seen.extend(flows)
    assert len(seen) == 3
    start_of_last = len(pcap(FRAMES[:-1]))
    assert (damaged.value.offset, damaged.value.packets) == (start_of_last, len(FRAMES) - 1)
    assert f"cut.pcap: damaged at byte {start_of_last}, after 8 packets: the last packet has" in str(damaged.value)
    with pytest.raises(netsonde.DamagedFile):
        flows.arrow()
    with pytest.raises(pa.ArrowInvalid, match=f"damaged at byte {start_of_last}"):
        pa.table(flows)


def test_what_stands_before_the_damage_can_be_kept(trace: Path) -> None:
    flows = netsonde.meter(trace.with_name("cut.pcap"), on_damage="keep")
    assert pa.table(flows).num_rows == flows.arrow().num_rows == len(list(flows)) == 3
    assert flows.damage is not None
    assert "damaged at byte" in flows.damage


def test_a_package_that_is_absent_is_named(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UserError, match="polars is not installed") as absent:
        netsonde.meter(trace).polars()
    assert absent.value.hint == "pip install polars"


def test_importing_netsonde_loads_nothing() -> None:
    program = "import sys; known = set(sys.modules); import netsonde; print(*(set(sys.modules) - known))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["netsonde"]


@pytest.mark.parametrize(
    ("example", "printed"),
    list(
        zip(
            EXAMPLES,
            [
                "10.0.0.1 10.0.0.2 TCP ",
                "[{'application': 'ARP', 'ab_bytes_sum': 42}, {'application': 'ICMPv4',",
                "[{'network_a': '10.0.0.1', 'transport_b': 80, 'ab_packets': 3, 'rtt_ns': 1000000}]\n",
                "3\n",
                f"{len(pcap(FRAMES[:-1]))} 8 the last packet has",
            ],
            strict=True,
        )
    ),
    ids=range(len(EXAMPLES)),
)
def test_an_example_prints_what_it_should(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], example: str, printed: str
) -> None:
    monkeypatch.chdir(trace.parent)
    exec(compile(example, PAGE.name, "exec"), {"__name__": "__main__"})  # noqa: S102  our own page
    assert capsys.readouterr().out.startswith(printed)
