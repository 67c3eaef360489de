# SPDX-License-Identifier: Apache-2.0
"""Who answers, and whether it works: /api, /healthz, /readyz, /metrics, /api/config."""

import msgspec
from litestar import Response, Router, get
from litestar.params import FromPath

from netsonde import __version__
from netsonde.access.rights import CONFIG_READ, PUBLIC, STATUS_READ
from netsonde.api.requests import ServicesDep, json_response


class Identity(msgspec.Struct, frozen=True, rename="pascal"):
    """Who answers."""

    host: str
    version: str
    service: str


class Ready(msgspec.Struct, frozen=True, rename="pascal"):
    """Whether captures can be created and the topology is in, and what is missing otherwise."""

    ready: bool
    missing: list[str]


@get("/api", right=STATUS_READ, operation_id="getApi", summary="Who answers")
async def identity(services: ServicesDep) -> Identity:
    return Identity(services.host, __version__, "analyzer")


@get("/healthz", right=PUBLIC, operation_id="getHealth", summary="200 while the process runs", media_type="text/plain")
async def health() -> str:
    return "ok\n"


@get(
    "/readyz", right=PUBLIC, operation_id="getReady", summary="200 once captures can be created and the topology is in"
)
async def ready(services: ServicesDep) -> Response[bytes]:
    missing = list(services.status.not_ready())
    return json_response(Ready(not missing, missing), status=503 if missing else 200)


@get(
    "/metrics",
    right=STATUS_READ,
    operation_id="getMetrics",
    summary="Metrics of this process in Prometheus' text format",
)
async def metrics(services: ServicesDep) -> Response[bytes]:
    return Response(content=services.status.metrics(), media_type="text/plain; version=0.0.4")


@get(
    "/api/config/{key:path}",
    right=CONFIG_READ,
    operation_id="getConfig",
    summary="One setting, or a table of them; no secrets",
)
async def config(services: ServicesDep, key: FromPath[str]) -> Response[bytes]:
    return json_response(services.status.setting(key.strip("/").replace("/", ".").lower()))


router = Router("/", route_handlers=[identity, health, ready, metrics, config], tags=["server"])
