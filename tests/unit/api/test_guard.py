# SPDX-License-Identifier: Apache-2.0
"""What foreign web pages may not do, and bodies and files within their limits."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import Fakes, a_node


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8082", "[::1]:8082", "LocalHost:1", "127.1.2.3"])
def test_loopback_names_are_ours(client: Any, host: str) -> None:
    assert client.get("/api", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8082", "[::1", "a@b"]
)
def test_a_rebound_name_is_refused(client: Any, host: str) -> None:
    answer = client.get("/api", headers={"Host": host})
    assert answer.status_code == 421
    assert "allowed_hosts" in answer.text


def test_an_allowed_name_is_ours(fakes: Fakes) -> None:
    fakes.with_settings(allowed_hosts=("Netsonde.example",))
    with TestClient(create_app(fakes.services()), base_url="http://netsonde.example") as client:
        assert client.get("/api").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost.evil"])
def test_pages_of_other_origins_may_change_nothing(client: Any, origin: str) -> None:
    for method, path in (("POST", ""), ("PATCH", "/x"), ("DELETE", "/x")):
        assert client.request(method, f"/api/capture{path}", headers={"Origin": origin}).status_code == 403
    assert client.get("/api", headers={"Origin": origin}).headers.get("access-control-allow-origin") is None


def test_our_own_page_may(client: Any) -> None:
    headers = {"Origin": "http://127.0.0.1:8082"}
    assert client.post("/api/topology", json={"GremlinQuery": "G.V()"}, headers=headers).status_code == 200


def test_pages_of_an_allowed_origin_may_and_browsers_are_told_so(fakes: Fakes) -> None:
    fakes.with_settings(allowed_origins=("https://grafana.example",))
    with TestClient(create_app(fakes.services()), base_url="http://127.0.0.1:8082") as client:
        headers = {"Origin": "https://grafana.example"}
        answer = client.post("/api/topology", json={"GremlinQuery": "G.V()"}, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://grafana.example"
        preflight = client.options("/api/capture/x", headers={**headers, "Access-Control-Request-Method": "PATCH"})
        assert "PATCH" in preflight.headers["access-control-allow-methods"]


def test_a_large_body_is_refused_with_its_limit(client: Any) -> None:
    body = b'{"GremlinQuery": "' + b"x" * 11 * 1024 * 1024 + b'"}'
    answer = client.post("/api/capture", content=body)
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_large_answers_are_compressed_for_those_who_accept_it(client: Any, fakes: Fakes) -> None:
    fakes.graph.put(*(a_node(f"n{number}") for number in range(1000)))
    packed = client.get("/api/topology", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.json()["Nodes"]) == 1000
    plain = client.get("/api/topology", headers={"Accept-Encoding": "gzip;q=0, deflate"})
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content


def test_small_answers_are_not_compressed(client: Any) -> None:
    assert "content-encoding" not in client.get("/api", headers={"Accept-Encoding": "gzip"}).headers


@pytest.fixture
def page(tmp_path: Path, fakes: Fakes) -> Path:
    (tmp_path / "page" / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "page" / "index.html").write_text("<!doctype html>")
    (tmp_path / "page" / "assets" / "a1b2.js").write_text("x()" * 1000)
    fakes.page = tmp_path / "page"
    return fakes.page


def test_the_page_is_served_with_a_strict_policy(page: Path, client: Any) -> None:
    answer = client.get("/")
    assert answer.text == "<!doctype html>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"


def test_built_files_are_kept_by_browsers_for_ever(page: Path, client: Any) -> None:
    answer = client.get("/assets/a1b2.js", headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/a%00", "/x"]
)
def test_nothing_outside_the_page_is_served(page: Path, client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret\n" not in answer.text


def test_a_missing_page_is_told_in_words(client: Any) -> None:
    answer = client.get("/")
    assert answer.status_code == 404
    assert "not part of this installation" in answer.text
