# SPDX-License-Identifier: Apache-2.0
"""TLS of the API: TLS 1.2 and later, a certificate from files, read again when they change."""

import ssl
from contextlib import suppress
from pathlib import Path

from netsonde.api.settings import ApiSettings
from netsonde.errors import UserError

HSTS = "max-age=63072000"
"""For two years browsers come back by HTTPS only; other names of the domain are not ours to decide about."""


def server_context(settings: ApiSettings) -> ssl.SSLContext | None:
    """Return the context, None for plain HTTP. Raises UserError for files that cannot be used."""
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, settings)
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except (OSError, ssl.SSLError) as bad:
            raise UserError(
                f"cannot use {settings.tls_client_ca}: {_words(bad)}", hint="check analyzer.tls_client_ca"
            ) from bad
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, settings: ApiSettings) -> None:
    """Load certificate and key, or the new ones in their place. Raises UserError, and then changes nothing."""
    certificate = settings.tls_certificate
    assert certificate is not None
    try:
        # A pair that does not belong together must not spoil the context that serves.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, settings.tls_key, password=_no_password)
        context.load_cert_chain(certificate, settings.tls_key, password=_no_password)
    except (OSError, ssl.SSLError) as bad:
        raise UserError(
            f"cannot use the certificate {certificate}: {_words(bad)}",
            hint="check analyzer.tls_certificate and analyzer.tls_key: two PEM files that belong together",
        ) from bad


def certificate_state(settings: ApiSettings) -> tuple[tuple[int, int], ...]:
    """Return what changes when a file is replaced."""
    found: list[tuple[int, int]] = []
    for file in (settings.tls_certificate, settings.tls_key):
        with suppress(OSError):
            status = Path("" if file is None else file).stat()
            found.append((status.st_mtime_ns, status.st_ino))
    return tuple(found)


def _no_password() -> str:
    raise OSError(0, "the key has a password; nobody is there to type it")


def _words(bad: Exception) -> str:
    if isinstance(bad, ssl.SSLError):
        return str(bad.reason or bad).replace("_", " ").lower()
    return getattr(bad, "strerror", None) or str(bad)
