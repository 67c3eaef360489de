# SPDX-License-Identifier: Apache-2.0
"""An agent of another host enrols by one command and reports over TLS, and cannot do more than that."""

import asyncio
import os
import ssl
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest

from system.stack import PROGRAM, Stack, free_port

pytestmark = pytest.mark.system


def netsonde(*arguments: str, **env: str) -> str:
    done = subprocess.run(
        [str(PROGRAM), *arguments], env={**os.environ, **env}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_agent_enrols_by_one_command_and_reports_with_its_own_certificate(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "password").write_text("secret\n")
    netsonde(
        "access", "setup", "--name", "localhost", "--password-file", f"{tmp_path}/password", "--state-dir", f"{state}"
    )
    token = netsonde(
        "access", "token", "create", "new", "--role", "enroller", "--uses", "1", "--state-dir", f"{state}"
    ).strip()
    port = free_port()
    settings = {"NETSONDE_BUS_LISTEN": f"127.0.0.1:{port}", "NETSONDE_ANALYZER_ALLOWED_HOSTS": "localhost"}
    stack = Stack(state, env=settings).start()
    try:
        second = {"NETSONDE_STATE_DIR": str(tmp_path / "second"), "NETSONDE_HOST_ID": "second.example"}
        # Everybody is admin on loopback; the token of a gate that asks for none is not looked at.
        netsonde("agent", "enrol", "--url", stack.url, "--token", token, **second)
        enrolled = tmp_path / "second/enrolled"
        config = tomllib.loads((enrolled / "agent.toml").read_text())
        assert config["bus"]["url"] == f"tls://localhost:{port}"
        agent = subprocess.Popen(
            [str(PROGRAM), "agent", "--config", str(enrolled / "agent.toml"), "--set", "probes.enabled=netns"],
            stderr=subprocess.DEVNULL,
        )
        try:
            stack.wait(lambda: "second.example" in stack.call("GET", "/api/status")["Agents"], 20, "reporting")
            # Ready again: its topology is in, and its captures are matched. (The host's nodes are one agent's already.)
            stack.wait(lambda: stack.status_code("/readyz") == 200, 15, "ready with two agents")
            asyncio.run(stays_within_its_subjects(config["bus"]))
        finally:
            agent.terminate()
            agent.wait(10)
    finally:
        stack.stop()


async def stays_within_its_subjects(bus: dict[str, Any]) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        refused.put_nowait(str(error).lower())

    context = ssl.create_default_context(cafile=bus["tls_ca"])
    context.load_cert_chain(bus["tls_certificate"], bus["tls_key"])
    client = await nats.connect(bus["url"], tls=context, error_cb=on_error, allow_reconnect=False)
    await client.publish("netsonde.topology.another", b"x")
    await client.publish("$KV.captures.x", b"x")
    await client.publish("$KV.hosts.agent.another", b"x")
    await client.publish("$JS.API.STREAM.DELETE.NETSONDE_FLOWS", b"")
    await client.publish("$JS.API.STREAM.CREATE.copy", b"")
    await client.publish("$JS.API.CONSUMER.CREATE.KV_sessions.x", b"")
    await client.publish("$JS.ACK.NETSONDE_FLOWS.recorder.1.1.1.1.0", b"+ACK")
    await client.subscribe("netsonde.flows.*")
    async with asyncio.timeout(10):
        told = [await refused.get() for _ in range(8)]
    assert all("permissions violation" in one for one in told), told
    await client.close()
    # Without a certificate nobody comes in.
    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(
            bus["url"], tls=ssl.create_default_context(cafile=bus["tls_ca"]), allow_reconnect=False, error_cb=on_error
        )
