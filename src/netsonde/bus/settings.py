# SPDX-License-Identifier: Apache-2.0
"""How to reach the bus, and how much to keep on disk while it is away."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from netsonde.config.secrets import read_secret_file
from netsonde.errors import UserError

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Connection to NATS and the limits of the spool."""

    url: str = ""
    """Address of a NATS server or a comma-separated list of a cluster's, such as nats://10.0.0.1:4222; the
    all-in-one fills in that of its private server."""
    listen: str = ""
    """HOST:PORT at which the private bus of an all-in-one is open to agents of other hosts, over TLS and with
    certificates of the authority that `netsonde access setup` makes; empty = loopback only."""
    token: str = ""
    """Token to log in with. Better given as a file, since environments and command lines can be read by others."""
    token_file: Path | None = None
    """File that holds the token; read at each attempt to connect, so that it may be replaced."""
    tls_ca: Path | None = None
    """Certificates (PEM) that the server's must be signed by; with it, or with a tls:// address, TLS is used."""
    tls_certificate: Path | None = None
    """Our own certificate (PEM), where the server asks for one."""
    tls_key: Path | None = None
    """Private key (PEM) of our certificate."""
    spool_mib: int = 256
    """MiB of reports kept on disk for each of topology, flows, metrics and packets while the bus is away; then
    the oldest are dropped and counted. At least 1."""
    ping_interval: int = 5
    """Seconds between two pings to the server; a connection is given up when two go unanswered."""
    request_timeout: float = 5.0
    """Seconds that the server may take to answer a request or to acknowledge a report."""

    def __post_init__(self) -> None:
        if self.spool_mib < 1:
            raise ValueError(f"spool_mib must be at least 1, got {self.spool_mib}")
        if self.ping_interval <= 0 or self.request_timeout <= 0:
            raise ValueError("ping_interval and request_timeout must be greater than 0")

    @property
    def servers(self) -> list[str]:
        return [part.strip() for part in self.url.split(",") if part.strip()]

    @property
    def spool_bytes(self) -> int:
        return self.spool_mib * _MIB

    def read_token(self) -> str:
        """Return the token, from its file when one is named; "" when there is none."""
        if self.token_file is None:
            return self.token
        return read_secret_file(self.token_file, "bus.token_file")

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, or None for a connection in the clear."""
        if self.tls_ca is None and self.tls_certificate is None and not self.url.startswith("tls://"):
            return None
        try:
            context = ssl.create_default_context(cafile=os.fspath(self.tls_ca) if self.tls_ca else None)
            if self.tls_certificate is not None:
                context.load_cert_chain(self.tls_certificate, self.tls_key)
        except (OSError, ssl.SSLError) as bad:
            raise UserError(f"cannot use the TLS files of the bus: {bad}", hint="check bus.tls_*") from bad
        return context
