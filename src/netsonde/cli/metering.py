# SPDX-License-Identifier: Apache-2.0
"""What `netsonde meter` does: capture file in; flows, progress and counters out.

Needs the native core and nothing else of Python's ecosystem: a million packets are metered in less time than it takes
to import a framework for command lines, so `plain_request` reads ordinary command lines by itself, and `cli.meter`
(Typer) has the others: help, completion, mistakes.
"""

import os
import sys
import time

from netsonde.errors import UserError

# Type checkers know this name too; importing `typing` takes as long as metering 100,000 packets.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from netsonde._native import FileMeter, FileStats

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".arrow": "arrow"}
"""Endings of output files."""
_REDRAW_INTERVAL = 0.1
_TABLE_ROWS = 40


class Request:
    """One run. `output` "-" = standard output; None = the same, or with `stats` no flows at all."""

    def __init__(
        self,
        file: str,
        output: str | None,
        stats: bool,
        tcp: bool = False,
        *,
        defrag: bool = False,
        bpf: str = "",
        udp_ports: tuple[str, ...] = (),
        application_ports: tuple[str, ...] = (),
        threads: int = 0,
    ) -> None:
        self.file = file
        self.output = output
        self.stats = stats
        self.tcp = tcp
        """Also what the reference calls ExtraTCPMetric."""
        self.defrag = defrag
        """Put IP fragments together."""
        self.bpf = bpf
        """Packets to meter, in tcpdump's language; "" = all."""
        self.udp_ports = udp_ports
        """More UDP ports of protocols: PORT=NAME."""
        self.application_ports = application_ports
        """Names of applications by port: tcp/PORT=NAME or udp/PORT=NAME."""
        self.threads = threads
        """Threads that count, 0 = as many as there are processors for them."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def path(self) -> str | None:
        """The file for flows, None when they go to standard output or nowhere."""
        return None if self.output in (None, "-") else self.output


def plain_request(arguments: "Sequence[str]") -> Request | None:
    """Return what a command line asks for; None for anything but FILE, -o FILE, --output FILE, --stats, --tcp."""
    file = output = None
    flags = {"--stats": False, "--tcp": False}
    rest = iter(arguments)
    for argument in rest:
        if argument in flags:
            flags[argument] = True
        elif argument in ("-o", "--output"):
            output = next(rest, None)
            if output is None:
                return None
        elif argument.startswith("-") and argument != "-":
            return None
        elif file is None:
            file = argument
        else:
            return None
    return None if file is None else Request(file, output, flags["--stats"], flags["--tcp"])


def meter_file(request: Request) -> int:
    """Meter a file and return the exit status: 1 when it was damaged, whatever could be read being written."""
    kind = _kind(request)
    started = time.perf_counter()
    meter = _open(request, kind or "none")
    if request.path is not None:
        _write_file(meter, request)
    elif kind is None:
        _drain(meter, None)
    elif sys.stdout.isatty():
        _print_table(meter)
    else:
        _say(request, lambda: _drain(meter, sys.stdout.buffer))
    if request.stats:
        text = _stats_text(meter.stats(), time.perf_counter() - started)
        # With the flows on standard output, the counters must not stand between them.
        _say(request, lambda: print(text, file=sys.stderr if kind and request.path is None else sys.stdout))
    if meter.damage is not None:
        print(f"error: {request.file}: {meter.damage}", file=sys.stderr)
        return 1
    return 0


def _kind(request: Request) -> str | None:
    """Return the format of the output, None for none."""
    if request.output is None:
        return None if request.stats else "jsonl"
    if request.output == "-":
        return "jsonl"
    ending = os.path.splitext(request.output)[1].lower()
    if ending not in FORMATS:
        raise UserError(
            f"cannot tell a format from the name {request.output!r}",
            hint="let it end in .jsonl, .csv or .arrow",
        )
    return FORMATS[ending]


def _open(request: Request, kind: str) -> "FileMeter":
    from netsonde._native import FileMeter

    path = "/dev/stdin" if request.file == "-" else request.file
    try:
        if request.output and os.path.exists(request.output) and os.path.samefile(path, request.output):
            raise UserError("the output would overwrite the capture file", hint="give -o another name")
        return FileMeter(
            path,
            format=kind,  # type: ignore[arg-type]
            into=request.path,
            tcp_metrics=request.tcp,
            ip_defrag=request.defrag,
            bpf_filter=request.bpf,
            udp_ports=request.udp_ports,
            application_ports=request.application_ports,
            threads=request.threads,
        )
    except ValueError as wrong:
        raise UserError(str(wrong), hint="see netsonde meter --help") from wrong
    except OSError as failed:
        raise _refused(failed, request.path, request.file) from failed


def _refused(failed: OSError, written: str | None, read: str) -> UserError:
    """Return what to say of a file: the native core names the one that is in the way; standard output has no name."""
    if failed.filename is None:
        what = "write to standard output"
    elif failed.filename == written:
        what = f"write {written}"
    else:
        what = f"read {read}"
    return UserError(f"cannot {what}: {failed.strerror or failed}")


def _write_file(meter: "FileMeter", request: Request) -> None:
    try:
        _drain(meter, None)
    except OSError as failed:
        raise _refused(failed, request.path, request.file) from failed


def _say(request: Request, write: "Callable[[], None]") -> None:
    """Write to standard output, and say what hinders it."""
    try:
        write()
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as failed:
        raise _refused(failed, None, request.file) from failed


def _drain(meter: "FileMeter", out: "IO[bytes] | None") -> None:
    progress = Progress(meter)
    for piece in meter:
        if piece and out is not None:
            out.write(piece)
        progress.show()
    progress.clear()


class Progress:
    """A bar on standard error, when that is a terminal."""

    def __init__(self, meter: "FileMeter") -> None:
        self._meter = meter
        self._drawn_at = time.monotonic()
        self._enabled = sys.stderr.isatty()
        self._drawn = False

    def show(self) -> None:
        now = time.monotonic()
        if not self._enabled or now - self._drawn_at < _REDRAW_INTERVAL:
            return
        self._drawn_at, self._drawn = now, True
        read, total = self._meter.bytes_read, self._meter.bytes_total
        if total:
            done = min(1.0, read / total)
            bar = "█" * round(30 * done)
            text = f"{bar:·<30} {done:4.0%}"
        else:
            text = f"{read / 1e6:,.0f} MB"
        sys.stderr.write(f"\r{text}  {self._meter.stats()['packets']:,} packets\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")


def _print_table(meter: "FileMeter") -> None:
    """For a terminal: the largest flows."""
    import json

    from netsonde.cli.flows import FLOW_COLUMNS
    from netsonde.cli.output import print_table

    flows = []
    for piece in meter:
        flows += [json.loads(line) for line in piece.splitlines()]
    flows.sort(key=_octets, reverse=True)
    print_table(FLOW_COLUMNS, flows[:_TABLE_ROWS])
    if len(flows) > _TABLE_ROWS:
        print(f"{len(flows) - _TABLE_ROWS} smaller flows not shown; -o flows.jsonl has all", file=sys.stderr)


def _octets(flow: dict[str, dict[str, int]]) -> int:
    return flow["Metric"]["ABBytes"] + flow["Metric"]["BABytes"]


def _fragment_rows(stats: "FileStats") -> list[tuple[str, str]]:
    """Return what to say of packets in pieces, if there were any."""
    if not stats["fragments"]:
        return []
    lost = stats["fragment_timeouts"] + stats["fragments_evicted"]
    return [
        ("fragments", f"{stats['fragments']:,}"),
        ("reassembled", f"{stats['reassembled']:,}"),
        ("never whole", f"{lost:,}"),
        ("contradictory", f"{stats['fragment_errors']:,}"),
    ]


def _stream_rows(stats: "FileStats") -> list[tuple[str, str]]:
    """Return what to say of connections whose application stayed unknown for want of memory, if there were any."""
    refused = stats["streams_refused"]
    return [("unread starts", f"{refused:,}")] if refused else []


def _stats_text(stats: "FileStats", seconds: float) -> str:
    span = (stats["last_ns"] - stats["first_ns"]) / 1e9 if stats["packets"] else 0.0
    rows = [
        ("packets", f"{stats['packets']:,}"),
        ("bytes", f"{stats['bytes']:,}"),
        ("flows", f"{stats['flows']:,}"),
        ("time span", f"{span:,.3f} s"),
        ("unreadable", f"{stats['unreadable']:,}"),
        ("truncated", f"{stats['truncated']:,}"),
        ("malformed", f"{stats['malformed']:,}"),
        ("evicted flows", f"{stats['evicted']:,}"),
        *_stream_rows(stats),
        *_fragment_rows(stats),
        ("metered in", f"{seconds:.3f} s"),
    ]
    return "\n".join(f"{name:<14}{value:>18}" for name, value in rows)
