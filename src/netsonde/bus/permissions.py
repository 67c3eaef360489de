# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus, in the words of nats-server: an account of its own, and what that imports.

Any request names where its answer goes, and JetStream does not ask whether who asks may publish there. In an account of
its own the answer goes to nobody but the agent itself. What it imports is: its host's reports and states, definitions,
what is stored under its own keys, and calls to it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from netsonde.bus.subjects import PREFIX, STORE, STREAMS, key_token, token

AGENT: Final = "agent "
"""Before the host in the name under which an agent connects."""
SERVER_ACCOUNT: Final = "NETSONDE"
"""Has the streams, and everybody but agents with a certificate."""
_ANSWERS: Final = {"max": -1, "expires": "24h"}
"""An answer has as many parts as it has, and may go on for a day: then whoever asked asks again."""
_API: Final = "$JS.API"
MAPPINGS: Final = {f"{STORE}.>": f"{_API}.>"}
"""Of the account of the streams: the agent beside the server has its certificate, and asks like all agents."""
_READ: Final = ("captures", "capture-targets", "capture-status")
"""Buckets that an agent reads by number, so as a whole."""
_OWN: Final = ("hosts", "capture-status")
"""Buckets of whose entries an agent may look at its own by key."""


def inbox_of(name: str) -> str:
    """Return where the answers to a client of this name go: others may not listen there."""
    return f"_INBOX.{token(name)}"


def account_of(host: str) -> str:
    """Return the name of the account of a host's agent."""
    return f"AGENT-{token(host)}"


def accounts(server: str, agents: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the accounts of a bus. `server` and `agents`, with their hosts, are subject names of certificates."""
    known = list(agents)
    return {
        SERVER_ACCOUNT: {**server_account([host for _, host in known]), "users": [{"user": server}]},
        **{account_of(host): agent_account(subject, host) for subject, host in known},
    }


def server_account(hosts: Iterable[str]) -> dict[str, Any]:
    """Return the account of the streams, without its users; it imports the calls of all agents."""
    services = [
        *(plan.subjects for plan in STREAMS.values()),
        *(f"$KV.{bucket}.>" for bucket in _OWN),
        *(f"{_API}.{verb}.KV_{bucket}" for bucket in _READ for verb in ("STREAM.INFO", "STREAM.MSG.GET")),
        *(f"{_API}.DIRECT.GET.KV_{bucket}.>" for bucket in _OWN),
    ]
    return {
        "jetstream": "enabled",
        "exports": [
            *({"service": subject} for subject in services),
            *({"stream": f"$KV.{bucket}.>"} for bucket in _READ),
        ],
        "imports": [{"service": {"account": account_of(host), "subject": _calls(host)}} for host in hosts],
        "mappings": MAPPINGS,
    }


def agent_account(subject: str, host: str) -> dict[str, Any]:
    """Return the account of the agent of a host, which shows a certificate of this subject."""
    return {
        "users": [{"user": subject, "permissions": agent_permissions(host)}],
        "exports": [{"service": _calls(host), "response_type": "stream"}],
        "imports": [
            *(_import("service", remote, local) for local, remote in _services(host)),
            *(_import("stream", heard, heard) for heard in _followed(host)),
        ],
    }


def agent_permissions(host: str) -> dict[str, Any]:
    """Return what the agent of a host may publish and subscribe to in its account.

    It answers those who asked it, and nobody else. It makes no consumers: see `heard.py`.
    """
    return {
        "publish": {"allow": [local for local, _ in _services(host)]},
        "subscribe": {"allow": [_calls(host), f"{inbox_of(AGENT + host)}.>", *_followed(host)]},
        "allow_responses": _ANSWERS,
    }


def _calls(host: str) -> str:
    return f"{PREFIX}.agent.{token(host)}.*"


def _followed(host: str) -> list[str]:
    """Return what an agent hears: all definitions, and of targets and statuses its own."""
    key = key_token(host)
    return ["$KV.captures.>", f"$KV.capture-targets.*.{key}", f"$KV.capture-status.*.{key}"]


def _services(host: str) -> Iterator[tuple[str, str]]:
    """Yield the subjects that an agent publishes to, as they are called in its account and where they lead."""
    key = key_token(host)
    states = {"hosts": f"$KV.hosts.agent.{key}", "capture-status": f"$KV.capture-status.*.{key}"}
    for subject in (*(f"{PREFIX}.{kind}.{token(host)}" for kind in STREAMS), *states.values()):
        yield subject, subject
    words = [f"{verb}.KV_{bucket}" for bucket in _READ for verb in ("STREAM.INFO", "STREAM.MSG.GET")]
    words += [f"DIRECT.GET.KV_{bucket}.{states[bucket]}" for bucket in _OWN]
    for word in words:
        # Each account has an API of its own under the usual name, which would answer as well.
        yield f"{STORE}.{word}", f"{_API}.{word}"


def _import(kind: str, remote: str, local: str) -> dict[str, Any]:
    renamed = {"to": local} if local != remote else {}
    return {kind: {"account": SERVER_ACCOUNT, "subject": remote}, **renamed}
