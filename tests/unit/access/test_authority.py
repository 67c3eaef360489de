# SPDX-License-Identifier: Apache-2.0
"""Certificates of our own authority."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from netsonde.access.authority import open_authority, request_for
from netsonde.errors import UserError


def test_the_authority_is_made_once_and_its_key_is_its_owners(tmp_path: Path) -> None:
    first, second = open_authority(tmp_path), open_authority(tmp_path)
    assert first.pem == second.pem
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


def test_two_that_make_the_authority_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda _: open_authority(tmp_path), range(8))]
    assert {one.pem for one in made} == {(tmp_path / "ca.pem").read_bytes()}
    assert all(one.key.public_key() == made[0].certificate.public_key() for one in made)


def test_a_key_of_another_authority_signs_nothing(tmp_path: Path) -> None:
    open_authority(tmp_path / "a")
    open_authority(tmp_path / "b")
    (tmp_path / "a/ca.key").replace(tmp_path / "b/ca.key")
    with pytest.raises(UserError, match="is not the key of"):
        open_authority(tmp_path / "b")


def test_an_agent_gets_a_certificate_for_its_key_and_host_whatever_it_asked_for(tmp_path: Path) -> None:
    request, key = request_for("another name")
    signed = x509.load_pem_x509_certificate(open_authority(tmp_path).agent(request, "h1", days=30))
    assert signed.subject.rfc4514_string() == "CN=h1,OU=netsonde agent"
    own = serialization.load_pem_private_key(key, None)
    assert signed.public_key() == own.public_key()
    usage = signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not signed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    of_rsa = builder.sign(weak, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    good, _ = request_for("h1")
    authority = open_authority(tmp_path)
    for bad in (b"", b"x" * 20_000, good[:-80], of_rsa):
        with pytest.raises(UserError):
            authority.agent(bad, "h1", days=1)
    for host in ("", "x" * 65, "a\nb"):
        with pytest.raises(UserError):
            authority.agent(good, host, days=1)
