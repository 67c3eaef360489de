# SPDX-License-Identifier: Apache-2.0
"""The examples of the how-to run, on the laboratory, against a served API with the real query engine."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netsonde.analyzer.queries import QueryService
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.query import Limits, Sources
from unit.api.fakes import Fakes
from unit.api.served import Server
from unit.query.lab import lab_elements

PAGE = Path(__file__).resolve().parents[3] / "docs/howto/script-with-python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
PRINTED = [
    "h1 v2h 9000\nh1 eth0 9000\n['eth0', 'eth0']\n",
    "error: Has takes pairs",
    "0 ()\n",
    "4\n{'device': 1, 'host': 1, 'netns': 2,",
    "waiting\n",
    "4 interfaces\n",
    "{'veth': 4, 'ovsbridge': 1, 'netns': 2}\n",
]


@pytest.fixture
def laboratory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fakes = Fakes.new()
    nodes, edges = lab_elements()
    engine: Any = QueryService(Sources(graph=SnapshotGraph(nodes, edges)), Limits())
    fakes.queries = engine
    server = Server(fakes)
    monkeypatch.setenv("NETSONDE_URL", server.url)
    yield
    server.stop()


@pytest.mark.parametrize(("example", "printed"), list(zip(EXAMPLES, PRINTED, strict=True)), ids=range(len(PRINTED)))
def test_an_example_prints_what_it_should(
    laboratory: None, example: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(example, PAGE.name, "exec"), {"__name__": "__main__"})  # noqa: S102  our own page
    assert capsys.readouterr().out.startswith(printed)
