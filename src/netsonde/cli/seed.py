# SPDX-License-Identifier: Apache-2.0
"""`netsonde seed`: show what probes see in some namespace, without an agent there.

Source: the probes, in the namespaces that are entered first.
Writes: nodes and edges of the origin `seed.<host id>` on the server, by /ws/publisher; they go when the seed ends.
"""

import asyncio
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from netsonde.agent.alone import surroundings
from netsonde.aio import spawn
from netsonde.cli.options import DEFAULT_URL, new_app
from netsonde.cli.output import say
from netsonde.cli.seed_namespaces import enter, open_namespace
from netsonde.cli.seed_shown import Seen, read_filter
from netsonde.client.credentials import with_credentials
from netsonde.client.publishing import PublisherFeed, Publishing
from netsonde.client.server import Server, server_at
from netsonde.observe.logs import configure_logging
from netsonde.query.graph_view import ViewShape

app = new_app()
_TYPE = "seed"


@app.command(epilog="Example: netsonde seed netlink --net /proc/4711/ns/net --root NODE-ID --host-id web-1")
def seed(
    probes: Annotated[list[str] | None, typer.Argument(metavar="[PROBE...]", help="Default: netlink.")] = None,
    agent: Annotated[
        str, typer.Option("--agent", "--url", envvar="NETSONDE_URL", metavar="URL", help="The server to publish to.")
    ] = DEFAULT_URL,
    root: Annotated[
        str, typer.Option("--root", metavar="NODE-ID", help="The node that owns what is seen; default: one of its own.")
    ] = "",
    host_id: Annotated[str, typer.Option("--host-id", metavar="NAME", help="Default: the host's name.")] = "",
    only: Annotated[
        str,
        typer.Option("--filter", metavar="QUERY", help="Publish what this shows of it, such as G.V(…).SubGraph()."),
    ] = "",
    username: Annotated[str, typer.Option("--username")] = "",
    password: Annotated[str, typer.Option("--password")] = "",
    net: Annotated[str, typer.Option("--net", metavar="PATH", help="Network namespace to look into.")] = "",
    mount: Annotated[str, typer.Option("--mount", metavar="PATH", help="Mount namespace.")] = "",
    pid: Annotated[str, typer.Option("--pid", metavar="PATH", help="Namespace of processes.")] = "",
    user: Annotated[str, typer.Option("--user", metavar="PATH", help="User namespace.")] = "",
    ipc: Annotated[str, typer.Option("--ipc", metavar="PATH", help="IPC namespace.")] = "",
) -> None:
    """Publish what probes see in some namespace until interrupted; what is published goes with it."""
    configure_logging("seed", "warning")
    server = server_at(agent)
    headers = with_credentials({}, server, token=None, username=username or None, password=password or None)
    name = host_id or socket.gethostname()
    shape = read_filter(only)
    # Paths are those of here and now.
    netns = open_namespace("net", net) if net else None
    entered = {"mount": mount, "pid": pid, "user": user, "ipc": ipc}
    enter({kind: path for kind, path in entered.items() if path})
    asyncio.run(_publish(server, headers, name, root, shape, probes=probes or ["netlink"], netns=netns))


async def _publish(
    server: Server,
    headers: Mapping[str, str],
    name: str,
    root: str,
    shape: ViewShape,
    *,
    probes: Sequence[str],
    netns: int | None,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with surroundings(name, probes, netns_fd=netns) as here:
        seen = Seen(here, root, shape)
        publishing = Publishing(server, PublisherFeed(_TYPE, name, seen.state), headers=headers)
        # Before it connects: what changes meanwhile is in the whole that it begins with.
        unsubscribe = here.graph.subscribe(lambda events: publishing.publish(seen.changes(events)))
        try:
            async with publishing, asyncio.TaskGroup() as group:
                tasks = [
                    spawn(group, publishing.send_changes(), "seed.send"),
                    spawn(group, _tell_refusals(publishing), "seed.answers"),
                ]
                say(f"{_TYPE}.{name}: {len(seen.state()[0])} nodes are published to {server.url}")
                await stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            unsubscribe()


async def _tell_refusals(publishing: Publishing) -> None:
    async for words in publishing:
        say(f"refused: {words}")
