# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus, in the words of nats-server: its own subjects, and reading definitions."""

from collections.abc import Iterable
from typing import Any, Final

from netsonde.bus.subjects import PREFIX, STREAMS, key_token, token

AGENT: Final = "agent "
"""Before the host in the name under which an agent connects."""
_ANSWERS: Final = {"max": -1, "expires": "24h"}
"""An answer has as many parts as it has, and may go on for a day: then whoever asked asks again."""


def inbox_of(name: str) -> str:
    """Return where the answers to a client of this name go: others may not listen there."""
    return f"_INBOX.{token(name)}"


def agent_permissions(host: str) -> dict[str, Any]:
    """Return what the agent of a host may publish and subscribe to.

    It answers those who asked it, and nobody else. It makes no consumers: see `heard.py`. It hears all definitions, and
    of targets and statuses its own.
    """
    own, key = token(host), key_token(host)
    reports = [f"{PREFIX}.{kind}.{own}" for kind in STREAMS]
    states = [f"$KV.hosts.agent.{key}", f"$KV.capture-status.*.{key}"]
    followed = ["$KV.captures.>", f"$KV.capture-targets.*.{key}", f"$KV.capture-status.*.{key}"]
    return {
        "publish": {"allow": [*reports, *states, *_of_jetstream()]},
        "subscribe": {"allow": [f"{PREFIX}.agent.{own}.*", f"{inbox_of(AGENT + host)}.>", *followed]},
        "allow_responses": _ANSWERS,
    }


def _of_jetstream() -> Iterable[str]:
    """Yield what an agent may ask of JetStream: what is stored. Streams are the analyzer's to make."""
    for plan in STREAMS.values():
        yield f"$JS.API.STREAM.INFO.{plan.name}"
    for bucket in ("hosts", "captures", "capture-targets", "capture-status"):
        yield f"$JS.API.STREAM.INFO.KV_{bucket}"
        yield f"$JS.API.STREAM.MSG.GET.KV_{bucket}"


def users(server: str, agents: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the users of a bus: subject names of certificates, the server's with every right."""
    known = [{"user": subject, "permissions": agent_permissions(host)} for subject, host in agents]
    return [{"user": server}, *known]
