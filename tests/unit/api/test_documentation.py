# SPDX-License-Identifier: Apache-2.0
"""The reference page names every route that the server has, and no other."""

import re
from pathlib import Path
from typing import Any

import pytest

Operations = dict[str, Any]
PAGE = Path(__file__).resolve().parents[3] / "docs/reference/api.md"


def test_the_page_lists_the_routes_of_the_server(client: Any) -> None:
    served = client.get("/api/openapi.json").json()["paths"].keys()
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    documented = {path for row in rows for path in re.findall(r"`(/[^`]*)`", row)}
    assert documented == set(served)


def content(operation: Operations, status: str = "200") -> set[str]:
    return set(operation["responses"][status]["content"])


@pytest.fixture
def paths(client: Any) -> Any:
    return client.get("/api/openapi.json").json()["paths"]


def test_every_form_of_an_answer_is_described(paths: Any) -> None:
    dot, pcap, pcapng = "text/vnd.graphviz", "application/vnd.tcpdump.pcap", "application/x-pcapng"
    assert content(paths["/api/topology"]["get"]) == {"application/json", dot}
    assert content(paths["/api/topology"]["post"]) == {"application/json", dot, pcap, pcapng}
    assert content(paths["/api/capture/{uuid}/packets"]["get"]) == {"application/json", pcapng}
    assert content(paths["/metrics"]["get"]) == {"text/plain"}
    assert {"204", "400", "406", "429"} <= set(paths["/api/topology"]["post"]["responses"])
    assert "503" in paths["/readyz"]["get"]["responses"]


def test_every_body_is_described(paths: Any) -> None:
    without = [
        operation["operationId"]
        for path in paths.values()
        for method, operation in path.items()
        if method in ("post", "patch") and "requestBody" not in operation
    ]
    # These take none.
    assert without == ["login", "logout", "runCheck", "cancelWorkflowJob", "finishImport"]
    patch = paths["/api/capture/{uuid}"]["patch"]["requestBody"]["content"]
    assert set(patch) == {"application/merge-patch+json", "application/json-patch+json"}
    assert "application/x-pcapng" in paths["/api/pcap"]["post"]["requestBody"]["content"]
