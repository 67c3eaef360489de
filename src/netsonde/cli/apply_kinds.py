# SPDX-License-Identifier: Apache-2.0
"""The kinds of objects that `netsonde apply` knows: where each lives, its members, how a server checks one first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from netsonde.cli.client import Client
from netsonde.model.alerts import Alert, AlertView
from netsonde.model.captures import Capture, CaptureView
from netsonde.model.checks import Check, CheckView
from netsonde.model.elements import Json
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView
from netsonde.model.workflows import Workflow, WorkflowView

Members: TypeAlias = Mapping[str, Json]
"""Members of an object by their names on the wire."""

_SERVER_SET: Final = frozenset({"UUID", "CreatedAt", "CreatedBy", "CreateTime", "ExpiresAt", "RunAt", "Owner"})
WORKED_OUT: Final = ("Language", "LayerKeyMode")
"""Members that the server works out when they are empty: then a file says nothing of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    name: str
    path: str
    definition: type[msgspec.Struct]
    view: type[msgspec.Struct]
    check: "Callable[[Kind, Client, Members], None]"
    """Ask the server whether an object is right, as far as it can tell without storing it; raises UserError."""

    @property
    def computed(self) -> frozenset[str]:
        """Members that the server writes; files may have them, as what `get` prints does, and they say nothing."""
        return _SERVER_SET | (_names(self.view) - _names(self.definition))

    def defined(self, served: Mapping[str, Any]) -> dict[str, Json]:
        """Return of an object, as it is served, what users define, in the order of the definition."""
        fields = (field.encode_name for field in msgspec.structs.fields(self.definition))
        return {name: served[name] for name in fields if name in served and name not in _SERVER_SET}


def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct))


def _preview_query(kind: Kind, client: Client, members: Members) -> None:
    client.post(f"{kind.path}/preview", {"GremlinQuery": members.get("GremlinQuery", "")}, object)


def _preview_rule(kind: Kind, client: Client, members: Members) -> None:
    client.post(f"{kind.path}/preview", members, object)


def _read_query(kind: Kind, client: Client, members: Members) -> None:
    client.kind_of(str(members.get("GremlinQuery", "")))


def _read_expressions(kind: Kind, client: Client, members: Members) -> None:
    language = members.get("Language", "")
    for text in (str(members.get(name, "")) for name in ("Expression", "Hold")):
        if text and (language == "gremlin" or (not language and text.lstrip().startswith("G."))):
            client.kind_of(text)


def _nothing(kind: Kind, client: Client, members: Members) -> None:
    """The server reads the source of a workflow only to store it."""


KINDS: Final = (
    Kind("NodeRule", "/api/noderule", NodeRule, NodeRuleView, _preview_rule),
    Kind("EdgeRule", "/api/edgerule", EdgeRule, EdgeRuleView, _preview_rule),
    Kind("Workflow", "/api/workflow", Workflow, WorkflowView, _nothing),
    Kind("Capture", "/api/capture", Capture, CaptureView, _preview_query),
    Kind("Check", "/api/check", Check, CheckView, _read_query),
    Kind("Alert", "/api/alert", Alert, AlertView, _read_expressions),
)
"""In the order in which they are made, since actions of checks and alerts name workflows; deleted in the other."""
