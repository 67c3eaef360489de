# SPDX-License-Identifier: Apache-2.0
"""Everything on one machine: a private nats-server, an analyzer and an agent as supervised child processes.

The children meet only on the bus, as they would on many machines. This process keeps no data: killing it, or any
child, at any time loses nothing that was reported.
"""

import asyncio
import os
import ssl
import sys
from pathlib import Path

from netsonde.access.policy import policy_of
from netsonde.api.listener import open_listener
from netsonde.api.settings import ApiSettings, check_exposure
from netsonde.bus.server import PrivateServer, ServerSettings
from netsonde.children import Child, Program
from netsonde.observe import logger
from netsonde.process import run_process
from netsonde.settings import Settings

log = logger("allinone")


def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""

    async def main(settings: Settings, stop: asyncio.Event) -> None:
        await AllInOne(settings, config_file, overrides).run(stop)

    return run_process("allinone", main, config_file, overrides, check=check, verify=_verify)


def _verify(settings: Settings) -> None:
    check_exposure(settings.analyzer, login_required=settings.access.login_required)
    policy_of(settings.access)


class AllInOne:
    """The three children, in the order in which they start; they are stopped the other way round."""

    def __init__(self, settings: Settings, config_file: Path | None, overrides: dict[str, str]) -> None:
        settings.make_state_dir()
        self._settings = settings
        self._overrides = overrides
        self._config = [str(config_file)] if config_file else []
        self._server = PrivateServer(ServerSettings(settings.state_dir / "bus"))

    async def run(self, stop: asyncio.Event) -> None:
        # Or another server there would be announced as ours, and the analyzer be started again and again.
        open_listener(self._settings.analyzer).close()
        self._say_what_cannot_work()
        self._server.prepare()
        env = self._environment()
        children = [
            Child("nats-server", self._server),
            Child("analyzer", Program(self._netsonde("analyzer"), env, stop_within=1.7)),
            Child("agent", Program(self._netsonde("agent"), env, stop_within=2.6)),
        ]
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.keep(), name=child.name)
            announcement = group.create_task(self._announce(), name="announcement")
            await stop.wait()
            announcement.cancel()
            for child in reversed(children):
                await child.stop()

    def _netsonde(self, service: str) -> list[str]:
        return [sys.executable, "-m", f"netsonde.{service}", *self._config]

    def _environment(self) -> dict[str, str]:
        """Flags become variables of the children, who read the same file; the private bus wins over both."""
        chosen = {
            **self._overrides,
            "bus.url": self._server.url,
            "bus.token_file": str(self._server.token_file),
            "state_dir": str(self._settings.state_dir),
        }
        variables = {f"NETSONDE_{key.upper().replace('.', '_')}": value for key, value in chosen.items()}
        return {**os.environ, **variables}

    async def _announce(self) -> None:
        while not await _is_ready(self._settings.analyzer):  # noqa: ASYNC110  # another process: only its answers tell
            await asyncio.sleep(0.05)
        api = self._settings.analyzer
        print(f"Netsonde is ready: {'https' if api.tls_certificate else 'http'}://{api.listen}/", flush=True)  # noqa: T201

    def _say_what_cannot_work(self) -> None:
        if os.geteuid() != 0:
            log.warning("not root: no captures and no other namespaces; showing the topology that this user can see")


def _own_tls(api: ApiSettings) -> ssl.SSLContext | None:
    """Return how to ask our own child, whose certificate is made for other names than loopback's."""
    if api.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if api.tls_client_ca is not None:
        context.load_cert_chain(api.tls_certificate, api.tls_key)
    return context


async def _is_ready(api: ApiSettings) -> bool:
    """Ask /readyz. By hand: an HTTP library would take longer to load than the whole question."""
    host = "127.0.0.1" if api.host == "0.0.0.0" else api.host
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, api.port, ssl=_own_tls(api))
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
