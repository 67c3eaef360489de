# SPDX-License-Identifier: Apache-2.0
"""Monitors that answer as LXC's do, at abstract sockets with random names, for one question a connection."""

import asyncio
import os
import secrets
import struct
from dataclasses import dataclass, field

STATES = ("STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED")
HEADER = struct.Struct("@iiP")
_TURNS = 10


OURS: set[str] = set()
"""Addresses of the monitors of this process: other tests on the machine have theirs."""


@dataclass
class Monitor:
    """What it says; a test changes it and calls `change`."""

    path: str = field(default_factory=lambda: f"/nowhere/{secrets.token_hex(6)}")
    name: str = "web"
    state: str = "RUNNING"
    pid: int = field(default_factory=os.getpid)
    config: dict[str, str] = field(default_factory=dict)
    answer: bytes | None = None
    """Instead of every answer."""
    silent: bool = False

    def __post_init__(self) -> None:
        self._waiting: list[tuple[asyncio.StreamWriter, tuple[int, ...]]] = []
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.asked = asyncio.Event()

    @property
    def address(self) -> str:
        return f"{self.path}/{self.name}/command"

    async def __aenter__(self) -> "Monitor":
        OURS.add(self.address)
        self._server = await asyncio.start_unix_server(self._serve, "\0" + self.address)
        return self

    async def __aexit__(self, *_why: object) -> None:
        assert self._server is not None
        self._server.close()
        # What was accepted just now is served within a few turns of the loop; before, nobody could close it.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        tasks = [task for task in self._open.values() if task is not None]
        for writer in self._open:
            writer.close()
        if tasks:
            await asyncio.wait(tasks)

    def change(self, state: str) -> None:
        """Take on a state and tell who waits for it."""
        self.state = state
        number = STATES.index(state)
        for writer, wanted in self._waiting:
            if wanted[number]:
                writer.write(struct.pack("@i256si", 0, self.name.encode(), number))
                writer.close()
        self._waiting = [(writer, wanted) for writer, wanted in self._waiting if not wanted[number]]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        try:
            command, size, _ = HEADER.unpack(await reader.readexactly(HEADER.size))
            data = await reader.readexactly(size)
            self.asked.set()
            if not self.silent and self._answer(writer, command, data):
                writer.close()
            await reader.read()
            writer.close()
            await writer.wait_closed()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
        finally:
            del self._open[writer]

    def _answer(self, writer: asyncio.StreamWriter, command: int, data: bytes) -> bool:
        """Answer; return whether that is all."""
        state = STATES.index(self.state)
        if self.answer is not None:
            writer.write(self.answer)
        elif command == 3:
            writer.write(HEADER.pack(0, 0, state))
        elif command == 4:
            writer.write(HEADER.pack(0, 0, self.pid & 0xFFFF_FFFF))
        elif command == 10:
            wanted = struct.unpack("@8i", data)
            writer.write(HEADER.pack(state if wanted[state] else 8, 0, 8))
            if not wanted[state]:
                self._waiting.append((writer, wanted))
                return False
        else:
            told = {8: self.name, 9: self.path, 7: self.config.get(data.rstrip(b"\0").decode())}[command]
            text = b"" if told is None else told.encode() + b"\0"
            writer.write(HEADER.pack(-1 if told is None else 0, len(text), 0) + text)
        return True
