# SPDX-License-Identifier: Apache-2.0
"""Flows of a capture file for Python programs: `netsonde.meter`.

Iterated one by one, or taken as columns by whatever speaks Arrow's PyCapsule interface (pyarrow, pandas, polars,
DuckDB), without a copy and without one Python object per packet. Needs the native core; imports nothing else.
Columns and their meaning: `docs/reference/flow-record.md`.
"""

import importlib
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from netsonde._native import FileMeter, Flow
from netsonde.errors import UserError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from netsonde._native import FileStats

Source = str | PathLike[str] | bytes
MOST_THREADS = 64


class DamagedFile(UserError):
    """A capture file makes no sense from some place on. `offset` = the byte there, `packets` = those before it."""

    def __init__(self, name: str, *, offset: int, packets: int, reason: str) -> None:
        super().__init__(
            f"{name}: damaged at byte {offset}, after {packets} packets: {reason}",
            hint="on_damage='keep' gives the flows before that place",
        )
        self.offset = offset
        self.packets = packets
        self.reason = reason


class MeterOptions(NamedTuple):
    """How a file is metered."""

    bpf: str = ""
    """Packets to meter, in tcpdump's language; "" = all."""
    idle_timeout: float = 600.0
    """Seconds without a packet, in the time of the file, that end a flow."""
    report_interval: float = 0.0
    """Seconds, in the time of the file, after which a running flow is given too; 0 = each flow once, at its end."""
    max_flows: int = 2_000_000
    """Flows at a time; the least recently used one is ended beyond."""
    defrag: bool = False
    """Put IP fragments together, so that they count for the conversation they belong to."""
    tcp: bool = True
    """Fill the `tcp_` columns."""
    layer_key_mode: Literal["L2", "L3"] = "L2"
    """L3 = MAC addresses do not tell flows with IP addresses apart."""
    udp_ports: Sequence[str] = ()
    """More UDP ports of protocols: "51234=MPLS"."""
    application_ports: Sequence[str] = ()
    """Names of applications by port, whatever they say: "tcp/8443=ADMIN"."""
    threads: int = 0
    """Threads that count, beside one that reads; 0 = one for each further processor that this process may use, at most
    8. Flows and their order do not depend on it."""


class MeteredFile:
    """The flows of one file. Each iteration, and each consumer of its Arrow stream, meters the file anew.

    Memory is bounded by the flows that are open at a time, whatever the size of the file.
    """

    def __init__(self, source: Source, options: MeterOptions, on_damage: Literal["raise", "keep"]) -> None:
        self._source = source
        self._options = options
        self._on_damage = on_damage
        self._current = self._open()
        self._fresh = True

    def __iter__(self) -> Iterator[Flow]:
        """Give flows as they end. Raises DamagedFile behind the last one if the file is damaged."""
        meter = self._pass()
        yield from meter.flows()
        self._raise_damage(meter)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the flows to a consumer of Arrow's PyCapsule interface. Columns are never cast: it may do so itself."""
        return self._pass().arrow_stream(fail_on_damage=self._on_damage == "raise")

    def arrow(self) -> "pyarrow.Table":
        """Return all flows as an Arrow table."""
        import pyarrow

        meter = self._pass()
        table = pyarrow.RecordBatchReader.from_stream(meter).read_all()
        self._raise_damage(meter)
        return table

    def pandas(self) -> "pandas.DataFrame":
        """Return all flows as a pandas DataFrame; needs pandas."""
        _imported("pandas")  # pyarrow's own message would not say what to install
        return self.arrow().to_pandas()

    def polars(self) -> "polars.DataFrame":
        """Return all flows as a polars DataFrame; needs polars."""
        polars = _imported("polars")
        meter = self._pass()
        frame = polars.DataFrame(meter)
        self._raise_damage(meter)
        return frame

    @property
    def damage(self) -> str | None:
        """What is wrong with the file and where, as far as the latest pass came; None = nothing."""
        return self._current.damage

    def stats(self) -> "FileStats":
        """Return the counters of the latest pass: all of the file only when that came to its end."""
        return self._current.stats()

    def _pass(self) -> FileMeter:
        # The first pass uses what was opened to find mistakes early.
        if not self._fresh:
            self._current = self._open()
        self._fresh = False
        return self._current

    def _open(self) -> FileMeter:
        options = self._options
        source = self._source
        try:
            return FileMeter(
                source,
                format="columns",
                expire_s=options.idle_timeout,
                update_s=options.report_interval,
                max_flows=options.max_flows,
                tcp_metrics=options.tcp,
                layer_key_mode=options.layer_key_mode,
                ip_defrag=options.defrag,
                bpf_filter=options.bpf,
                udp_ports=options.udp_ports,
                application_ports=options.application_ports,
                threads=options.threads,
            )
        except OSError as failed:
            if isinstance(source, bytes):
                raise
            # The number makes Python choose the class: FileNotFoundError, PermissionError, …
            raise OSError(failed.errno, failed.strerror or str(failed), fspath(source)) from failed

    def _raise_damage(self, meter: FileMeter) -> None:
        place = meter.damage_place
        if place is not None and self._on_damage == "raise":
            offset, packets, reason = place
            name = "capture" if isinstance(self._source, bytes) else fspath(self._source)
            raise DamagedFile(name, offset=offset, packets=packets, reason=reason)


def meter(
    source: Source,
    *,
    bpf: str = "",
    idle_timeout: float = 600.0,
    report_interval: float = 0.0,
    max_flows: int = 2_000_000,
    defrag: bool = False,
    tcp: bool = True,
    layer_key_mode: Literal["L2", "L3"] = "L2",
    udp_ports: Sequence[str] = (),
    application_ports: Sequence[str] = (),
    threads: int = 0,
    on_damage: Literal["raise", "keep"] = "raise",
) -> MeteredFile:
    """Meter a pcap or pcapng file, given by its path or as bytes.

    Options are those of `MeterOptions`. Raises OSError for a file that cannot be opened and ValueError for a mistake in
    an option, at once. What is wrong inside the file is raised as DamagedFile while flows are taken, behind the flows
    before it; `on_damage="keep"` gives these and leaves the rest to `damage`.
    """
    ports = tuple(udp_ports), tuple(application_ports)
    options = MeterOptions(bpf, idle_timeout, report_interval, max_flows, defrag, tcp, layer_key_mode, *ports, threads)
    if not 0 <= threads <= MOST_THREADS:
        raise ValueError(f"threads is 0 to {MOST_THREADS}, not {threads}")
    if on_damage not in ("raise", "keep"):
        raise ValueError(f"on_damage is raise or keep, not {on_damage!r}")
    return MeteredFile(source, options, on_damage)


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as absent:
        raise UserError(f"{package} is not installed", hint=f"pip install {package}") from absent
