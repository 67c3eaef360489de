# SPDX-License-Identifier: Apache-2.0
"""Where ovsdb-server is, and how it is reached: a Unix socket, TCP, or TLS as Open vSwitch uses it (`ssl:`)."""

import asyncio
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from netsonde.errors import SourceLost, UserError
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.reaching import unreachable

MOST_PORT: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files (PEM) for TLS; they are read at each connection, so that renewed ones are used."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what a connection needs; SourceLost that names the file that cannot be used.

        As with Open vSwitch's own programs whoever has a certificate of the authority is trusted: those that
        `ovs-pki` makes have no host name.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(self.ca)
        except OSError as bad:
            raise SourceLost(f"probes.ovsdb.tls_ca: cannot use {self.ca}: {bad.strerror or bad}") from bad
        if self.certificate is not None:
            try:
                # A password cannot be asked for: without one OpenSSL would ask the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
            except OSError as bad:
                raise SourceLost(
                    f"probes.ovsdb.tls_certificate, tls_key: cannot use {self.certificate} with "
                    f"{self.key or 'the key in it'}: {bad.strerror or bad}"
                ) from bad
        return context


def credentials(settings: OvsdbSettings) -> Credentials:
    """Return the credentials of the settings; UserError when they are not enough for the addresses."""
    if settings.tls_key is not None and settings.tls_certificate is None:
        raise UserError(
            "probes.ovsdb.tls_key is set without probes.ovsdb.tls_certificate",
            hint="set both, or neither where the server asks for no certificate",
        )
    for address in settings.addresses:
        if parse_address(address)[0] == "ssl" and settings.tls_ca is None:
            raise UserError(
                f"probes.ovsdb.addresses: {address!r} needs probes.ovsdb.tls_ca",
                hint="set it to the certificates that the server's must be signed by, such as "
                "/var/lib/openvswitch/pki/switchca/cacert.pem",
            )
    return Credentials(settings.tls_ca, settings.tls_certificate, settings.tls_key)


def parse_address(address: str) -> tuple[str, str]:
    """Return ("unix", path), ("tcp", "host:port") or ("ssl", "host:port"); UserError for anything else."""
    kind, _, where = address.partition(":")
    where = where.removeprefix("//")
    if kind == "unix" and where:
        return kind, where
    port = where.rpartition(":")[2]
    if kind in ("tcp", "ssl") and port.isdecimal() and int(port[:6]) <= MOST_PORT:
        return kind, where
    raise UserError(
        f"probes.ovsdb.addresses: cannot use {address!r}",
        hint="write unix:/run/openvswitch/db.sock, tcp:HOST:PORT or ssl:HOST:PORT",
    )


def check_whereabouts(settings: OvsdbSettings) -> None:
    """Raise UserError for an address that is said to be somewhere and is not read, or is in both places."""
    for name, listed in (("remote", settings.remote_addresses), ("local", settings.local_addresses)):
        for address in listed:
            if address not in settings.addresses:
                raise UserError(
                    f"probes.ovsdb.{name}_addresses: {address!r} is not in probes.ovsdb.addresses",
                    hint="write it in both in the same way",
                )
    for address in set(settings.remote_addresses) & set(settings.local_addresses):
        raise UserError(
            f"probes.ovsdb.remote_addresses and local_addresses both have {address!r}",
            hint="a switch is this host's or another's",
        )


def is_here(settings: OvsdbSettings, address: str, writer: asyncio.StreamWriter) -> bool:
    """Tell whether the switch at an address, to which there is a connection, is this host's; SourceLost when it broke.

    A Unix socket is; by TCP and TLS a loopback address, and one of the host's own: for those the kernel gives both ends
    the same address.
    """
    if address in settings.remote_addresses or address in settings.local_addresses:
        return address in settings.local_addresses
    if parse_address(address)[0] == "unix":
        return True
    far, near = (_host(writer.get_extra_info(end)) for end in ("peername", "sockname"))
    return far.is_loopback or far == near


def _host(end: object) -> IPv4Address | IPv6Address:
    """Return the address of one end of a connection; SourceLost when it has none any more."""
    if not isinstance(end, tuple) or not end:
        raise SourceLost("ovsdb-server closed the connection")
    address = ip_address(str(end[0]))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


async def open_address(
    address: str, tls: Credentials, patience: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; SourceLost when nobody listens, or not within `patience` seconds, or the two do not trust each other."""
    kind, where = parse_address(address)
    context = tls.context() if kind == "ssl" else None
    try:
        async with asyncio.timeout(patience):
            if kind == "unix":
                return await asyncio.open_unix_connection(where)
            host, _, port = where.rpartition(":")
            return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    except ssl.SSLCertVerificationError as distrusted:
        reason = f"its certificate is not trusted by probes.ovsdb.tls_ca: {distrusted.verify_message}"
        raise SourceLost(f"no ovsdb-server at {address}: {reason}") from distrusted
    except TimeoutError as late:
        raise SourceLost(f"no ovsdb-server at {address}: no connection within {patience:g} s") from late
    except OSError as absent:
        raise unreachable("ovsdb-server", address, absent, ask="; is Open vSwitch running?") from absent
