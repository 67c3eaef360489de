# SPDX-License-Identifier: Apache-2.0
"""Calls the reference's own Python client; run by the interpreter that has it, one line of JSON in, one out.

In: {"call": method of RESTClient, "arguments": {…}}, {"publish": [[type, object], …]}, {"listen": number of messages},
or {"login": …}.
Out: {"value": …} with objects as the client itself writes them, or {"error": class, "text": …}.
"""

import json
import os
import sys
import warnings
from typing import Any

from skydive.encoder import JSONEncoder  # type: ignore[import-not-found]
from skydive.graph import Edge, Node  # type: ignore[import-not-found]
from skydive.rest.client import RESTClient  # type: ignore[import-not-found]
from skydive.websocket.client import (  # type: ignore[import-not-found]
    SyncRequestMsg,
    WSClient,
    WSClientDebugProtocol,
    WSMessage,
)


class Publishing(WSClientDebugProtocol):  # type: ignore[misc]
    """Sends elements made by the client's own classes, and ends as its scripts do."""

    def onOpen(self) -> None:
        for kind, facts in self.factory.kwargs["messages"]:
            element = Edge(**facts) if kind.startswith("Edge") else Node(**facts)
            self.sendWSMessage(WSMessage("Graph", kind, element))
        self.stop_when_complete()


class Listening(WSClientDebugProtocol):  # type: ignore[misc]
    """Asks for the graph, and keeps what it hears until that is enough."""

    def onOpen(self) -> None:
        # An empty filter here would take away the one of the handshake.
        self.sendWSMessage(WSMessage("Graph", "SyncRequest", SyncRequestMsg(self.factory.kwargs["wanted"])))

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        heard = self.factory.kwargs["heard"]
        heard.append(json.loads(payload))
        print(json.dumps({"heard": heard[-1]}), flush=True)
        if len(heard) == self.factory.kwargs["enough"]:
            self.stop()


def websocket(address: str, path: str, protocol: type, user: dict[str, str], host: str = "", **more: Any) -> None:
    name = host or f"driver-{os.getpid()}"
    client = WSClient(name, f"ws://{address}{path}", protocol=protocol, **user, **more)
    client.connect()
    client.start()


def answer(address: str, rest: RESTClient, user: dict[str, str], asked: dict[str, Any]) -> Any:
    if "publish" in asked:
        more = {"persistent": asked.get("persistent", True), "messages": asked["publish"]}
        return websocket(address, "/ws/publisher", Publishing, user, asked.get("host", ""), **more)
    if "listen" in asked:
        heard: list[Any] = []
        wanted = asked.get("filter", "")
        more = {"filter": wanted, "wanted": wanted, "heard": heard, "enough": asked["listen"]}
        return websocket(address, "/ws/subscriber", Listening, user, **more)
    if "login" in asked:
        return WSClient("driver", f"ws://{address}/ws/subscriber", **asked["login"]).login()
    value = getattr(rest, asked["call"])(**asked.get("arguments", {}))
    return value.decode() if isinstance(value, bytes) else value


def main() -> None:
    address, username, password = sys.argv[1:]
    warnings.simplefilter("ignore")
    user = {"username": username, "password": password}
    rest = RESTClient(address, **user)
    for line in sys.stdin:
        try:
            told = {"value": answer(address, rest, user, json.loads(line))}
        except Exception as error:
            told = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(told, cls=JSONEncoder), flush=True)


main()
