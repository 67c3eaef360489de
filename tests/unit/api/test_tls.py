# SPDX-License-Identifier: Apache-2.0
"""TLS of the API: which certificate is served, from when on, and whose clients are let in. Handshakes in memory."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from netsonde.access.authority import Authority, open_authority, request_for
from netsonde.api import server
from netsonde.api.settings import ApiSettings, check_exposure
from netsonde.api.tls import load_certificate, server_context
from netsonde.errors import UserError
from unit.captures.fakes import until


class Site:
    """Files of a server, and what its clients trust."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority: Authority = open_authority(directory / "ca")
        self.certificate, self.key = directory / "server.pem", directory / "server.key"
        self.renew()

    def renew(self, name: str = "netsonde.example") -> None:
        certificate, key = self.authority.server([name, "netsonde.example"], 30)
        self.key.write_bytes(key)
        self.certificate.write_bytes(certificate)

    def settings(self, **more: Any) -> ApiSettings:
        return ApiSettings(tls_certificate=self.certificate, tls_key=self.key, **more)

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.directory / "ca/ca.pem"))

    def agent(self, host: str, authority: Authority) -> ssl.SSLContext:
        """Return a client that has a certificate of an authority."""
        request, key = request_for(host)
        (self.directory / "client.key").write_bytes(key)
        (self.directory / "client.pem").write_bytes(authority.agent(request, host, 30))
        context = self.client()
        context.load_cert_chain(self.directory / "client.pem", self.directory / "client.key")
        return context


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def shake(serving: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """Return the name in the certificate that the client is shown once both are content; raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = serving.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="netsonde.example")
    for _ in range(3):
        for end in (theirs, ours):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ours.write(b"x")
    assert theirs.read(1) == b"x"
    shown = x509.load_der_x509_certificate(theirs.getpeercert(True) or b"")
    return str(shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def context_of(settings: ApiSettings) -> ssl.SSLContext:
    context = server_context(settings)
    assert context is not None
    return context


def test_a_renewed_certificate_is_shown_to_those_who_come_then(site: Site) -> None:
    context = context_of(site.settings())
    assert shake(context, site.client()) == "netsonde.example"
    site.renew("renewed")
    load_certificate(context, site.settings())
    assert shake(context, site.client()) == "renewed"


def test_a_pair_that_does_not_belong_together_leaves_the_old_one_in_place(site: Site) -> None:
    context = context_of(site.settings())
    before = site.key.read_bytes()
    site.renew("renewed")
    site.key.write_bytes(before)
    with pytest.raises(UserError, match=r"cannot use the certificate .*server\.pem: key values mismatch"):
        load_certificate(context, site.settings())
    assert shake(context, site.client()) == "netsonde.example"


async def test_a_server_looks_for_a_renewed_certificate_by_itself_and_goes_on_after_a_bad_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_RENEW_EVERY", 0.001)
    problems: list[str] = []
    monkeypatch.setattr(server.log, "error", lambda text, **_: problems.append(text))
    config = uvicorn.Config("unused")
    config.ssl = context = context_of(site.settings())
    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(server._renew(config, site.settings()), name="renewing")
        await asyncio.sleep(0)  # it knows what it began with
        site.certificate.write_text("half a certi")
        await until(lambda: bool(problems))
        assert shake(context, site.client()) == "netsonde.example"
        site.renew("renewed")
        await until(lambda: shake(context, site.client()) == "renewed")
        renewing.cancel()


def test_with_an_authority_for_clients_only_those_that_it_signed_for_come_in(site: Site) -> None:
    context = context_of(site.settings(tls_client_ca=site.directory / "ca/ca.pem"))
    assert shake(context, site.agent("h1", site.authority)) == "netsonde.example"
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        shake(context, site.client())
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate verify failed"):
        shake(context, site.agent("h1", open_authority(site.directory / "another")))


def test_old_versions_of_tls_are_refused(site: Site) -> None:
    assert context_of(site.settings()).minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(site: Site) -> None:
    key = serialization.load_pem_private_key(site.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    site.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    with pytest.raises(UserError, match="nobody is there to type it"):
        server_context(site.settings())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tls_key", ApiSettings(tls_key=Path("server.key"))),
        ("tls_client_ca", ApiSettings(tls_client_ca=Path("ca.pem"))),
    ],
)
def test_files_that_only_count_with_a_certificate_are_refused_without(name: str, settings: ApiSettings) -> None:
    with pytest.raises(UserError, match=f"analyzer.{name} is set without analyzer.tls_certificate"):
        check_exposure(settings, login_required=True)
