# SPDX-License-Identifier: Apache-2.0
"""Settings of captures: section `capture` of the agent's and the analyzer's settings."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netsonde.captures.destinations import Destinations
from netsonde.config.secrets import read_secret_file

MOST_THREADS = 64
"""Each takes 4 MiB for frames on their way."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How captures start, what they keep, and how often they are looked after."""

    lookback: float = 10.0
    """Seconds for which the frames of a new interface are kept while no capture matches it yet; 0 = no look-back."""
    pool: int = 64
    """Packet sockets prepared for new interfaces; more appearing at once than this get theirs a little later."""
    realtime: bool = True
    """Let the link watcher run with real-time priority, so that a busy machine does not delay it."""
    threads: int = 0
    """Threads that meter live packets, each those of interfaces of its own; 0 = one for each processor that the agent
    may use, at most 8."""
    reconcile_interval: float = 5.0
    """Seconds between two comparisons of all that should be captured with all that is."""
    status_interval: float = 1.0
    """Seconds between two reports of counters; changes of state are reported at once."""
    retry_first: float = 0.5
    """Seconds until a tap that failed is tried again; doubles at each failure."""
    retry_most: float = 30.0
    """Longest such delay in seconds."""
    header_size: int = 256
    """Bytes kept of each packet after the first ones of a capture, unless the capture says otherwise."""
    ring_mib: int = 4
    """MiB of packets kept per captured interface after the first ones."""
    flow_update: float = 10.0
    """Seconds between two reports of a flow that goes on."""
    flow_expire: float = 600.0
    """Seconds without a packet after which a flow ends."""
    max_flows: int = 100_000
    """Flows that one tap keeps at once; what comes beyond is counted but has no flow."""
    ebpf_hook: Literal["best", "tcx", "socket"] = "best"
    """Where captures of type `ebpf` run in the kernel: at `tcx` (Linux 6.6), before what others have there; as the
    filter of a packet `socket`; `best` = tcx, or a socket where the kernel has no tcx."""
    udp_ports: tuple[str, ...] = ()
    """More UDP ports of protocols, as PORT=NAME with a name that `LayersPath` uses: `51234=MPLS`, `6784=VXLAN`."""
    application_ports: tuple[str, ...] = ()
    """What `Application` says of TCP and UDP ports, as tcp/PORT=NAME or udp/PORT=NAME, whatever the packets look like:
    `tcp/8443=ADMIN`. The port of the side that spoke first comes first."""

    listen: str = "127.0.0.1"
    """Address at which captures of types `sflow` and `netflow` wait for exporters; what exporters say is believed, so
    name one of their network's only, or `0.0.0.0` for every address."""

    export_allow: tuple[str, ...] = ()
    """Where sinks may send flows and packets: networks, each with ports if wanted, such as `10.0.0.0/8`,
    `192.0.2.7/32:2055`, `[2001:db8::/32]:4739-4740`; empty = every unicast address. Set it on analyzers, which refuse
    captures by it, and on agents, which send."""
    export_refuse: tuple[str, ...] = ()
    """Where they may not, whatever `export_allow` says."""

    files: str = ""
    """Directory under which captures with a sink `pcapng` write their files, one directory a capture; empty =
    `captures` in the state directory."""
    files_mib: int = 10_240
    """MiB of such files that one interface of one capture may have, whatever the capture says."""
    files_total_mib: int = 20_480
    """MiB that the files of all captures may have together, those of captures and interfaces that are gone
    included; the oldest go first."""

    topic_servers: tuple[str, ...] = ()
    """Servers that sinks of types `nats` and `kafka` may name, as nats://ADDRESS:PORT, tls://ADDRESS:PORT,
    kafka://ADDRESS:PORT or kafka+tls://ADDRESS:PORT; empty = any, but without a login. A cluster of Kafka sends its
    clients to its other brokers: name them too, as the cluster calls them (kafka://broker-2.example:9092)."""
    topic_token_file: Path | None = None
    """File with the token that NATS servers ask for; needs `topic_servers`, so that no other one gets it."""
    topic_ca: Path | None = None
    """Certificates (PEM) that those of tls:// and kafka+tls:// servers must be signed by; without, the system's."""
    topic_kafka_user: str = ""
    """Name with which to log in to Kafka (SASL); needs `topic_servers` and `topic_kafka_password_file`."""
    topic_kafka_password_file: Path | None = None
    """File with the password; read at each attempt to connect."""
    topic_kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to log in. PLAIN shows the password to whoever listens, unless the server is a kafka+tls:// one."""

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.listen)
        except ValueError:
            raise ValueError(f"listen must be an IP address, got {self.listen!r}") from None
        try:
            Destinations(self.export_allow, self.export_refuse)
        except ValueError as wrong:
            raise ValueError(f"export_allow, export_refuse: {wrong}") from wrong
        if self.lookback < 0:
            raise ValueError(f"lookback must not be negative, got {self.lookback}")
        if not 0 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be 0 to {MOST_THREADS}, got {self.threads}")
        for name in (
            "reconcile_interval",
            "status_interval",
            "retry_first",
            "retry_most",
            "flow_update",
            "flow_expire",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")
        if self.topic_token_file is not None and not self.topic_servers:
            raise ValueError("topic_token_file needs topic_servers: a token is for servers that were named here only")
        if bool(self.topic_kafka_user) != (self.topic_kafka_password_file is not None):
            raise ValueError("topic_kafka_user and topic_kafka_password_file need each other")
        if self.topic_kafka_user and not self.topic_servers:
            raise ValueError(
                "topic_kafka_user needs topic_servers: a password is for servers that were named here only"
            )
        for name in ("pool", "ring_mib", "max_flows", "files_mib", "files_total_mib"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def read_kafka_password(self) -> str:
        """Return the password for Kafka, "" when there is none to give; raises UserError."""
        if self.topic_kafka_password_file is None:
            return ""
        return read_secret_file(self.topic_kafka_password_file, "capture.topic_kafka_password_file")
