# SPDX-License-Identifier: Apache-2.0
"""The dashboard's half that a Prometheus server answers: a real one scrapes ours, and is asked as Grafana asks it."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foreign.test_grafana import PROMETHEUS
from system.stack import Stack, free_port

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: netsonde
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's prometheus")


class Prometheus:
    """A server on a free port, with its data in a folder of its own."""

    def __init__(self, folder: Path, target_port: int) -> None:
        self.port = free_port()
        (folder / "prometheus.yml").write_text(CONFIG.format(port=target_port))
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", listen]
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def ask(self, path: str, form: dict[str, object] | None = None) -> Any:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", data, timeout=10) as answer:
            return json.load(answer)["data"]

    def series(self, expression: str) -> Any:
        """Return what a panel gets for the last minutes, as the data source asks: POST, times in s, a step."""
        now = time.time()
        return self.ask("query_range", {"query": expression, "start": now - 300, "end": now, "step": 15})["result"]


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), stack.port)
    try:
        stack.wait(lambda: target(server)["health"] == "up", 30, "scraped")
        yield server
    finally:
        server.process.terminate()
        server.process.wait(10)


def target(server: Prometheus) -> Any:
    return server.ask("targets")["activeTargets"][0]


def test_a_scrape_brings_everything_that_is_exposed(stack: Stack, prometheus: Prometheus) -> None:
    exposed = stack.call("GET", "/metrics", accept="text/plain").decode()
    names = {line.split()[2] for line in exposed.splitlines() if line.startswith("# TYPE netsonde_")}
    kept = {one.rpartition("_")[0] if one.endswith(("_bucket", "_sum", "_count")) else one for one in known(prometheus)}
    with_samples = {name for name in names if f"\n{name}" in exposed}
    assert with_samples
    assert with_samples - kept == set()
    assert target(prometheus)["lastError"] == ""


def known(server: Prometheus) -> list[str]:
    return [name for name in server.ask("label/__name__/values") if name.startswith("netsonde_")]


def test_the_names_and_units_of_metrics_are_what_prometheus_advises(stack: Stack) -> None:
    exposed = stack.call("GET", "/metrics", accept="text/plain")
    judged = subprocess.run(["promtool", "check", "metrics"], input=exposed, capture_output=True, check=False)
    assert (judged.stderr.decode(), judged.returncode) == ("", 0)


@pytest.mark.parametrize("expression", PROMETHEUS)
def test_each_panel_gets_series(stack: Stack, prometheus: Prometheus, expression: str, a_check: str) -> None:
    # A panel that shows what fails is empty as long as nothing does: its series without the comparison are there.
    asked = expression.removesuffix(" > 0")
    assert prometheus.series(expression) is not None
    stack.wait(lambda: prometheus.series(asked), 20, asked)


@pytest.fixture(scope="module")
def a_check(stack: Stack) -> Iterator[str]:
    """Its name; without one nothing is counted of verdicts."""
    body = {"Name": "grafana", "GremlinQuery": "G.V().Has('Name', 'nowhere')", "Steps": [{"Type": "dhcp"}]}
    uuid = stack.call("POST", "/api/check", body)["UUID"]
    yield "grafana"
    stack.call("DELETE", f"/api/check/{uuid}")
