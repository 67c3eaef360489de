# SPDX-License-Identifier: Apache-2.0
"""The reference's own page beside ours, for who keeps it."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import Fakes

INDEX = b'<script>var baseURL = "<< .BaseURL >>"</script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "assets" / "topology.css").write_bytes(b"a{}")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


def server(folder: str) -> Any:
    fakes = Fakes.new().with_settings(old_page=folder)
    return TestClient(create_app(fakes.services()), base_url="http://127.0.0.1:8082")


def test_its_index_is_told_where_it_is(folder: Path) -> None:
    with server(str(folder)) as client:
        for path in ("/ui_v2", "/ui_v2/"):
            answer = client.get(path)
            assert (answer.status_code, answer.content) == (200, INDEX.replace(b"<< .BaseURL >>", b"/ui_v2/"))
        style = client.get("/ui_v2/assets/topology.css")
        assert (style.content, style.headers["content-type"][:8]) == (b"a{}", "text/css")


def test_it_may_load_and_evaluate_nothing_from_elsewhere(folder: Path) -> None:
    with server(str(folder)) as client:
        policy = client.get("/ui_v2").headers["content-security-policy"]
    assert "unsafe-eval" not in policy
    assert "connect-src 'self'" in policy


@pytest.mark.parametrize("path", ["/ui_v2/../secret", "/ui_v2/%2e%2e/secret", "/ui_v2/..%2fsecret", "/ui_v2/link"])
def test_nothing_outside_its_directory_is_served(folder: Path, path: str) -> None:
    with server(str(folder)) as client:
        answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert answer.content != b"secret"


@pytest.mark.parametrize("setting", ["", "/nonexistent"])
def test_without_it_the_way_to_have_it_is_told(setting: str) -> None:
    with server(setting) as client:
        answer = client.get("/ui_v2")
    assert (answer.status_code, "analyzer.old_page" in answer.text) == (404, True)
