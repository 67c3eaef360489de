# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus, in the words of nats-server: its own subjects, and reading definitions."""

from collections.abc import Iterable
from typing import Any, Final

from netsonde.bus.subjects import PREFIX, STREAMS, key_token, token

_READ: Final = ("captures", "capture-targets", "capture-status")
"""Buckets that an agent follows."""


def inbox_of(name: str) -> str:
    """Return where the answers to a client of this name go: others may not listen there."""
    return f"_INBOX.{token(name)}"


def agent_permissions(host: str) -> dict[str, Any]:
    """Return what the agent of a host may publish and subscribe to."""
    own, key = token(host), key_token(host)
    reports = [f"{PREFIX}.{kind}.{own}" for kind in STREAMS]
    states = [f"$KV.hosts.agent.{key}", f"$KV.capture-status.*.{key}"]
    return {
        # It answers questions, so it may write to any inbox, and read its own only.
        "publish": {"allow": [*reports, *states, "_INBOX.>", *_of_jetstream()]},
        "subscribe": {"allow": [f"{PREFIX}.agent.{own}.*", f"{inbox_of(f'agent {host}')}.>"]},
    }


def _of_jetstream() -> Iterable[str]:
    """Yield what an agent may ask of JetStream. Streams are the analyzer's to make; nothing else can be read."""
    for plan in STREAMS.values():
        yield f"$JS.API.STREAM.INFO.{plan.name}"
    for bucket in ("hosts", *_READ):
        yield f"$JS.API.STREAM.INFO.KV_{bucket}"
        yield f"$JS.API.STREAM.MSG.GET.KV_{bucket}"
    for bucket in _READ:
        yield f"$JS.API.CONSUMER.CREATE.KV_{bucket}.>"
        # Answers to the server's flow control: a reader that may not give them is stalled.
        yield f"$JS.FC.KV_{bucket}.>"


def users(server: str, agents: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the users of a bus: subject names of certificates, the server's with every right."""
    known = [{"user": subject, "permissions": agent_permissions(host)} for subject, host in agents]
    return [{"user": server}, *known]
