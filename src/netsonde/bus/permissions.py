# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus, in the words of nats-server: its own subjects, and reading definitions."""

from collections.abc import Iterable
from typing import Any, Final

from netsonde.bus.subjects import PREFIX, STREAMS, token

_NEVER: Final = ("$JS.API.STREAM.DELETE.>", "$JS.API.STREAM.PURGE.>", "$JS.API.STREAM.UPDATE.>")
"""What would take other hosts' reports and everybody's definitions away."""


def inbox_of(name: str) -> str:
    """Return where the answers to a client of this name go: others may not listen there."""
    return f"_INBOX.{token(name)}"


def agent_permissions(host: str) -> dict[str, Any]:
    """Return what the agent of a host may publish and subscribe to."""
    own = token(host)
    reports = [f"{PREFIX}.{kind}.{own}" for kind in STREAMS]
    states = ["$KV.hosts.>", "$KV.capture-status.>"]
    return {
        # It answers questions, so it may write to any inbox, and read its own only.
        "publish": {"allow": [*reports, *states, "_INBOX.>", "$JS.API.>", "$JS.ACK.>"], "deny": [*_NEVER]},
        "subscribe": {"allow": [f"{PREFIX}.agent.{own}.*", f"{inbox_of(f'agent {host}')}.>"]},
    }


def users(server: str, agents: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the users of a bus: subject names of certificates, the server's with every right."""
    known = [{"user": subject, "permissions": agent_permissions(host)} for subject, host in agents]
    return [{"user": server}, *known]
