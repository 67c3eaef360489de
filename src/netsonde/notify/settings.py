# SPDX-License-Identifier: Apache-2.0
"""Settings of notices: section `notify` of the analyzer's settings."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Who may be told, how, and for how long it is tried."""

    secret: str = ""
    """Key with which webhooks are signed (HMAC-SHA256); "" = they are not."""
    allow: tuple[str, ...] = ()
    """Networks that receivers may be in although they are this machine's own or link-local, such as 127.0.0.1/32."""
    timeout: float = 10.0
    """Seconds that a receiver has to answer."""
    keep_trying: float = 3600.0
    """Seconds after which a notice that cannot be delivered is given up."""
    queue: int = 1000
    """Notices that may wait; beyond it new ones are dropped and counted."""
    resend: float = 60.0
    """Seconds between two notices to Alertmanager that an alert still fires."""
    scripts: Path | None = None
    """Folder of the programs that alerts and checks may start, owned and writable by the administrator only; none = no
    program may be started."""
    script_user: str = "nobody"
    """User as whom programs run when the analyzer is root; root = as it is."""
    script_seconds: float = 30.0
    """Seconds that a program may run."""
    script_memory: int = 256 * 1024 * 1024
    """Bytes of address space that a program may have."""

    def __post_init__(self) -> None:
        for name in ("timeout", "keep_trying", "queue", "resend", "script_seconds", "script_memory"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")
        for network in self.allow:
            try:
                ipaddress.ip_network(network)
            except ValueError as wrong:
                raise ValueError(f"allow: {network!r} is no network: {wrong}") from wrong
