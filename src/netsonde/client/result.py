# SPDX-License-Identifier: Apache-2.0
"""The answer to a query in the form that is wanted: plain data, structs, Arrow, pandas, networkx."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from netsonde.client.answers import Topology, WireTopology
from netsonde.client.call import Answer, as_json
from netsonde.model.elements import Edge, Node
from netsonde.model.flow_record import Flow

if TYPE_CHECKING:
    import networkx
    import pandas
    import pyarrow

T = TypeVar("T")


class Result:
    """What a query gave. Nothing is decoded before a form is asked for."""

    def __init__(self, answer: Answer, text: str = "", kind: str = "") -> None:
        self.answer = answer
        self.text = text
        self.kind = kind
        """What the query gives, as the planner names it; "" when the query was given as text."""

    @property
    def missing_hosts(self) -> tuple[str, ...]:
        """Hosts that did not answer in time, whose flows are therefore missing."""
        return self.answer.missing_hosts

    @property
    def truncated(self) -> bool:
        return self.answer.truncated

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why something is missing, where the server knows, such as a bridge that could not be asked."""
        return self.answer.reasons

    @cached_property
    def data(self) -> Any:
        """Plain data as JSON gives it; None for an empty query."""
        return msgspec.json.decode(self.answer.body) if self.answer.body else None

    def as_type(self, into: type[T]) -> T:
        """Return the answer as any type that msgspec decodes; raises UserError when it is something else."""
        return as_json(into)(self.answer)

    def nodes(self) -> list[Node]:
        return self.as_type(list[Node])

    def edges(self) -> list[Edge]:
        return self.as_type(list[Edge])

    def flows(self) -> list[Flow]:
        return self.as_type(list[Flow])

    def paths(self) -> list[list[Node]]:
        return self.as_type(list[list[Node]])

    def topology(self) -> Topology:
        """Return the graph of a query such as G, G.At(…) or ….SubGraph()."""
        found = self.as_type(list[WireTopology])
        return found[0].whole() if found else Topology()

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat object a row: nested members under dotted names, as queries address them."""
        from netsonde.client.frames import rows

        return rows(self.data)

    def arrow(self) -> "pyarrow.Table":
        """Return the rows as an Arrow table."""
        from netsonde.client.frames import arrow

        return arrow(self.data)

    def pandas(self) -> "pandas.DataFrame":
        """Return the rows as a DataFrame; needs pandas."""
        from netsonde.client.frames import data_frame

        return data_frame(self.data)

    def networkx(self) -> "networkx.MultiDiGraph[str]":
        """Return a graph as networkx has it; needs networkx."""
        from netsonde.client.frames import network

        return network(self.topology())
