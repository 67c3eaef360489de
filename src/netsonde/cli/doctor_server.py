# SPDX-License-Identifier: Apache-2.0
"""What `netsonde doctor` asks a server: whether it answers, over what, for whom it takes one, and how its parts are."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

from netsonde import __version__
from netsonde.cli.client import Client, NoServer
from netsonde.cli.doctor_checks import Finding, Verdict
from netsonde.cli.doctor_hosts import check_hosts
from netsonde.cli.options import DEFAULT_URL
from netsonde.client.answers import Identity, Status, WhoAmI
from netsonde.client.errors import Denied
from netsonde.client.server import Server, tls
from netsonde.errors import UserError

_MOST_SKEW: Final = 2.0
"""Seconds; flows and topology of different hosts are put in order by their clocks."""
_SOON: Final = 14 * 86400
"""Seconds before the end of a certificate in which it should be renewed."""
_TIMEOUT: Final = 10.0
_RIGHTS: Final = (
    ("capture", "write", "create captures"),
    ("capture", "rawpackets", "see what is in packets"),
    ("injectpacket", "write", "inject packets"),
    ("workflow.call", "write", "call workflows"),
    ("access", "write", "administer"),
)
"""The rights that are given separately, and what they are for."""


def check_server(client: Client) -> list[Finding]:
    """Check one server; what cannot be asked without a login, or without a right, is said so."""
    try:
        me = client.api.whoami()
        date = client.header("/healthz", "Date")
    except NoServer as away:
        # Where none was named there may be none: an agent's host, say.
        verdict: Verdict = "limited" if client.url == DEFAULT_URL else "bad"
        return [Finding("server", verdict, away.message, away.hint)]
    except UserError as wrong:
        return [Finding("server", "bad", wrong.message, wrong.hint)]
    findings = [
        Finding("server", "good", client.url),
        check_tls(client.api.server, None),
        check_clock(parsedate_to_datetime(date).timestamp(), time.time()),
        *check_login(me),
    ]
    try:
        identity, status = client.api.identity(), client.api.status()
    except Denied as refused:
        return [*findings, Finding("status", "bad", refused.message, refused.hint)]
    except UserError as wrong:
        return [*findings, Finding("status", "bad", wrong.message, wrong.hint)]
    return [*findings, *check_identity(identity), check_ready(status), *check_hosts(status.processes)]


def check_identity(identity: Identity) -> Iterator[Finding]:
    yield Finding("analyzer", "good", f"host {identity.host}")
    yield check_version(identity.version)


def check_version(theirs: str) -> Finding:
    if theirs == __version__:
        return Finding("version", "good", theirs)
    return Finding("version", "limited", f"server {theirs}, this program {__version__}", "install the same on both")


def check_clock(theirs: float, ours: float) -> Finding:
    """Compare Unix times; the server's has whole seconds only."""
    skew = abs(theirs + 0.5 - ours)
    if skew <= _MOST_SKEW:
        return Finding("clock", "good", "agrees with the server's")
    return Finding("clock", "limited", f"{skew:.0f} s off the server's", "run chrony or another NTP client on both")


def check_ready(status: Status) -> Finding:
    if not status.missing:
        agents = sum(one.service == "agent" for one in status.processes)
        return Finding("readiness", "good", f"{agents} agent{'' if agents == 1 else 's'}")
    return Finding("readiness", "limited", "; ".join(status.missing), "`netsonde status` shows which part is not well")


def check_login(me: WhoAmI) -> Iterator[Finding]:
    """Say for whom the server takes one, and which of the separate rights that user has."""
    if me.login_required and not me.user:
        yield Finding("login", "bad", "nobody is logged in", "`netsonde login`, or set NETSONDE_TOKEN")
        return
    who = f"{me.user}, roles: {' '.join(me.roles) or 'none'}" if me.login_required else "nobody has to log in"
    yield Finding("login", "good", who)
    for thing, action, what in _RIGHTS:
        if me.may(thing, action):
            yield Finding(f"right {thing} {action}", "good", f"you may {what}")
        else:
            advice = "an administrator gives roles: `netsonde access user roles`, on the analyzer's host"
            yield Finding(f"right {thing} {action}", "limited", f"you may not {what}", advice)


def check_tls(server: Server, context: ssl.SSLContext | None) -> Finding:
    """Look at the server's certificate, as a client that checks it does."""
    if not server.is_secure:
        if _is_loopback(server.host):
            return Finding("TLS", "good", "none, and nothing leaves this machine")
        return Finding(
            "TLS", "bad", "none: passwords and packets can be read on the way", "see docs/howto/secure-access.md"
        )
    checked = tls(server, context)
    assert checked is not None
    try:
        with (
            socket.create_connection((server.host, server.port), _TIMEOUT) as plain,
            checked.wrap_socket(plain, server_hostname=server.host) as secured,
        ):
            return check_certificate(secured.getpeercert() or {}, time.time())
    except OSError as refused:
        return Finding("TLS", "bad", str(refused), "trust its authority: --cacert, or NETSONDE_CA")


def check_certificate(certificate: object, now: float) -> Finding:
    """Tell when a certificate ends, as `getpeercert` gives it; `now` is Unix time."""
    ends = str(certificate.get("notAfter", "")) if isinstance(certificate, dict) else ""
    if not ends:
        return Finding("TLS", "limited", "the certificate is not checked", "do not use --insecure")
    left = ssl.cert_time_to_seconds(ends) - now
    if left < _SOON:
        advice = "renew it: `netsonde access setup`, on the analyzer's host"
        return Finding("TLS", "limited", f"the certificate ends in {max(0, int(left // 86400))} days", advice)
    return Finding("TLS", "good", f"the certificate lasts until {ends}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
