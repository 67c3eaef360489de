# SPDX-License-Identifier: Apache-2.0
"""The query service of the API: plans run on the merged graph, the agents' tables and the history."""

from collections.abc import Mapping

from netsonde.api.services import QueryCheck
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.query import Emptiness, Kind, Limits, Result, Sources, compile_standing, parse, run, why_empty


class QueryService:
    """Parses and runs queries against one set of sources."""

    def __init__(self, sources: Sources, limits: Limits) -> None:
        self._sources = sources
        self._limits = limits

    async def run(self, text: str, bindings: Mapping[str, Json] | None = None) -> Result:
        return await run(parse(text, bindings), self._sources, self._limits)

    def why_empty(self, text: str) -> Emptiness | None:
        return why_empty(parse(text), self._sources.graph, self._limits)

    def check(self, text: str) -> QueryCheck:
        plan = parse(text)
        if plan.kind not in (Kind.NODES, Kind.PATHS):
            return QueryCheck(plan.kind.value, local=False, reason=f"it gives {plan.kind.noun}, not nodes")
        try:
            standing = compile_standing(plan)
        except UserError as refused:
            return QueryCheck(plan.kind.value, local=False, reason=refused.message)
        return QueryCheck(plan.kind.value, local=standing.local, reason=standing.reason)
