# SPDX-License-Identifier: Apache-2.0
"""The query language: text to plan, plan to result, once or standing. No I/O of its own; sources are Protocols."""

from netsonde.query.emptiness import Emptiness, why_empty
from netsonde.query.errors import Busy, LimitReached, NotAllowed, QueryError
from netsonde.query.executor import evaluate, run
from netsonde.query.graph_view import Delta, Difference, FollowedView, compile_view
from netsonde.query.interest import interest_of
from netsonde.query.kinds import Kind
from netsonde.query.plan import Plan, parse
from netsonde.query.render_dot import render_dot
from netsonde.query.result import Result
from netsonde.query.sources import (
    FlowSource,
    HistorySource,
    Limits,
    MetricSource,
    PacketSource,
    Sources,
    Wanted,
)
from netsonde.query.standing import Matcher, StandingQuery, compile_standing

__all__ = [
    "Busy",
    "Delta",
    "Difference",
    "Emptiness",
    "FlowSource",
    "FollowedView",
    "HistorySource",
    "Kind",
    "LimitReached",
    "Limits",
    "Matcher",
    "MetricSource",
    "NotAllowed",
    "PacketSource",
    "Plan",
    "QueryError",
    "Result",
    "Sources",
    "StandingQuery",
    "Wanted",
    "compile_standing",
    "compile_view",
    "evaluate",
    "interest_of",
    "parse",
    "render_dot",
    "run",
    "why_empty",
]
