# SPDX-License-Identifier: Apache-2.0
"""What a filter lets clients see: followed event by event for all who have it, or asked anew for one of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from netsonde.api.services import FollowedFilter, GraphView
from netsonde.api.websocket.delta import Messages
from netsonde.errors import UserError
from netsonde.graph.events import Event
from netsonde.model.elements import Edge, Element
from netsonde.query import Delta, Difference

if TYPE_CHECKING:
    from netsonde.api.websocket.hub import Client

Key = tuple[bool, str]
"""Whether it is an edge, and its id: nodes and edges may share one."""


class Followed:
    """A filter whose changes follow from the graph's; evaluated and encoded once for all clients that have it."""

    def __init__(self, text: str, view: FollowedFilter) -> None:
        self.text = text
        self.clients: set[Client] = set()
        self.ready = False
        """Whether it is filled; nothing is told before."""
        self._view = view
        self._filling = view.fill()
        self._refused: UserError | None = None

    def fill(self) -> None:
        """Fill it by one portion; whoever waits for it does. Raises UserError when it costs too much."""
        if self._refused is None:
            try:
                self.ready = next(self._filling, self) is self
            except UserError as refused:
                self._refused = refused
        if self._refused is not None:
            raise UserError(self._refused.message, hint=self._refused.hint)

    def elements(self) -> Iterable[Element]:
        """Return what is shown now, nodes first."""
        return self._view.elements()

    def changed(self, events: Sequence[Event]) -> None:
        """Tell all clients what became different."""
        deltas = self._view.update(events)
        if deltas and self.ready:
            messages = Messages(deltas)
            for client in self.clients:
                client.tell_graph(messages)


class Asked:
    """A filter asked anew for one client; between two answers, updates of what is shown pass through."""

    def __init__(self, text: str, concerns: Callable[[Event], bool]) -> None:
        self.text = text
        self.stale = True
        """Whether asking may give something else than what is shown."""
        self.failing = False
        """Whether the client was told that the last attempt failed."""
        self._concerns = concerns
        self._shown: dict[Key, Element] | None = None
        """None = nothing was shown yet: the first answer is where differences begin."""
        self._meanwhile: set[Key] | None = None
        """What changed while an answer is awaited; it may show an earlier state."""

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited."""
        return self._meanwhile is not None

    def elements(self) -> Iterable[Element]:
        """Return what is shown now, nodes first."""
        return (self._shown or {}).values()

    def notice(self, events: Sequence[Event]) -> list[Delta]:
        """Note whether to ask again; return the updates of what is shown that asking would only repeat."""
        self.stale = self.stale or any(map(self._concerns, events))
        if self._meanwhile is not None:
            self._meanwhile.update(_key(event.element) for event in events)
            return []
        passed = Difference()
        for event in events:
            key = _key(event.element)
            before = None if self._shown is None else self._shown.get(key)
            # A moved edge, and what is gone, are for the next answer, which also knows their surroundings.
            if self._shown is None or before is None or event.kind == "deleted" or self._concerns(event):
                continue
            self._shown[key] = event.element
            passed.note(before, event.element, {})
        return passed.ordered()

    def begin(self) -> None:
        """Note that the question is being put."""
        self.stale = False
        self._meanwhile = set()

    def failed(self) -> None:
        """Note that there was no answer, or that nobody waits for it any more."""
        self._meanwhile = None
        self.stale = True

    def answered(self, graph: GraphView) -> list[Delta]:
        """Show the answer; return what became different."""
        now: dict[Key, Element] = {_key(node): node for node in graph.nodes()}
        now.update((_key(edge), edge) for edge in graph.edges())
        if self._meanwhile and not self._meanwhile.isdisjoint(now):
            self.stale = True
        self._meanwhile = None
        before, self._shown = self._shown, now
        if before is None:
            return []
        difference = Difference()
        for key, element in before.items():
            if key not in now:
                difference.note(element, None, {})
        for key, element in now.items():
            difference.note(before.get(key), element, {})
        return difference.ordered()


View: TypeAlias = Followed | Asked


def _key(element: Element) -> Key:
    return isinstance(element, Edge), element.id
