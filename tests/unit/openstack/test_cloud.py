# SPDX-License-Identifier: Apache-2.0
"""OpenStack's own client against a cloud that answers as a real one did, and against one that does not."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netsonde.access.authority import open_authority
from netsonde.errors import SourceLost
from netsonde.openstack.cloud import Cloud, LoginRefused
from netsonde.openstack.objects import COLLECTIONS, Changes, Port
from netsonde.openstack.settings import CloudSettings
from recorded_cloud import RecordedCloud, recorded_cloud
from unit.openstack.clouds import settings_for

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def admin(cloud: RecordedCloud) -> Iterator[Cloud]:
    reader = Cloud(settings_for(cloud))
    yield reader
    reader.close()


def ports_of(found: Changes) -> list[Port]:
    return [one for one in found.put if isinstance(one, Port)]


def known(found: Changes) -> dict[str, int]:
    return {one.id: one.revision_number for one in found.put}


def test_account_is_what_keystone_says(admin: Cloud) -> None:
    account = admin.account()
    assert (account.user, account.project) == ("admin", "admin")
    assert set(account.roles) == {"admin", "member", "reader"}


def test_everything_is_read_once(admin: Cloud) -> None:
    counts = {kind: len(admin.changes(kind, {}).put) for kind in COLLECTIONS}
    assert counts == {
        "networks": 3,
        "subnets": 3,
        "security_groups": 2,
        "routers": 1,
        "floating_ips": 1,
        "ports": 9,
    }


def test_only_what_changed_is_read_again(admin: Cloud, cloud: RecordedCloud) -> None:
    before = known(admin.changes("ports", {}))
    assert admin.changes("ports", before) == Changes()
    web, gone = cloud.one("ports", name="web")["id"], cloud.one("ports", name="oslab-guest")["id"]
    cloud.change("ports", web, status="DOWN")
    cloud.delete("ports", gone)
    asked = len(cloud.asked)
    found = admin.changes("ports", before)
    assert [(one.id, one.status) for one in ports_of(found)] == [(web, "DOWN")]
    assert found.gone == [gone]
    assert "fields=id&fields=revision_number&" in cloud.asked[asked]
    assert f"id={web}" in cloud.asked[asked + 1]


def test_lists_are_read_in_pages(admin: Cloud, cloud: RecordedCloud) -> None:
    cloud.page = 2
    assert set(known(admin.changes("ports", {}))) == set(cloud.things["admin"]["ports"])


def test_list_that_changes_under_its_reader_is_an_error_and_not_a_shorter_list(
    admin: Cloud, cloud: RecordedCloud
) -> None:
    cloud.page = 2
    first = sorted(cloud.things["admin"]["ports"])[:2]
    pages = admin._pages(COLLECTIONS["ports"], {})
    next(pages)
    cloud.delete("ports", first[1])
    with pytest.raises(SourceLost, match="changed while it was read"):
        next(pages)


def test_pages_that_begin_anew_do_not_go_on_for_ever(admin: Cloud, cloud: RecordedCloud) -> None:
    port = next(iter(cloud.things["admin"]["ports"]))
    body = b'{"ports": [{"id": "%b"}], "ports_links": [{"rel": "next"}]}' % port.encode()
    cloud.answers["ports"] = (200, body)
    assert [one.id for one in admin.changes("ports", {}).put] == [port, port]


def test_cloud_with_more_ports_than_allowed_is_not_read(cloud: RecordedCloud) -> None:
    cloud.page = 2
    with pytest.raises(SourceLost, match="more than max_ports = 5 ports"):
        Cloud(settings_for(cloud, max_ports=5)).changes("ports", {})


def test_member_of_a_project_sees_what_neutron_shows_it(cloud: RecordedCloud) -> None:
    demo = Cloud(settings_for(cloud, "demo"))
    found = ports_of(demo.changes("ports", {}))
    assert len(found) == 7
    assert {(one.host_id, one.vif_type) for one in found} == {(None, None)}
    assert list(demo.projects().values()) == ["demo"]


def test_projects_are_named(admin: Cloud) -> None:
    assert sorted(admin.projects().values()) == ["admin", "demo", "service"]


def test_wrong_password_is_told_with_what_to_do(cloud: RecordedCloud) -> None:
    cloud.password = "another"
    with pytest.raises(LoginRefused, match=r"/v3 refuses admin: check its password, and that it has a role"):
        Cloud(settings_for(cloud)).account()


def test_token_that_ended_is_replaced(admin: Cloud, cloud: RecordedCloud) -> None:
    admin.account()
    cloud.tokens.clear()
    assert len(admin.changes("ports", {}).put) == 9
    assert cloud.asked.count("POST /v3/auth/tokens") == 2


def test_password_file_is_read_at_each_log_in(cloud: RecordedCloud, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong\n")
    reader = Cloud(CloudSettings(auth_url=cloud.url, username="admin", password_file=file))
    with pytest.raises(LoginRefused):
        reader.account()
    reader.close()
    file.write_text("right\n")
    assert reader.account().user == "admin"


def test_cloud_of_clouds_yaml_is_read(cloud: RecordedCloud, tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    auth = (
        "username: demo, password: right, project_name: demo, user_domain_name: Default, project_domain_name: Default"
    )
    file.write_text(f"clouds:\n  here:\n    auth: {{auth_url: '{cloud.url}', {auth}}}\n    region_name: RegionOne\n")
    reader = Cloud(CloudSettings(cloud="here", clouds_file=file))
    assert (reader.account().user, len(reader.changes("ports", {}).put)) == ("demo", 7)
    with pytest.raises(SourceLost, match=r"clouds\.yaml does not say how to log in to there"):
        Cloud(CloudSettings(cloud="there", clouds_file=file)).account()


def test_region_without_neutron_is_told(cloud: RecordedCloud) -> None:
    with pytest.raises(SourceLost, match="check region and interface"):
        Cloud(settings_for(cloud, region="Elsewhere")).account()


def test_cloud_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v3"
        with pytest.raises(SourceLost, match=f"{url} does not answer"):
            Cloud(CloudSettings(auth_url=url, username="admin", password="right")).account()


def test_cloud_that_does_not_answer_in_time_is_told(cloud: RecordedCloud) -> None:
    reader = Cloud(settings_for(cloud, timeout=1.0))
    reader.account()
    cloud.holds = lambda _: True
    with pytest.raises(SourceLost, match="does not answer"):
        reader.changes("ports", {})


def test_extension_that_is_not_there_has_no_objects(admin: Cloud, cloud: RecordedCloud) -> None:
    del cloud.things["admin"]["routers"]
    assert admin.changes("routers", {}) == Changes()


def test_error_of_the_server_is_told(admin: Cloud, cloud: RecordedCloud) -> None:
    cloud.answers["ports"] = (500, b'{"NeutronError": "the database is away"}')
    with pytest.raises(SourceLost, match=r"answers 500.*the database is away"):
        admin.changes("ports", {})


def test_one_absurd_object_does_not_cost_the_others(admin: Cloud, cloud: RecordedCloud) -> None:
    good = cloud.one("ports", name="web")["id"]
    known = f'"id": "{good}"'
    absurd = [
        '{"id": 7}',
        '{"id": "../../etc"}',
        f'{{{known}, "fixed_ips": "none"}}',
        f'{{{known}, "revision_number": 1e99}}',
        "null",
        "[]",
        '"x"',
    ]
    cloud.answers["ports"] = (200, f'{{"ports": [{",".join(absurd)}, {{"id": "{good}"}}]}}'.encode())
    found = admin.changes("ports", {})
    assert ([one.id for one in found.put], found.refused) == ([good], len(absurd))


def test_name_with_half_a_character_does_not_hide_all_else(admin: Cloud, cloud: RecordedCloud) -> None:
    web = cloud.one("ports", name="web")["id"]
    cloud.change("ports", web, name="a\ud800b\x00<script>")
    found = ports_of(admin.changes("ports", {}))
    assert (len(found), {one.name for one in found if one.id == web}) == (9, {"a?b\x00<script>"})


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"ports": {}}', b'{"ports": ' + b"[" * 100_000, b"\xff\xfe", b'{"ports": [}'],
)
def test_answer_that_is_no_list_is_told(admin: Cloud, cloud: RecordedCloud, body: bytes) -> None:
    cloud.answers["ports"] = (200, body)
    with pytest.raises(SourceLost, match="something else than a list of ports"):
        admin.changes("ports", {})


def test_packed_answers_are_read_and_bounded_as_they_are_unpacked(admin: Cloud, cloud: RecordedCloud) -> None:
    cloud.zips = True
    assert len(admin.changes("ports", {}).put) == 9
    cloud.answers["ports"] = (200, b'{"ports": [' + b" " * (17 * 1024 * 1024) + b"]}")
    with pytest.raises(SourceLost, match="longer than 16777216 bytes"):
        admin.changes("ports", {})


def test_certificate_must_be_signed_by_whom_the_settings_name(tmp_path: Path) -> None:
    authority = open_authority(tmp_path)
    certificate, key, trusted = (tmp_path / name for name in ("cert.pem", "key.pem", "trusted.pem"))
    signed, secret = authority.server(["127.0.0.1"], 1)
    certificate.write_bytes(signed)
    key.write_bytes(secret)
    trusted.write_bytes(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with recorded_cloud(context) as cloud:
        reader = Cloud(settings_for(cloud, ca=trusted))
        assert (cloud.scheme, len(reader.changes("ports", {}).put)) == ("https", 9)
        reader.close()
        with pytest.raises(SourceLost, match=r"certificate of https://.* is not trusted: set ca"):
            Cloud(settings_for(cloud)).account()


def test_answer_without_end_is_cut(admin: Cloud, cloud: RecordedCloud) -> None:
    cloud.answers["ports"] = (200, b'{"ports": [' + b" " * (17 * 1024 * 1024) + b"]}")
    with pytest.raises(SourceLost, match="longer than 16777216 bytes"):
        admin.changes("ports", {})


def test_answer_in_drips_is_cut() -> None:
    """Each byte comes in time, and the answer never ends."""
    with dripping() as url, pytest.raises(SourceLost, match="takes too long"):
        Cloud(CloudSettings(auth_url=url, username="admin", password="right", timeout=1.0)).account()


@contextmanager
def dripping() -> Iterator[str]:
    """Serve an answer of a byte every 50 ms, to one client after the other."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not ended.is_set():
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    try:
                        client.recv(65536)
                        client.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"
                        )
                        while not ended.wait(0.05):
                            client.sendall(b" ")
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v3"
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
