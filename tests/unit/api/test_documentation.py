# SPDX-License-Identifier: Apache-2.0
"""The reference page names every route that the server has, and no other."""

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/api.md"


def test_the_page_lists_the_routes_of_the_server(client: Any) -> None:
    served = client.get("/api/openapi.json").json()["paths"].keys()
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    documented = {path for row in rows for path in re.findall(r"`(/[^`]*)`", row)}
    assert documented == set(served)
