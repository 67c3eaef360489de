# SPDX-License-Identifier: Apache-2.0
"""Importing the client loads neither the server nor what only some programs need."""

import subprocess
import sys

SERVER = {
    "litestar",
    "uvicorn",
    "nats",
    "chdb",
    "clickhouse_connect",
    "typer",
    "rich",
    "structlog",
    "prometheus_client",
}
LATER = {"httpx", "websockets", "pyarrow", "pandas", "networkx", "lark", "re2", "asyncio"}
OURS = {"netsonde.api", "netsonde.bus", "netsonde.history", "netsonde.graph", "netsonde.query", "netsonde._native"}


def test_the_import_is_small() -> None:
    program = "import sys, netsonde.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & (SERVER | LATER | OURS) == set()
