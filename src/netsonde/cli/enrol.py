# SPDX-License-Identifier: Apache-2.0
"""`netsonde agent enrol`: a key made here, a certificate for it from the analyzer, and the settings to run with."""

import os
from pathlib import Path
from typing import Any

import msgspec

from netsonde.access.authority import request_for
from netsonde.access.files import write_private
from netsonde.cli.client import Client
from netsonde.cli.output import say
from netsonde.config import load
from netsonde.settings import Settings


def enrol(url: str, token: str, config: Path | None, overrides: dict[str, str]) -> int:
    """Enrol this host's agent; returns the exit status. Raises UserError, and then nothing is written."""
    settings = load(Settings, file=config, environ=os.environ, overrides=overrides)
    settings.make_state_dir()
    request, key = request_for(settings.host_id)
    client = Client(url, {"Authorization": f"Bearer {token}"} if token else None)
    found = client.post("/api/enrol", {"Host": settings.host_id, "Request": request.decode()}, dict[str, Any])
    directory = settings.state_dir / "enrolled"
    write_private(directory / "agent.key", key.decode())
    write_private(directory / "agent.pem", found["Certificate"])
    write_private(directory / "ca.pem", found["Authority"])
    write_private(directory / "agent.toml", _settings(settings, directory, found["BusUrl"]))
    say(f"{settings.host_id} has enrolled; run: netsonde agent --config {directory / 'agent.toml'}")
    return 0


def _settings(settings: Settings, directory: Path, bus_url: str) -> str:
    rows = {"host_id": settings.host_id, "state_dir": str(settings.state_dir)}
    bus = {
        "url": bus_url,
        "tls_ca": str(directory / "ca.pem"),
        "tls_certificate": str(directory / "agent.pem"),
        "tls_key": str(directory / "agent.key"),
    }
    lines = [*_rows(rows), "", "[bus]", *_rows(bus)]
    return "\n".join(lines) + "\n"


def _rows(values: dict[str, str]) -> list[str]:
    # A basic string of TOML is one of JSON.
    return [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items()]
