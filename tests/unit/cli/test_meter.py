# SPDX-License-Identifier: Apache-2.0
"""`netsonde meter`: plain command lines without Typer, the rest with it; files in, flows out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from capture_files import arp_request, conversation, echo_frame, pcap
from netsonde.cli.main import run
from netsonde.cli.metering import Request, plain_request
from traces import FOLDER


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.pcap"
    path.write_bytes(pcap([*conversation(), arp_request()]))
    return path


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["a.pcap"], Request("a.pcap", None, False)),
        (["-o", "b.csv", "a.pcap", "--stats"], Request("a.pcap", "b.csv", True)),
        (["-"], Request("-", None, False)),
        (["a.pcap", "--tcp"], Request("a.pcap", None, False, True)),
        (["--help"], None),
        ([], None),
        (["a.pcap", "b.pcap"], None),
        (["a.pcap", "-o"], None),
        (["a.pcap", "--stat"], None),
    ],
)
def test_plain_command_lines_are_read_without_a_framework(arguments: list[str], request_: Request | None) -> None:
    assert plain_request(arguments) == request_


def test_flows_go_to_the_file_in_the_format_of_its_name(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "flows.jsonl"
    assert run(["meter", str(trace), "-o", str(out)]) == 0
    assert [json.loads(line)["Application"] for line in out.read_text().splitlines()] == ["TCP", "ARP"]


def test_stats_alone_print_only_counters(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["meter", str(trace), "--stats"]) == 0
    printed = capsys.readouterr()
    assert printed.out.split()[:2] == ["packets", "7"]
    assert "UUID" not in printed.out
    assert printed.err == ""


def test_a_damaged_file_is_metered_up_to_the_damage(trace: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    trace.write_bytes(trace.read_bytes()[:-3])
    assert run(["meter", str(trace)]) == 1
    printed = capfdbinary.readouterr()
    assert len(printed.out.splitlines()) == 1
    (line,) = printed.err.decode().splitlines()
    assert line.startswith(f"error: {trace}: damaged at byte ")
    assert "after 6 packets: the last packet has 39 of its 42 bytes" in line


def test_mistakes_say_what_to_do(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["meter", str(trace.with_name("missing.pcap"))]) == 1
    assert "cannot read" in capsys.readouterr().err
    assert run(["meter", str(trace), "-o", "flows.xml"]) == 1
    assert "let it end in .jsonl, .csv or .arrow" in capsys.readouterr().err
    before = trace.read_bytes()
    assert run(["meter", str(trace), "-o", str(trace.with_suffix(".csv"))]) == 0
    link = trace.with_name("same.csv")
    link.symlink_to(trace)
    assert run(["meter", str(trace), "-o", str(link)]) == 1
    assert "would overwrite" in capsys.readouterr().err
    assert trace.read_bytes() == before


def test_metering_imports_no_framework(trace: Path) -> None:
    program = (
        "import sys; from netsonde.cli.main import run; run(['meter', sys.argv[1], '--stats']);"
        "heavy = {'typer', 'rich', 'msgspec', 'pyarrow', 'asyncio', 'http', 'typing', 'dataclasses'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(trace)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [[], ["--stats"]])
def test_a_full_disk_is_said_and_fails(trace: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "netsonde", "meter", str(trace), *arguments]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


def test_the_process_ends_with_its_status_and_everything_written(trace: Path) -> None:
    command = [sys.executable, "-m", "netsonde", "meter"]
    done = subprocess.run([*command, str(trace)], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 2, "")
    trace.write_bytes(trace.read_bytes()[:-3])
    done = subprocess.run([*command, str(trace), "--stats"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[:2]) == (1, ["packets", "6"])
    assert "damaged at byte" in done.stderr


def test_help_explains_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["meter", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "--output" in printed
    assert "--stats" in printed


def test_fragments_are_put_together_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["meter", str(FOLDER / "fragments-ipv4.pcap"), "--defrag", "--stats"]) == 0
    printed = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()[:-1] if "span" not in line)
    assert (printed["fragments"], printed["reassembled"], printed["never whole"]) == ("4", "1", "0")


def test_a_filter_and_further_ports_reach_the_meter(capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(FOLDER / "vxlan.pcap")
    assert run(["meter", trace, "--bpf", "tcp"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["meter", trace, "--udp-port", "1=NOPE"]) == 1
    assert "one of MPLS" in capsys.readouterr().err


def test_flows_and_their_order_do_not_depend_on_threads(tmp_path: Path) -> None:
    echo = echo_frame(True)
    hosts = [bytes((10, 0, number % 50, 1, 10, 1, number % 7, 1)) for number in range(9000)]
    trace = tmp_path / "many.pcap"
    trace.write_bytes(pcap(echo[:26] + addresses + echo[34:] for addresses in hosts))
    written = []
    for threads in ("1", "2", "5"):
        path = tmp_path / f"{threads}.csv"
        assert run(["meter", str(trace), "-o", str(path), "--threads", threads, "--tcp"]) == 0
        written.append(path.read_bytes())
    assert written[0].count(b"\n") == 351
    assert written[1:] == written[:1] * 2


def test_a_number_of_threads_that_makes_no_sense_is_refused(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["meter", str(trace), "--threads", "65"]) == 2
    assert "less than or equal to 64" in capsys.readouterr().err
