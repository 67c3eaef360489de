# SPDX-License-Identifier: Apache-2.0
"""Expressions in JavaScript, run in an isolate; they may ask queries, and nothing else.

A script of the reference could create captures while it was evaluated; an alert has actions for what is to be done.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from netsonde.alerts.stores import Queries
from netsonde.errors import SourceLost, UserError
from netsonde.model.elements import Json
from netsonde.observe import logger
from netsonde.query import Result
from netsonde.scripts.host import Answer
from netsonde.scripts.limits import ScriptFailed, ScriptLimits
from netsonde.scripts.pool import Scripts

log = logger("alerts")

_OWNER: Final = "alerts"
_LIMITS: Final = ScriptLimits(seconds=5.0, memory_mib=64, log_lines=20, log_bytes=8192, requests=20)
_ASK: Final = ("POST", "/api/topology")


class Question(msgspec.Struct, frozen=True):
    """Body of a query."""

    query: str = msgspec.field(name="GremlinQuery")


class AlertScripts:
    """Implements `stores.Scripts`."""

    def __init__(self, pool: Scripts, queries: Queries) -> None:
        self._pool = pool
        self._host = QueryHost(queries)

    async def check(self, expression: str) -> None:
        """Read an expression without running it; raises UserError."""
        try:
            await self._pool.check(f"function () {{\n{expression}\n}}")
        except ScriptFailed as wrong:
            raise UserError(
                f"Expression is neither a query nor JavaScript: {wrong.message}",
                hint="a query begins with G, such as G.V().Has('State', 'DOWN')",
            ) from wrong

    async def evaluate(self, expression: str) -> Json:
        return await self._pool.evaluate(expression, {}, host=self._host, limits=_LIMITS, owner=_OWNER)


class QueryHost:
    """Answers `Gremlin("…")` of a script."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        if (method, path) != _ASK:
            return Answer(403, 'an alert may only ask queries: Gremlin("G.V()…"); actions say what is to be done')
        try:
            question = msgspec.json.decode(body, type=Question)
            found = await self._queries.answer(question.query, None, _text, client=_OWNER, packets=False)
        except (msgspec.DecodeError, UserError) as wrong:
            return Answer(400, wrong.explain() if isinstance(wrong, UserError) else str(wrong))
        except (SourceLost, TimeoutError) as away:
            return Answer(503, str(away) or "the query took too long")
        return Answer(200, found)

    def log(self, line: str) -> None:
        log.info("an alert says", line=line)

    def progress(self, fraction: float, text: str) -> None:
        """Expressions have no progress."""


def _text(result: Result, look: Callable[[], None]) -> str:
    return result.json(look).decode()
