# SPDX-License-Identifier: Apache-2.0
"""A second implementation of LXD's API, as far as the probe asks: answers, events, and what a broken one does."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.http11 import Request, Response

UUID = "04d4eb93-ec1c-423d-bd6e-cc111a0faf90"


def instance(name: str, **more: Any) -> dict[str, Any]:
    """Return an instance as LXD 5.0 tells it."""
    return {
        **{"name": name, "project": "default", "type": "container", "status": "Running", "location": "none"},
        **{"architecture": "x86_64", "created_at": "2026-11-30T05:50:14.003361171Z", "description": ""},
        **{"ephemeral": False, "stateful": False, "profiles": ["default"], "config": {}, "devices": {}},
        "expanded_config": {"limits.cpu": "2", "volatile.uuid": UUID},
        "expanded_devices": {"eth0": {"type": "nic", "network": "lxdbr0"}},
        **more,
    }


class FakeLxd:
    """One daemon; `answers` are bodies by path, which may be rubbish."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "unix.socket"
        self.status = HTTPStatus.OK
        self.rubbish = ""
        self.server_name = "node-1"
        self.instances: list[dict[str, Any]] = []
        self.followers: set[ServerConnection] = set()
        self.asked: list[str] = []
        self._server: Any = None

    async def start(self) -> None:
        self._server = await unix_serve(self._follow, str(self.socket), process_request=self._answer)

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        self.socket.unlink(missing_ok=True)

    async def change(self) -> None:
        """Tell all followers that something happened."""
        for follower in tuple(self.followers):
            await follower.send(json.dumps({"type": "lifecycle", "metadata": {"action": "instance-updated"}}))

    async def hang_up(self) -> None:
        for follower in tuple(self.followers):
            await follower.close()

    async def _follow(self, connection: ServerConnection) -> None:
        self.followers.add(connection)
        await connection.wait_closed()
        self.followers.discard(connection)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        self.asked.append(request.path)
        if path == "/1.0/events":
            return None
        metadata: Any = {"environment": {"server": "lxd", "server_name": self.server_name}}
        if path == "/1.0/instances":
            metadata = self.instances
        body = {"type": "sync", "status": "Success", "status_code": 200, "metadata": metadata}
        return connection.respond(self.status, self.rubbish or json.dumps(body))
