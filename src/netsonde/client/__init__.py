# SPDX-License-Identifier: Apache-2.0
"""A client of Netsonde for programs: blocking and asyncio, typed, one protocol underneath.

    from netsonde.client import Client, G, P

    with Client() as netsonde:
        for node in netsonde.run(G.V().has("Type", "veth", "MTU", P.gt(1500))):
            print(node.host, node.metadata["Name"])

Nothing of the server is imported; the parser, httpx, websockets, pyarrow are when they are first needed.
"""

from typing import TYPE_CHECKING, Any

from netsonde.client.blocking import Client
from netsonde.client.errors import Denied, Incomplete, Missing, NoServer, Unavailable
from netsonde.client.feeds import CaptureStats, FlowReports, Snapshot, apply
from netsonde.client.literals import P
from netsonde.client.query import G, Query
from netsonde.client.result import Result
from netsonde.errors import Conflict, NotFound, UserError

if TYPE_CHECKING:
    from netsonde.client.asynchronous import AsyncClient

__all__ = [
    "AsyncClient",
    "CaptureStats",
    "Client",
    "Conflict",
    "Denied",
    "FlowReports",
    "G",
    "Incomplete",
    "Missing",
    "NoServer",
    "NotFound",
    "P",
    "Query",
    "Result",
    "Snapshot",
    "Unavailable",
    "UserError",
    "apply",
]


def __getattr__(name: str) -> Any:
    # asyncio is a third of what importing all of this costs, and most scripts are blocking.
    if name == "AsyncClient":
        from netsonde.client.asynchronous import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
