# SPDX-License-Identifier: Apache-2.0
"""The page's types follow the server's structs."""

import runpy
from pathlib import Path

TOOL = Path(__file__).resolve().parents[3] / "tools" / "web_types.py"


def test_types_of_the_page_are_those_of_the_server() -> None:
    tool = runpy.run_path(str(TOOL))

    assert tool["TARGET"].read_text() == tool["render"](), "stale: run tools/web_types.py"
    assert tool["LOOKS_TARGET"].read_text() == tool["render_looks"](), "stale: run tools/web_types.py"
