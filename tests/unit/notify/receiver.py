# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks on the loopback: answers as it is told, and remembers what it got."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11


@dataclass
class Receiver:
    """`statuses` are the codes of its next answers, then 200 for ever."""

    statuses: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Target, headers and body of each request."""
    url: str = ""
    silent: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        target, headers, body = "", {}, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                target = event.target.decode()
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            else:
                break
        self.got.append((target, headers, body))
        if self.silent:
            await reader.read()
        status = self.statuses.pop(0) if self.statuses else 200
        answer = h11.Response(
            status_code=status, headers=[("Location", "http://127.0.0.1:1/"), ("Content-Length", "0")]
        )
        for event in (answer, h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield receiver
