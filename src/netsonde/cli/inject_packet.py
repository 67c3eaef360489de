# SPDX-License-Identifier: Apache-2.0
"""`netsonde inject-packet`: send packets from an interface of this machine, without any server.

Source: the kernel of this network namespace, for addresses, routes and neighbours. Needs CAP_NET_RAW.
"""

import asyncio
import uuid as uuids
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer

from netsonde.cli.inject import tell_end
from netsonde.cli.inject_options import Count, takes_packets
from netsonde.cli.options import Form, Output, new_app
from netsonde.client.injections import InjectionFields
from netsonde.errors import UserError
from netsonde.model.injections import Injection, InjectionView
from netsonde.observe.logs import configure_logging

if TYPE_CHECKING:
    from netsonde.model.elements import Node

app = new_app()


@app.command(epilog="Example: netsonde inject-packet --if-name eth0 --dst-ip 192.0.2.1 --count 5 --interval 200")
@takes_packets
def inject_packet(
    if_name: Annotated[str, typer.Option("--if-name", metavar="IFNAME", help="The interface that sends.")],
    encap_type: Annotated[str, typer.Option("--encap-type", help="ether: what the interface speaks.")] = "ether",
    kind: Annotated[str, typer.Option("--type")] = "icmp4",
    *,
    packets: InjectionFields,
    count: Count = 0,
    timeout: Annotated[int, typer.Option("--timeout", min=1, metavar="MS", help="Wait so long for an answer.")] = 1000,
    output: Output = Form.TABLE,
) -> None:
    """Send packets from an interface of this machine, without any server; 1 unless every packet is answered."""
    if encap_type != "ether":
        raise UserError(f"--encap-type {encap_type} is not known", hint="leave it out: packets are Ethernet's")
    fields: InjectionFields = {
        **packets,
        "type": kind,
        "count": count,
        "timeout_ms": timeout,
    }
    injection = msgspec.structs.replace(Injection(uuid=str(uuids.uuid4())), **fields)
    tell_end(asyncio.run(_run(if_name, injection)), output)


async def _run(if_name: str, injection: Injection) -> InjectionView:
    """Do what an analyzer and an agent do of an injection together."""
    from netsonde.agent.alone import surroundings
    from netsonde.injection.agent import InjectionAgent
    from netsonde.injection.definitions import checked
    from netsonde.injection.listing import view_of
    from netsonde.injection.resolver import Resolver
    from netsonde.injection.runs import Run, status_of
    from netsonde.injection.settings import InjectSettings
    from netsonde.settings import Settings

    settings = InjectSettings()
    host = Settings().host_id
    configure_logging("inject-packet", "warning")
    async with surroundings(host) as here:
        interfaces = [*here.graph.nodes_with("Name", if_name)]
        if not interfaces:
            raise UserError(f"there is no interface {if_name!r} in this network namespace", hint="`ip link` lists them")

        async def find(_: str) -> "Sequence[Node]":
            return interfaces

        agent = InjectionAgent(here.graph, here.namespaces, settings)
        injection = checked(msgspec.structs.replace(injection, src=if_name), settings)
        requests = await Resolver(here.graph, find, settings).requests(injection)

        def call(_: str, request: bytes) -> AsyncGenerator[bytes, None]:
            return cast("AsyncGenerator[bytes, None]", agent.handle(request))

        run = Run(requests, call, lambda came: None)
        await run.run()
        return view_of(injection, status_of(host, run.nodes, since=0, at=0, before="starting"))
