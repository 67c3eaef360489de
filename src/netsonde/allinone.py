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
from typing import Any

from netsonde.access.enrolment import Agents, subject_of
from netsonde.access.files import write_private
from netsonde.access.policy import policy_of
from netsonde.api.listener import open_listener
from netsonde.api.settings import ApiSettings, check_exposure, split_address
from netsonde.bus.permissions import accounts
from netsonde.bus.server import PrivateServer, ServerSettings, Shared
from netsonde.children import Child, Program
from netsonde.errors import SourceLost
from netsonde.observe import logger
from netsonde.process import run_process
from netsonde.settings import Settings

log = logger("allinone")

_OWN = "netsonde server"
"""Common name of the certificate of bus, analyzer and agent here."""
_BUS_DAYS = 825.0
"""The certificate is made anew at each start."""


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
        self._agents = Agents(settings.state_dir / "access")
        self._shared = self._share() if settings.bus.listen else None
        self._server = PrivateServer(ServerSettings(settings.state_dir / "bus", shared=self._shared))

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
            following = group.create_task(self._follow_agents(), name="agents")
            announcement = group.create_task(self._announce(), name="announcement")
            await stop.wait()
            announcement.cancel()
            following.cancel()
            for child in reversed(children):
                await child.stop()

    def _share(self) -> Shared:
        """Return how other hosts reach the bus; both children here come with the certificate of this server."""
        from netsonde.access.authority import open_authority

        access, bus = self._settings.state_dir / "access", self._settings.state_dir / "bus"
        authority = open_authority(access)
        host, port = split_address(self._settings.bus.listen)
        names = [*self._settings.analyzer.allowed_hosts, self._settings.host_id, "localhost", "127.0.0.1"]
        files = Shared(host, port, bus / "server.pem", bus / "server.key", access / "ca.pem", self._bus_accounts)
        certificate, key = authority.server(list(dict.fromkeys(names)), _BUS_DAYS, common_name=_OWN, client=True)
        write_private(files.key, key.decode())
        write_private(files.certificate, certificate.decode())
        return files

    def _bus_accounts(self) -> dict[str, Any]:
        return accounts(f"CN={_OWN}", [(subject_of(host), host) for host in self._agents.hosts()])

    async def _follow_agents(self) -> None:
        """Let agents on the bus as they enrol, and off it as they are forgotten."""
        known, again = self._agents.hosts(), False
        while True:
            await asyncio.sleep(1)
            hosts = self._agents.hosts()
            changed = known != hosts
            if not changed and not again:
                continue
            try:
                self._server.reload()
            except SourceLost as failed:
                log.error("who may be on the bus is not changed yet, and is tried again", reason=str(failed))
            else:
                known, again = hosts, changed

    def _netsonde(self, service: str) -> list[str]:
        return [sys.executable, "-m", f"netsonde.{service}", *self._config]

    def _environment(self) -> dict[str, str]:
        """Flags become variables of the children, who read the same file; the private bus wins over both."""
        chosen = {
            **self._overrides,
            "bus.url": self._server.url,
            **self._bus_access(),
            "state_dir": str(self._settings.state_dir),
        }
        variables = {f"NETSONDE_{key.upper().replace('.', '_')}": value for key, value in chosen.items()}
        return {**os.environ, **variables}

    def _bus_access(self) -> dict[str, str]:
        if self._shared is None:
            return {"bus.token_file": str(self._server.token_file)}
        _, port = split_address(self._settings.bus.listen)
        name = next(iter(self._settings.analyzer.allowed_hosts), self._settings.host_id)
        return {
            "bus.tls_ca": str(self._shared.ca),
            "bus.tls_certificate": str(self._shared.certificate),
            "bus.tls_key": str(self._shared.key),
            "analyzer.agents_bus": self._settings.analyzer.agents_bus or f"tls://{name}:{port}",
        }

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
