# SPDX-License-Identifier: Apache-2.0
"""The HTTP application, put together from one router a resource."""

from typing import cast

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide

from netsonde.api import (
    alert,
    capture,
    check,
    elements,
    enrol,
    flows,
    identity,
    imports,
    inject,
    login,
    node,
    packets,
    pcap_import,
    query,
    rules,
    schema,
    status,
    workflow,
)
from netsonde.api.allow import Allow
from netsonde.api.asgi import App, middleware
from netsonde.api.authorize import declared, guard
from netsonde.api.complete import router_over
from netsonde.api.compress import Gzip
from netsonde.api.connections import Connections
from netsonde.api.errors import respond
from netsonde.api.guard import Guard
from netsonde.api.openapi import openapi_config, openapi_routes
from netsonde.api.page import old_page, page
from netsonde.api.services import Services
from netsonde.api.tls import HSTS
from netsonde.api.websocket.endpoint import websocket_routes

_RESOURCES = (
    identity.router,
    login.router,
    enrol.router,
    query.router,
    schema.router,
    capture.router,
    inject.router,
    packets.router,
    check.router,
    alert.router,
    workflow.router,
    flows.router,
    node.router,
    elements.router,
    imports.router,
    *rules.routers,
    pcap_import.router,
    status.router,
)


def create_app(services: Services) -> Litestar:
    """Return the application; it is inert until served, and closes its subscriptions with its connections.

    Raises LookupError for a route that declares no right.
    """
    connections = Connections()
    settings = services.settings
    app = Litestar(
        route_handlers=[
            *_RESOURCES,
            router_over(services),
            *openapi_routes,
            *websocket_routes(services, connections),
            old_page,
            page,
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "connections": Provide(lambda: connections, sync_to_thread=False),
        },
        middleware=[middleware(Guard, settings=settings), middleware(Gzip), middleware(Allow)],
        guards=[guard(services.gate)],
        exception_handlers={Exception: respond},
        request_max_body_size=settings.max_body,
        cors_config=_cors(settings.allowed_origins),
        openapi_config=openapi_config(),
        response_headers=None if settings.tls_certificate is None else {"Strict-Transport-Security": HSTS},
        logging_config=None,
    )
    declared(app)
    services.inside.bind(cast("App", app))
    return app


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    """Let pages of the allowed origins call us; nobody else's."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "If-Match",
            "X-Auth-Token",
            "X-Requested-With",
            "X-Resource-TTL",
        ],
        allow_credentials=True,
    )
