# SPDX-License-Identifier: Apache-2.0
"""Enrolment of agents: /api/enrol. A key stays on its host; what is signed is a request for it."""

import msgspec
from litestar import Response, Router, post

from netsonde.access.rights import AGENT_ENROL
from netsonde.api.authorize import principal_of, who
from netsonde.api.bodies import convert, decode
from netsonde.api.credentials import credentials_of
from netsonde.api.requests import AnyRequest, ServicesDep, json_response, scope_of
from netsonde.errors import Conflict, Unsupported
from netsonde.observe import logger

log = logger("access")


class EnrolRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """The host's name in the graph, and a request for a certificate (PKCS #10, PEM, P-256)."""

    host: str
    request: str


class EnrolAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """The certificate, those that it and the bus are signed by (PEM), and the address of the bus."""

    certificate: str
    authority: str
    bus_url: str


@post("/enrol", right=AGENT_ENROL, operation_id="enrolAgent", summary="Certificate of an agent", status_code=200)
async def enrol(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    asked = convert(decode(await request.body()), EnrolRequest)
    gate, bus_url = services.gate, services.settings.agents_bus
    if not bus_url:
        raise Unsupported(
            "agents of other hosts cannot enrol here: the bus is not shared",
            hint="set bus.listen for `netsonde allinone`, or analyzer.agents_bus to the address of your own NATS",
        )
    if asked.host == services.host:
        raise Conflict(
            f"the host {asked.host} is the analyzer's own, whose agent is on the bus already",
            hint="set host_id on the other host to a name of its own",
        )
    scope = scope_of(request)
    token = gate.token_of(credentials_of(scope)) if principal_of(scope).backend == "token" else None

    def used() -> None:
        if token is not None:
            gate.tokens.use(token.id)

    found = await gate.agents.enrol(asked.request.encode(), asked.host, bus_url, used)
    log.info("an agent has enrolled", host=asked.host, by=who(scope))
    return json_response(EnrolAnswer(found.certificate, found.authority, found.bus_url))


router = Router("/api", route_handlers=[enrol], tags=["access"])
