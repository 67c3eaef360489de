# SPDX-License-Identifier: Apache-2.0
"""Filters of subscriptions on the merged graph: compiled once, then followed, or asked anew when they cannot be."""

from collections.abc import Callable

from netsonde.graph.events import Event
from netsonde.graph.reader import GraphReader
from netsonde.query import FollowedView, compile_view, interest_of, parse


class FilterService:
    """Implements `Filters` of the API."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph

    def whole(self, text: str) -> bool:
        shape = compile_view(parse(text))
        return shape is not None and shape.whole

    def follow(self, text: str) -> FollowedView | None:
        shape = compile_view(parse(text))
        return None if shape is None else FollowedView(shape, self._graph)

    def interest(self, text: str) -> Callable[[Event], bool]:
        return interest_of(parse(text))
