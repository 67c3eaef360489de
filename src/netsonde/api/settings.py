# SPDX-License-Identifier: Apache-2.0
"""Settings of the HTTP server and the check that it is not exposed."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from netsonde.errors import UserError

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How the HTTP server listens, whom it lets in, and what it accepts."""

    listen: str = "127.0.0.1:8082"
    """HOST:PORT to listen on; IPv6 as [::1]:8082. Beyond loopback a login is required."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which clients may reach this server (Host header); loopback names always may."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites, as https://name:port, whose pages may call this server from a browser."""
    max_body: int = 10 * _MIB
    """Bytes of a JSON request body; more is refused with 413. Query answers are not limited by it."""
    max_pcap: int = 16 * 1024 * _MIB
    """Bytes of an uploaded packet file."""
    query_timeout: float = 10.0
    """Seconds that one query may run."""
    subscriber_queue: int = 10_000
    """Messages waiting for one WebSocket client; a client that falls further behind is resynchronised."""
    subscriber_resume: float = 60.0
    """Seconds for which messages are kept for a subscriber that was cut off and may come back; 0 = they are not."""
    old_page: str = ""
    """Directory of Skydive's own page, the folder `dist` of npm's @skydive-project/skydive-ui, to be served at /ui_v2;
    "" = it is not. That page is old: it shows what the network calls itself less carefully than ours."""
    ping_interval: float = 2.0
    """Seconds between pings to WebSocket clients."""
    ping_timeout: float = 5.0
    """Seconds a WebSocket client may take to answer a ping before it is dropped."""

    tls_certificate: Path | None = None
    """Certificate (PEM) of this server with those that sign it: the API is served over HTTPS and WSS then. It is read
    again when the file changes."""
    tls_key: Path | None = None
    """Private key (PEM) of the certificate; none = it is in the same file."""
    tls_client_ca: Path | None = None
    """Certificates (PEM) that every client's must be signed by; none = clients need no certificate."""
    agents_bus: str = ""
    """Address of the bus that agents which enrol are told, such as tls://netsonde.example:4222."""
    tls_by_proxy: bool = False
    """A proxy on this machine speaks TLS with clients: listening beyond loopback without TLS is allowed."""

    def __post_init__(self) -> None:
        try:
            split_address(self.listen)
        except UserError as wrong:
            raise ValueError(f"listen: {wrong}") from wrong
        for name in ("max_body", "max_pcap", "query_timeout", "subscriber_queue", "ping_interval", "ping_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")

    @property
    def host(self) -> str:
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        return split_address(self.listen)[1]


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address)."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise UserError(f"cannot listen on {listen!r}", hint="write HOST:PORT, such as 127.0.0.1:8082 or [::1]:8082")
    return host or "0.0.0.0", int(port)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: ApiSettings, *, login_required: bool) -> None:
    """Raise UserError when the server would be open to others without a login, or passwords without TLS."""
    host, port = split_address(settings.listen)
    for name in ("tls_key", "tls_client_ca"):
        if getattr(settings, name) is not None and settings.tls_certificate is None:
            raise UserError(
                f"analyzer.{name} is set without analyzer.tls_certificate",
                hint="without a certificate there is no TLS, and nobody is asked for one",
            )
    if is_loopback(host):
        return
    missing = [] if login_required else ["no login is configured"]
    missing += [] if settings.tls_certificate or settings.tls_by_proxy else ["no TLS certificate"]
    if missing:
        raise UserError(
            f"refusing to listen on {settings.listen}: everyone who can reach it could capture traffic, "
            f"and {' and '.join(missing)}",
            hint="`netsonde access setup` makes a certificate and a first user, and says which settings to use; "
            f"or listen on 127.0.0.1:{port} and reach it through `ssh -L {port}:127.0.0.1:{port} HOST`",
        )
