# SPDX-License-Identifier: Apache-2.0
"""`netsonde client`: the commands of Skydive's client with its spelling, flags, and JSON on stdout."""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from netsonde.cli import completing, legacy_alert, legacy_elements, legacy_inject, legacy_rule, legacy_workflow
from netsonde.cli.capture_options import gremlin_of
from netsonde.cli.client import Client
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.errors import UserError
from netsonde.model.captures import CaptureView

if TYPE_CHECKING:
    import ssl

app = new_app("Commands spelt as Skydive's client spells them; JSON on stdout.")
capture_app = new_app("Captures.")
topology_app = new_app("The whole graph.")
app.add_typer(capture_app, name="capture")
app.add_typer(topology_app, name="topology")
app.add_typer(legacy_elements.node_app, name="node")
app.add_typer(legacy_elements.edge_app, name="edge")
app.add_typer(legacy_rule.node_app, name="node-rule")
app.add_typer(legacy_rule.edge_app, name="edge-rule")
app.add_typer(legacy_alert.app, name="alert")
app.add_typer(legacy_inject.app, name="injection")
app.add_typer(legacy_workflow.app, name="workflow")
app.add_typer(legacy_inject.app, name="inject-packet", hidden=True)

_EXTRA_LAYERS = {"VRRP": 1, "DNS": 2, "DHCPV4": 4}
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.captures)]


class Shape(StrEnum):
    """Forms that the reference's client knows."""

    JSON = "json"
    DOT = "dot"
    PCAP = "pcap"


@app.callback()
def client(
    context: typer.Context,
    analyzer: Annotated[
        str, typer.Option("--analyzer", envvar=["SKYDIVE_ANALYZER", "NETSONDE_URL"], metavar="HOST:PORT")
    ] = "127.0.0.1:8082",
    username: Annotated[str, typer.Option("--username", envvar="SKYDIVE_USERNAME")] = "",
    password: Annotated[str, typer.Option("--password", envvar="SKYDIVE_PASSWORD")] = "",
    cacert: Annotated[str, typer.Option("--cacert", metavar="FILE", help="Whom to trust in TLS.")] = "",
    cert: Annotated[str, typer.Option("--cert", metavar="FILE", help="Certificate to show to the server.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="FILE", help="Its key.")] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust whoever answers; for tests only.")] = False,
) -> None:
    """Commands spelt as Skydive's client spells them; JSON on stdout."""
    url = analyzer if "://" in analyzer else f"http://{analyzer}"
    context.obj = Client(url, username=username, password=password, context=_tls(cacert, cert, key, insecure=insecure))


@app.command()
def query(
    context: typer.Context,
    expression: Annotated[str, typer.Argument(metavar="EXPR")],
    form: Annotated[Shape, typer.Option("--format")] = Shape.JSON,
    delete: Annotated[bool, typer.Option("--delete", hidden=True)] = False,
) -> None:
    """Run a Gremlin query."""
    # The reference accepts --delete and does nothing of the kind: scripts that have it must not break, nor delete.
    _query(context.obj, expression, form)


@app.command()
def status(context: typer.Context) -> None:
    """Show the status of the analyzer."""
    print_json(context.obj.get("/api/status", dict[str, Any]))


@app.command()
def shell(
    context: typer.Context,
    script: Annotated[
        Path | None, typer.Option("--script", metavar="FILE", help="Run this instead of what is typed; - = stdin.")
    ] = None,
    history: Annotated[Path, typer.Option("--history", metavar="FILE", help="Where lines are kept.")] = Path(
        "~/.skydive_history"
    ),
) -> None:
    """Run JavaScript: `client`, `G`, `Gremlin()`, `request()`, as workflows have them, and `run(FILE)`."""
    from netsonde.cli.script_shell import Given, Statements, run_shell

    statements: Statements
    if script is None and sys.stdin.isatty():
        from netsonde.cli.script_prompt import Typed

        statements = Typed(history.expanduser())
    else:
        statements = Given(_text_of(script))
    if asyncio.run(run_shell(context.obj, statements)):
        # What is typed is judged by who typed it.
        raise typer.Exit(0 if script is None and sys.stdin.isatty() else 1)


@app.command()
def pcap(
    context: typer.Context, trace: Annotated[Path, typer.Option("--trace", "-t", help="A pcap or pcapng file.")]
) -> None:
    """Import a packet file."""
    try:
        with trace.open("rb") as file:
            answer = context.obj.upload("/api/pcap", file, trace.stat().st_size)
    except OSError as missing:
        raise UserError(f"cannot read {trace}: {missing.strerror}") from missing
    print_json(answer)


@topology_app.command("export")
def export(context: typer.Context) -> None:
    """Write the whole graph."""
    _query(context.obj, "G", Shape.JSON)


@topology_app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--file", metavar="FILE")] = Path("graph.json"),
    endpoint: Annotated[str, typer.Option("--endpoint")] = "",
) -> None:
    """Bring a graph in; unlike the reference it says what was refused and why."""
    from netsonde.cli.importing import import_file

    # Elements go to /api/import, which answers for each; the reference's socket does not.
    import_file(context.obj, file, "", dry_run=False, replace=False)


@topology_app.command("query")
def topology_query(
    context: typer.Context,
    gremlin: Annotated[str, typer.Option("--gremlin")] = "G",
    form: Annotated[Shape, typer.Option("--format")] = Shape.JSON,
) -> None:
    """Run a Gremlin query."""
    _query(context.obj, gremlin, form)


@capture_app.command("create")
def create(
    context: typer.Context,
    gremlin: Annotated[str, typer.Option("--gremlin")] = "",
    node: Annotated[str, typer.Option("--node", metavar="TID", autocompletion=completing.interfaces)] = "",
    bpf: Annotated[str, typer.Option("--bpf")] = "",
    name: Annotated[str, typer.Option("--name")] = "",
    description: Annotated[str, typer.Option("--description")] = "",
    kind: Annotated[str, typer.Option("--type")] = "",
    port: Annotated[int, typer.Option("--port")] = 0,
    sampling_rate: Annotated[int, typer.Option("--samplingrate")] = 1,
    polling_interval: Annotated[int, typer.Option("--pollinginterval")] = 10,
    header_size: Annotated[int, typer.Option("--header-size")] = 0,
    raw_packet_limit: Annotated[int, typer.Option("--rawpacket-limit")] = -1,
    extra_tcp_metric: Annotated[bool, typer.Option("--extra-tcp-metric")] = False,
    ip_defrag: Annotated[bool, typer.Option("--ip-defrag")] = False,
    reassemble_tcp: Annotated[bool, typer.Option("--reassamble-tcp", "--reassemble-tcp")] = False,
    layer_key_mode: Annotated[str, typer.Option("--layer-key-mode")] = "L2",
    extra_layer: Annotated[list[str] | None, typer.Option("--extra-layer")] = None,
    target: Annotated[str, typer.Option("--target")] = "",
    target_type: Annotated[str, typer.Option("--target-type")] = "",
    ttl: Annotated[int, typer.Option("--ttl", metavar="MS")] = 0,
) -> None:
    """Create a capture."""
    body = {
        "GremlinQuery": gremlin_of(gremlin, node),
        "BPFFilter": bpf,
        "Name": name,
        "Description": description,
        "Type": kind,
        "Port": port,
        "SamplingRate": sampling_rate,
        "PollingInterval": polling_interval,
        "HeaderSize": header_size,
        "RawPacketLimit": raw_packet_limit,
        "ExtraTCPMetric": extra_tcp_metric,
        "IPDefrag": ip_defrag,
        "ReassembleTCP": reassemble_tcp,
        "LayerKeyMode": layer_key_mode,
        "ExtraLayers": _extra_layers(extra_layer or []),
        "Target": target,
        "TargetType": target_type,
    }
    headers = {"X-Resource-TTL": f"{ttl}ms"} if ttl else {}
    print_json(context.obj.post("/api/capture", body, CaptureView, headers))


@capture_app.command("list")
def list_captures(context: typer.Context) -> None:
    """List captures, by UUID."""
    print_json(context.obj.get("/api/capture", dict[str, Any]))


@capture_app.command("get")
def get(context: typer.Context, ids: Ids) -> None:
    """Show captures."""
    for one in ids:
        print_json(context.obj.find_capture(one))


@capture_app.command("delete")
def delete(context: typer.Context, ids: Ids) -> None:
    """Delete captures."""
    for one in ids:
        context.obj.api.captures.delete(one)


def _query(server: Client, expression: str, form: Shape) -> None:
    accept = {Shape.DOT: "text/vnd.graphviz", Shape.PCAP: "application/vnd.tcpdump.pcap"}
    answer = server.query(expression, f"{accept.get(form, 'application/json')}, application/problem+json;q=0.1")
    if form is not Shape.JSON:
        sys.stdout.buffer.write(answer)
    elif answer:
        # Its own client prints answers of queries indented by tabs.
        text = msgspec.json.format(answer, indent=1).decode()
        for line in text.splitlines():
            bare = line.lstrip(" ")
            print("\t" * (len(line) - len(bare)) + bare)


def _tls(cacert: str, cert: str, key: str, *, insecure: bool) -> "ssl.SSLContext | None":
    """Return how to speak TLS when an option says so; raises UserError for files that cannot be used."""
    if not (cacert or cert or key or insecure):
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=cacert or os.environ.get("NETSONDE_CA") or None)
        if cert:
            context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as bad:
        raise UserError(f"cannot use {cacert or cert}: {bad}", hint="check --cacert, --cert and --key") from bad
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _extra_layers(names: list[str]) -> int:
    unknown = [name for name in names if name.upper() not in _EXTRA_LAYERS]
    if unknown:
        raise typer.BadParameter(f"unknown layer {unknown[0]!r}; known: VRRP, DNS, DHCPv4")
    return sum({_EXTRA_LAYERS[name.upper()] for name in names})


def _text_of(script: Path | None) -> str:
    try:
        return sys.stdin.read() if script in (None, Path("-")) else script.read_text(encoding="utf-8")
    except (OSError, ValueError) as failed:
        raise UserError(f"cannot read {script}: {getattr(failed, 'strerror', None) or failed}") from failed
