# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of our own: for servers without another, and for agents that enrol.

Its key is a file of the analyzer, mode 0600. Certificates are ECDSA P-256. An agent's names its host and can be used as
a client's only; what it asks for in its request beyond its key counts for nothing.
"""

import datetime
import ipaddress
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netsonde.access.enrolment import AGENTS
from netsonde.access.files import locked, write_private
from netsonde.errors import UserError

_CA_DAYS: Final = 3650
_BACKDATED: Final = datetime.timedelta(minutes=10)
"""Clocks differ; a certificate must not be from the future."""
_LARGEST_REQUEST: Final = 16 * 1024


class Authority(NamedTuple):
    """A certificate with the key that signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate, for those who are to trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(
        self, names: list[str], days: float, *, common_name: str = "", client: bool = False
    ) -> tuple[bytes, bytes]:
        """Return certificate and key (PEM) of a server that is called by these names; `client` = it is one too."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if client else [])]
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (common_name or names[0])[:64])])
        builder = self._builder(subject, key.public_key(), days, usage)
        builder = builder.add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        return self._signed(builder), _key_pem(key)

    def agent(self, request: bytes, host: str, days: float) -> bytes:
        """Return a certificate (PEM) for the key of a request (PEM, PKCS #10). Raises UserError."""
        if not host or len(host) > 64 or not host.isprintable():
            raise UserError(f"{host[:80]!r} cannot be the name of a host in a certificate", hint="1 to 64 characters")
        key = _requested_key(request)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, AGENTS),
                x509.NameAttribute(NameOID.COMMON_NAME, host),
            ]
        )
        return self._signed(self._builder(subject, key, days, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: float, usage: x509.ExtendedKeyUsage
    ) -> x509.CertificateBuilder:
        return (
            _dated(x509.CertificateBuilder(), days)
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def open_authority(directory: Path) -> Authority:
    """Return the authority whose files are in a directory, made on the first use. Raises UserError."""
    certificate_file, key_file = directory / "ca.pem", directory / "ca.key"
    try:
        with locked(key_file):
            if not key_file.exists():
                made = _made()
                write_private(certificate_file, made.pem.decode())
                write_private(key_file, _key_pem(made.key).decode())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as bad:
        raise UserError(f"cannot use the certificate authority in {directory}: {bad}") from bad
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UserError(f"{key_file} is no key of an elliptic curve")
    if certificate.public_key() != key.public_key():
        raise UserError(
            f"{key_file} is not the key of {certificate_file}",
            hint="bring back the pair from a copy; what is signed with this key is trusted by nobody",
        )
    return Authority(certificate, key)


def request_for(host: str) -> tuple[bytes, bytes]:
    """Return a request for a certificate and the key that it is for, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _made() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Netsonde authority")])
    builder = (
        _dated(x509.CertificateBuilder(), _CA_DAYS)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def _dated(builder: x509.CertificateBuilder, days: float) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return builder.not_valid_before(now - _BACKDATED).not_valid_after(now + datetime.timedelta(days=days))


def _requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    try:
        if len(request) > _LARGEST_REQUEST:
            raise ValueError("it is too large")
        parsed = x509.load_pem_x509_csr(request)
        key = parsed.public_key()
        if not parsed.is_signature_valid:
            raise ValueError("whoever sent it does not have its key")
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as bad:
        raise UserError(
            f"this is no request for a certificate: {bad}", hint="`netsonde agent enrol` makes one"
        ) from bad
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UserError("the request is not for a key of the curve P-256", hint="`netsonde agent enrol` makes one")
    return key


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
