# SPDX-License-Identifier: Apache-2.0
"""An agent of another host enrols by one command and reports over TLS, and cannot do more than that."""

import asyncio
import json
import os
import ssl
import subprocess
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from netsonde.bus.permissions import inbox_of
from netsonde.cli.main import run
from system.stack import PROGRAM, Stack, free_port

pytestmark = pytest.mark.system


def enrol(stack: Stack, token: str, host: Path) -> dict[str, Any]:
    """Run the one command on another host; returns the configuration that it wrote."""
    env = {"NETSONDE_STATE_DIR": str(host), "NETSONDE_HOST_ID": "second.example"}
    command = [str(PROGRAM), "agent", "enrol", "--url", stack.url, "--token", token]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return tomllib.loads((host / "enrolled/agent.toml").read_text())


def test_an_agent_enrols_by_one_command_and_reports_with_its_own_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "password").write_text("secret\n")
    where = ("--state-dir", str(state))
    password = ("--password-file", str(tmp_path / "password"))
    assert run(("access", "setup", "--name", "localhost", *password, *where)) == 0
    capsys.readouterr()
    assert run(("access", "token", "create", "new", "--role", "enroller", "--uses", "1", *where)) == 0
    token = capsys.readouterr().out.strip()
    port = free_port()
    settings = {"NETSONDE_BUS_LISTEN": f"127.0.0.1:{port}", "NETSONDE_ANALYZER_ALLOWED_HOSTS": "localhost"}
    stack = Stack(state, env=settings).start()
    try:
        # Everybody is admin on loopback; the token of a gate that asks for none is not looked at.
        config = enrol(stack, token, tmp_path / "second")
        assert config["bus"]["url"] == f"tls://localhost:{port}"
        file = str(tmp_path / "second/enrolled/agent.toml")
        command = [str(PROGRAM), "agent", "--config", file, "--set", "probes.enabled=netns"]
        agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            stack.wait(lambda: "second.example" in stack.call("GET", "/api/status")["Agents"], 20, "reporting")
            # Ready again: its topology is in, so calls reach it in its account, and its captures are matched.
            # (The host's nodes are one agent's already.)
            stack.wait(lambda: stack.status_code("/readyz") == 200, 15, "ready with two agents")
            # It hears of a capture without a consumer: only then the capture waits.
            made = stack.call("POST", "/api/capture", {"GremlinQuery": "G.V().Has('Name', 'no such interface')"})
            path = f"/api/capture/{made['UUID']}"
            stack.wait(lambda: stack.call("GET", path)["Status"]["State"] == "waiting", 15, "confirmed by both agents")
            asyncio.run(stays_within_its_subjects(config["bus"]))
            asyncio.run(has_nothing_written_in_other_names(config["bus"], state / "bus", made["UUID"]))
        finally:
            agent.terminate()
            agent.wait(10)
    finally:
        stack.stop()


async def as_agent(bus: dict[str, Any], on_error: Callable[[Exception], Awaitable[None]]) -> Client:
    context = ssl.create_default_context(cafile=bus["tls_ca"])
    context.load_cert_chain(bus["tls_certificate"], bus["tls_key"])
    inbox = inbox_of("agent second.example").encode()
    return await nats.connect(bus["url"], tls=context, error_cb=on_error, allow_reconnect=False, inbox_prefix=inbox)


async def has_nothing_written_in_other_names(bus: dict[str, Any], server: Path, capture: str) -> None:
    """Whatever JetStream answers to an agent that names a key for the answer is not stored at that key."""

    async def on_error(error: Exception) -> None:
        pytest.fail(str(error))

    agent = await as_agent(bus, on_error)
    own = "$KV.hosts.agent.second.example"
    forged = "$KV.captures.forged"
    presence = await agent.request(f"netsonde.store.DIRECT.GET.KV_hosts.{own}", b"")
    assert b"second.example" in presence.data
    await agent.publish(f"netsonde.store.DIRECT.GET.KV_hosts.{own}", b"", reply=forged)
    await agent.publish("netsonde.store.STREAM.INFO.KV_captures", b"", reply=forged)
    await agent.publish("netsonde.store.STREAM.MSG.GET.KV_captures", b'{"seq": 1}', reply=forged)
    await agent.publish(own, presence.data, reply=forged)
    # In order with the others, so they have been answered.
    await agent.request(own, presence.data)
    await agent.close()
    context = ssl.create_default_context(cafile=bus["tls_ca"])
    context.load_cert_chain(server / "server.pem", server / "server.key")
    owner = await nats.connect(bus["url"], tls=context)
    asked = json.dumps({"subjects_filter": ">"}).encode()
    told = json.loads((await owner.request("$JS.API.STREAM.INFO.KV_captures", asked)).data)
    await owner.close()
    assert list(told["state"]["subjects"]) == [f"$KV.captures.{capture}"]


async def stays_within_its_subjects(bus: dict[str, Any]) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        refused.put_nowait(str(error).lower())

    client = await as_agent(bus, on_error)
    # Who else is there, by name and by number; and nothing in the words of its own account's JetStream.
    for word in ("DIRECT.GET.KV_hosts.$KV.hosts.agent.another", "STREAM.MSG.GET.KV_hosts", "STREAM.INFO.KV_hosts"):
        await client.publish(f"netsonde.store.{word}", b"")
    await client.publish("$JS.API.STREAM.MSG.GET.KV_captures", b"")
    await client.publish("netsonde.topology.another", b"x")
    await client.publish("$KV.captures.x", b"x")
    await client.publish("$KV.hosts.agent.another", b"x")
    await client.publish("netsonde.store.STREAM.DELETE.NETSONDE_FLOWS", b"")
    await client.publish("netsonde.store.STREAM.CREATE.copy", b"")
    for bucket in ("sessions", "captures", "capture-status"):
        await client.publish(f"netsonde.store.CONSUMER.CREATE.KV_{bucket}.x", b"")
    await client.publish("netsonde.store.CONSUMER.CREATE.NETSONDE_FLOWS.x", b"")
    await client.publish("netsonde.store.STREAM.MSG.GET.KV_sessions", b"")
    await client.publish("_INBOX.analyzer.x", b"x")
    await client.publish("$JS.ACK.NETSONDE_FLOWS.recorder.1.1.1.1.0", b"+ACK")
    for subject in ("netsonde.flows.*", "$KV.capture-targets.>", "$KV.sessions.>", "_INBOX.>"):
        await client.subscribe(subject)
    async with asyncio.timeout(20):
        told = [await refused.get() for _ in range(20)]
    assert all("permissions violation" in one for one in told), told
    await client.close()
    # Without a certificate nobody comes in.
    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(
            bus["url"], tls=ssl.create_default_context(cafile=bus["tls_ca"]), allow_reconnect=False, error_cb=on_error
        )
