# SPDX-License-Identifier: Apache-2.0
"""The syntax tree of a query: names and literals with their places, before any of them is looked up."""

from dataclasses import dataclass
from typing import TypeAlias

from netsonde.errors import Span
from netsonde.model.elements import Json


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean or null written in the query, or the value of a bound parameter."""

    value: Json
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word such as DESC or NOW; empty parentheses after it make no difference."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Binding:
    """`$name`: a parameter whose value comes beside the text."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A name with arguments: a predicate, `Metadata(…)`, or a step."""

    name: str
    arguments: tuple["Argument", ...]
    span: Span
    """From the name to the closing parenthesis."""
    name_span: Span
    parentheses: bool = True


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls joined by dots among arguments: an anonymous traversal (`__.Out().Has(…)`), or tests (`P.gt(1).and(…)`)."""

    head: str
    """The word before the first dot, "" when the chain begins with a call."""
    calls: tuple[Call, ...]
    span: Span

    @property
    def name(self) -> str:
        """How messages name it."""
        return self.head or self.calls[0].name


Argument: TypeAlias = Literal | Word | Binding | Call | Chain


@dataclass(frozen=True, slots=True)
class Query:
    """`G` and the steps after it."""

    text: str
    start: Span
    steps: tuple[Call, ...]
