# SPDX-License-Identifier: Apache-2.0
"""`netsonde seed`: show what probes see in some namespace, without an agent there.

Source: the probes, in the namespaces that are entered first.
Writes: nodes and edges of the origin `seed.<host id>` on the server, by /ws/publisher; they go when the seed ends.
"""

import asyncio
import signal
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
import typer

from netsonde.agent.alone import Surroundings, surroundings
from netsonde.aio import spawn
from netsonde.cli.options import DEFAULT_URL, new_app
from netsonde.cli.output import say
from netsonde.cli.seed_namespaces import enter, open_namespace
from netsonde.client.credentials import with_credentials
from netsonde.client.publishing import PublisherFeed, Publishing
from netsonde.client.server import Server, server_at
from netsonde.graph import Event
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import ChangeKind
from netsonde.observe.logs import configure_logging

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
    _filter: Annotated[
        str, typer.Option("--filter", hidden=True, help="Not needed: a seed publishes, and subscribes to nothing.")
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
    # Paths are those of here and now.
    netns = open_namespace("net", net) if net else None
    entered = {"mount": mount, "pid": pid, "user": user, "ipc": ipc}
    enter({kind: path for kind, path in entered.items() if path})
    asyncio.run(_publish(server, headers, name, root, probes or ["netlink"], netns))


async def _publish(
    server: Server, headers: Mapping[str, str], name: str, root: str, probes: Sequence[str], netns: int | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with surroundings(name, probes, netns_fd=netns) as here:
        seen = Seen(here, root)
        publishing = Publishing(server, PublisherFeed(_TYPE, name, seen.state), headers=headers)
        async with publishing:
            unsubscribe = here.graph.subscribe(lambda events: publishing.publish(seen.changes(events)))
            try:
                async with asyncio.TaskGroup() as group:
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


class Seen:
    """What is seen, as it is published: under a root of somebody else's, if wanted, instead of a host node."""

    def __init__(self, here: Surroundings, root: str) -> None:
        self._here = here
        self._root = root

    def state(self) -> tuple[list[Node], list[Edge]]:
        graph = self._here.graph
        nodes = [node for node in graph.nodes() if self._is_shown(node)]
        return nodes, [self._rooted(edge) for edge in graph.edges()]

    def changes(self, events: Iterable[Event]) -> Iterator[tuple[ChangeKind, Element]]:
        for event in events:
            if isinstance(event.element, Edge):
                yield event.kind, self._rooted(event.element)
            elif self._is_shown(event.element):
                yield event.kind, event.element

    def _is_shown(self, node: Node) -> bool:
        return not self._root or node.id != self._here.host_node

    def _rooted(self, edge: Edge) -> Edge:
        if self._root and edge.parent == self._here.host_node:
            return msgspec.structs.replace(edge, parent=self._root)
        return edge
