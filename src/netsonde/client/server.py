# SPDX-License-Identifier: Apache-2.0
"""Where a server is: its address taken apart once, for HTTP and for WebSocket. No proxy of the environment is used."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from netsonde.errors import UserError

DEFAULT_URL = "http://127.0.0.1:8082"
_HINT = "write http://HOST:PORT, as --url or in NETSONDE_URL"


@dataclass(frozen=True, slots=True)
class Server:
    """An address that was understood."""

    url: str
    scheme: str
    host: str
    port: int
    prefix: str
    """Path under which a proxy serves it, without a slash at the end."""

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    def websocket(self, path: str, parameters: Mapping[str, str]) -> str:
        """Return the address of a WebSocket. Parameters go into it, not into headers, which are ASCII only."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{'wss' if self.is_secure else 'ws'}://{host}:{self.port}{self.prefix}{path}?{query}"


def server_at(url: str | None) -> Server:
    """Understand an address; None = NETSONDE_URL, else this machine. Raises UserError."""
    given = url or os.environ.get("NETSONDE_URL") or DEFAULT_URL
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port
    except ValueError as wrong:
        raise UserError(f"{given!r} is no address of a server: {wrong}", hint=_HINT) from wrong
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{given!r} is no address of a server", hint=_HINT)
    port = port or (443 if parts.scheme == "https" else 80)
    return Server(given.rstrip("/"), parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def tls(server: Server, context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Return how to speak TLS with the server: as told, else NETSONDE_CA, else the authorities of this machine."""
    if not server.is_secure:
        return None
    if context is not None:
        return context
    file = os.environ.get("NETSONDE_CA") or None
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as bad:
        raise UserError(f"cannot use the certificates in {file}: {bad}", hint="check NETSONDE_CA") from bad
