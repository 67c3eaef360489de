# SPDX-License-Identifier: Apache-2.0
"""State of the installation: /api/status, in the reference's shape with ours beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from netsonde import __version__
from netsonde.access.rights import STATUS_READ
from netsonde.api.connections import Connection, Connections, Resumption
from netsonde.api.requests import ServicesDep, json_response
from netsonde.api.services import Services
from netsonde.model.presence import ComponentHealth, Presence

_PUBLISHING = ("/ws/publisher", "/ws/pubsub")

ConnectionsDep = NamedDependency[SkipValidation[Connections]]


class Component(msgspec.Struct, frozen=True, rename="pascal"):
    """A part of a process: `Status` is the reference's word, `State` ours with its reason."""

    status: str
    state: str
    reason: str
    since: int
    counters: dict[str, int]


class Ability(msgspec.Struct, frozen=True, rename="pascal"):
    """One thing that an agent can or cannot do on its host, and what it is needed for."""

    name: str
    able: bool
    reason: str
    purpose: str


class Process(msgspec.Struct, frozen=True, rename="pascal"):
    """One agent or analyzer."""

    service: str
    host: str
    version: str
    pid: int
    started: int
    address: str
    probes: dict[str, Component]
    kernel: str
    clock_ahead: int | None
    """Milliseconds that its clock is ahead of this analyzer's, negative = behind; null = not known yet."""
    abilities: list[Ability]


class StatusAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """The whole state; the members up to Probes are the reference's."""

    agents: dict[str, Connection]
    peers: dict[str, dict[str, Connection]]
    publishers: dict[str, Connection]
    subscribers: dict[str, Connection]
    alerts: dict[str, bool]
    captures: dict[str, bool]
    probes: dict[str, Component]
    host: str
    version: str
    ready: bool
    missing: list[str]
    processes: list[Process]
    capture_states: dict[str, int]
    resumption: Resumption


@get(
    "/api/status",
    right=STATUS_READ,
    operation_id="getStatus",
    summary="Agents, analyzers, clients, and the state of every part",
)
async def get_status(services: ServicesDep, connections: ConnectionsDep) -> Response[bytes]:
    return json_response(status_of(services, connections))


def status_of(services: Services, connections: Connections) -> StatusAnswer:
    presences = services.status.presences()
    missing = list(services.status.not_ready())
    master = services.status.is_captures_master()
    states: dict[str, int] = {}
    for view in services.captures.views():
        state = view.status.state if view.status else "waiting"
        states[state] = states.get(state, 0) + 1
    return StatusAnswer(
        agents={one.host: _connection(one) for one in presences if one.service == "agent"},
        peers={"Incomers": _peers(services, presences), "Outgoers": {}},
        publishers={name: one for name, one in connections.all() if one.endpoint in _PUBLISHING},
        subscribers={name: one for name, one in connections.all() if one.endpoint != "/ws/publisher"},
        alerts={"IsMaster": master},
        captures={"IsMaster": master},
        probes={part.name: _component(part) for part in services.status.components()},
        host=services.host,
        version=__version__,
        ready=not missing,
        missing=missing,
        processes=[_process(one, services.status.clock_ahead_ms(one)) for one in presences],
        capture_states=states,
        resumption=connections.resumption,
    )


def _peers(services: Services, presences: Sequence[Presence]) -> dict[str, Connection]:
    return {one.host: _connection(one) for one in presences if one.service == "analyzer" and one.host != services.host}


def _connection(one: Presence) -> Connection:
    host, _, port = one.address.rpartition(":")
    return Connection(
        service_type=one.service,
        client_protocol="json",
        address=host,
        port=int(port) if port.isdigit() else 0,
        connect_time=datetime.fromtimestamp(one.started_ms / 1000, UTC).isoformat(),
    )


def _process(one: Presence, clock_ahead_ms: int | None) -> Process:
    return Process(
        service=one.service,
        host=one.host,
        version=one.version,
        pid=one.pid,
        started=one.started_ms,
        address=one.address,
        probes={part.name: _component(part) for part in one.components},
        kernel=one.kernel,
        clock_ahead=clock_ahead_ms,
        abilities=[Ability(able.name, able.ok, able.reason, able.purpose) for able in one.abilities],
    )


def _component(part: ComponentHealth) -> Component:
    return Component(part.state, part.state, part.reason, part.since_ms, part.counters)


router = Router("/", route_handlers=[get_status], tags=["server"])
