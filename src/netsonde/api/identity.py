# SPDX-License-Identifier: Apache-2.0
"""Who answers, and whether it works: /api, /login, /healthz, /readyz, /metrics, /api/config."""

import base64

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath

from netsonde import __version__
from netsonde.api.requests import AnyRequest, ServicesDep, json_response

_RIGHTS = (
    *(
        (name, action)
        for name in ("alert", "capture", "injectpacket", "node", "edge", "noderule", "edgerule")
        for action in ("read", "write")
    ),
    *((name, "read") for name in ("config", "status", "topology")),
    ("capture", "rawpackets"),
    ("pcap", "write"),
    ("websocket", "/ws/subscriber"),
    ("websocket", "/ws/subscriber/flow"),
    ("websocket", "/ws/publisher"),
    ("websocket", "/ws/pubsub"),
)


class Identity(msgspec.Struct, frozen=True, rename="pascal"):
    """Who answers."""

    host: str
    version: str
    service: str


class Right(msgspec.Struct, frozen=True, rename="pascal"):
    """One thing that the user may or may not do."""

    object: str
    action: str
    allowed: bool


class Login(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to a login; the token is "" as long as nobody has to log in."""

    token: str
    permissions: list[Right]


class Ready(msgspec.Struct, frozen=True, rename="pascal"):
    """Whether captures can be created and the topology is in, and what is missing otherwise."""

    ready: bool
    missing: list[str]


@get("/api", operation_id="getApi", summary="Who answers")
async def identity(services: ServicesDep) -> Identity:
    return Identity(services.host, __version__, "analyzer")


@post(
    "/login",
    operation_id="login",
    summary="Log in; nobody has to while the server listens on loopback",
    status_code=200,
)
async def login(request: AnyRequest) -> Response[bytes]:
    """Old clients log in whenever they are given a user name, and read the rights from a cookie."""
    await request.body()
    rights = [Right(name, action, allowed=True) for name, action in _RIGHTS]
    cookie = base64.b64encode(msgspec.json.encode(rights)).decode()
    # By hand, since Litestar would put the value in quotes, which scripts of old pages do not expect.
    return json_response(Login("", rights), headers={"Set-Cookie": f"permissions={cookie}; Path=/; SameSite=Lax"})


@get("/healthz", operation_id="getHealth", summary="200 while the process runs", media_type="text/plain")
async def health() -> str:
    return "ok\n"


@get("/readyz", operation_id="getReady", summary="200 once captures can be created and the topology is in")
async def ready(services: ServicesDep) -> Response[bytes]:
    missing = list(services.status.not_ready())
    return json_response(Ready(not missing, missing), status=503 if missing else 200)


@get("/metrics", operation_id="getMetrics", summary="Metrics of this process in Prometheus' text format")
async def metrics(services: ServicesDep) -> Response[bytes]:
    return Response(content=services.status.metrics(), media_type="text/plain; version=0.0.4")


@get("/api/config/{key:path}", operation_id="getConfig", summary="One setting, or a table of them; no secrets")
async def config(services: ServicesDep, key: FromPath[str]) -> Response[bytes]:
    return json_response(services.status.setting(key.strip("/").replace("/", ".").lower()))


router = Router("/", route_handlers=[identity, login, health, ready, metrics, config], tags=["server"])
