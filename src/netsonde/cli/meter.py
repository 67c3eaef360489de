# SPDX-License-Identifier: Apache-2.0
"""`netsonde meter`: its options and help. The work is in `metering`, which also reads plain command lines itself."""

from typing import Annotated

import typer

from netsonde.cli.metering import Request, meter_file
from netsonde.cli.options import new_app

app = new_app()


@app.command(epilog="Example: netsonde meter trace.pcapng -o flows.jsonl --stats")
def meter(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A pcap or pcapng file; - = standard input.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write flows to FILE.jsonl, FILE.csv or FILE.arrow."),
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print counters.")] = False,
    tcp: Annotated[bool, typer.Option("--tcp", help="Add TCP details: SYN, FIN and RST times, gaps.")] = False,
    defrag: Annotated[bool, typer.Option("--defrag", help="Put IP fragments together.")] = False,
    bpf: Annotated[
        str, typer.Option("--bpf", metavar="FILTER", help="Meter only what this filter of tcpdump's language matches.")
    ] = "",
    udp_port: Annotated[
        list[str] | None,
        typer.Option("--udp-port", metavar="PORT=NAME", help="A further UDP port of a protocol: 51234=MPLS."),
    ] = None,
    application_port: Annotated[
        list[str] | None,
        typer.Option(
            "--application-port",
            metavar="PROTOCOL/PORT=NAME",
            help="What Application says of a port: tcp/8443=ADMIN.",
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            metavar="N",
            min=0,
            max=64,
            help="Threads that count, beside one that reads; 0 = one for each further processor, at most 8.",
        ),
    ] = 0,
) -> None:
    """Meter a pcap or pcapng file, without any server.

    Without -o, flows go to standard output as JSON lines, on a terminal as a table; --stats alone prints only
    counters. A damaged file is metered up to the damage, one line says where and why, and the exit status is 1.
    """
    request = Request(
        file,
        output,
        stats,
        tcp,
        defrag=defrag,
        bpf=bpf,
        udp_ports=tuple(udp_port or ()),
        application_ports=tuple(application_port or ()),
        threads=threads,
    )
    raise typer.Exit(meter_file(request))
