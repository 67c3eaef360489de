# SPDX-License-Identifier: Apache-2.0
"""Parameters of a WebSocket connection, from headers or from the address."""

from typing import Any

import pytest

from netsonde.api.websocket.handshake import read_handshake
from netsonde.errors import UserError


def scope(query: str = "", **headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"headers": raw, "query_string": query.encode(), "client": ("192.0.2.1", 5555)}


def test_headers_say_who_the_client_is() -> None:
    found = read_handshake(
        scope(X_Client_Type="cli", X_Host_ID="me", X_Update_Policy="Partial", X_Gremlin_Filter="G.V().SubGraph()")
    )
    assert (found.host_id, found.client_type, found.policy) == ("me", "cli", "partial")
    assert found.gremlin_filter == "G.V().SubGraph()"


def test_browsers_say_it_in_the_address() -> None:
    found = read_handshake(scope("x-client-type=webui&x-update-policy=partial&x-websocket-namespace=Graph&x=y"))
    assert (found.client_type, found.policy) == ("webui", "partial")
    assert found.wants("Graph")
    assert not found.wants("Alert")


def test_a_header_beats_the_address() -> None:
    assert read_handshake(scope("x-client-type=a", X_Client_Type="b")).client_type == "b"


def test_the_address_of_the_client_names_it_when_nothing_else_does() -> None:
    assert read_handshake(scope(X_Client_Type="cli")).host_id == "192.0.2.1:5555"


def test_numbers_are_a_wish_that_coming_back_implies() -> None:
    session = "0123456789abcdef" * 2
    assert not read_handshake(scope(X_Client_Type="cli")).numbered
    assert read_handshake(scope(X_Client_Type="cli", X_Sequence="1")).numbered
    back = read_handshake(scope(f"resume={session}:17", X_Client_Type="cli"))
    assert (back.numbered, back.resume) == (True, (session, 17))


@pytest.mark.parametrize("given", ["", "*", "Alert,*"])
def test_everything_is_wanted_without_a_namespace_or_with_a_star(given: str) -> None:
    assert read_handshake(scope(X_Client_Type="cli", X_Websocket_Namespace=given)).wants("Graph")


def test_the_namespace_header_may_be_repeated() -> None:
    repeated = scope("x-websocket-namespace=c&x-websocket-namespace=d", X_Client_Type="cli")
    repeated["headers"] += [(b"x-websocket-namespace", b"a"), (b"X-Websocket-Namespace", b"b")]
    assert read_handshake(repeated).namespaces == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "X-Client-Type is missing"),
        ({"X_Client_Type": "a", "X_Client_Protocol": "xml"}, "'xml' is not spoken"),
        ({"X_Client_Type": "a", "X_Update_Policy": "some"}, "'some' is not known"),
        ({"X_Client_Type": "a", "X_Sequence": "2"}, "X-Sequence '2'"),
        ({"X_Client_Type": "a", "X_Resume": "mine"}, "X-Resume 'mine'"),
        ({"X_Client_Type": "a", "X_Resume": "0" * 32 + ":-1"}, "X-Resume"),
        ({"X_Client_Type": "a", "X_Gremlin_Filter": "G" * 5000}, "has 5000 characters"),
    ],
)
def test_a_wrong_parameter_is_refused(headers: dict[str, str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_handshake(scope(**headers))


def test_a_hostile_address_is_refused() -> None:
    with pytest.raises(UserError, match="not understood"):
        read_handshake(scope("&".join("a=b" for _ in range(1000)), X_Client_Type="a"))
    with pytest.raises(UserError, match="not understood"):
        read_handshake(scope("x-client-type=%ff"))
