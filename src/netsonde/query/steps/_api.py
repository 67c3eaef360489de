# SPDX-License-Identifier: Apache-2.0
"""What a step is: a builder that checks a call's arguments and returns an immutable operation.

To add a step: write its builder and operation in a family's file here, and one line in `_registry.py`; the recipe is
docs/howto/add-a-step.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netsonde.query.errors import QueryError
from netsonde.query.kinds import Kind
from netsonde.query.steps._operation import EVERYTHING, AnyStep, Effect, Fetch, Operation
from netsonde.query.steps._traversal import Composite, PlannedStep, Traversal, Traversers
from netsonde.query.syntax import Argument, Call

__all__ = [
    "EVERYTHING",
    "AnyStep",
    "Building",
    "Composite",
    "Effect",
    "Fetch",
    "ModulatorSpec",
    "Operation",
    "PlannedStep",
    "StepSpec",
    "Traversal",
    "Traversers",
]


def _no_plan(argument: Argument, takes: Kind, building: "Building") -> Traversal:
    raise QueryError("no traversal can stand here", span=argument.span)


@dataclass(slots=True)
class Building:
    """What is known of the chain when a step is built."""

    takes: Kind
    gives: Kind
    """Set from the registry; a builder may change it (`Select` gives what was saved)."""
    names: dict[str, Kind] = field(default_factory=dict)
    """Names given by `As`; emptied where the graph changes."""
    graph_is_root: bool = True
    """False within the graph that SubGraph made."""
    repeated: bool = False
    """Whether it is part of a `Repeat`, where rounds are counted."""
    leading: Sequence[Call] = ()
    """Modulators written before the step: `Emit()` of `Emit().Repeat(…)`."""
    modulators: Sequence[Call] = ()
    """Modulators written after the step: `By(…)` of `Group().By(…)`."""
    before: Sequence[PlannedStep] = ()
    """The steps so far; in an anonymous traversal those around it come first."""
    plan: Callable[[Argument, Kind, "Building"], Traversal] = _no_plan
    """The planner's way to plan an argument as a traversal of items of a kind."""

    def traversal(self, argument: Argument, takes: Kind | None = None) -> Traversal:
        """Return the traversal that an argument spells, of what the step takes. Raises QueryError."""
        return self.plan(argument, takes or self.takes, self)

    def in_rounds(self) -> "Building":
        """Return the same for what is done again and again."""
        return replace(self, repeated=True)


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One line of the registry."""

    name: str
    build: Callable[[Call, Building], AnyStep]
    """Checks the arguments (QueryError at the place), returns the operation. Its docstring is the manual's text."""
    gives: Mapping[Kind, Kind]
    """What it gives for each kind that it takes."""
    aliases: tuple[str, ...] = ()
    leading: frozenset[str] = frozenset()
    """Names (lower case) of the modulators that may come before it."""
    modulators: frozenset[str] = frozenset()
    """Names (lower case) of the modulators that may follow it."""


@dataclass(frozen=True, slots=True)
class ModulatorSpec:
    """One line of the registry: what is written like a step and changes the step beside it."""

    name: str
    read: Callable[..., object]
    """What reads it. Its docstring is the manual's text."""
