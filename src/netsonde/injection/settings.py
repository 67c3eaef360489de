# SPDX-License-Identifier: Apache-2.0
"""Settings of injection: section `inject` of the agent's and the analyzer's settings; each checks its own."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InjectSettings:
    """Whether packets may be injected, where to, how many, how fast."""

    enabled: bool = True
    """Whether packets may be injected at all."""
    targets: tuple[str, ...] = ()
    """Networks that may be injected into, such as `10.0.0.0/8`; none = anywhere. Raw frames and packet files, which say
    themselves where they go, are refused when there are any."""
    max_rate: int = 1000
    """Packets a second from one interface, at most."""
    max_count: int = 1_000_000
    """Packets of one injection from one interface, at most."""
    max_runs: int = 48
    """Interfaces of one agent that may inject at once; each takes a thread and a socket."""
    keep: float = 86400.0
    """Seconds after its end for which an injection stays listed with its results. Those of checks stay ten minutes, and
    for as long again as the longest step has."""
    max_listed: int = 5_000
    """Injections that stay listed after their end, at most; those go first whose time is over first, so those of checks
    before those that clients asked for. Each takes some KiB on the bus and in memory."""
    audit_days: float = 90.0
    """Days for which it is remembered who injected what, at most 64 MiB of it, some 100,000 injections; the log of the
    analyzer has them all."""

    def __post_init__(self) -> None:
        for name in ("max_rate", "max_count", "max_runs", "max_listed"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("keep", "audit_days"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")
        for network in self.targets:
            ipaddress.ip_network(network)

    def allows(self, address: str) -> bool:
        """Tell whether packets may be sent to an address; "" is one that nobody knows."""
        if not self.targets:
            return True
        if not address:
            return False
        target = ipaddress.ip_address(address)
        return any(target in ipaddress.ip_network(network) for network in self.targets)
