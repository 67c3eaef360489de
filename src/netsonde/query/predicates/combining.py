# SPDX-License-Identifier: Apache-2.0
"""`And`, `Or`, `Not` of other tests, also written after a test: `Gt(1).And(Lt(5))`, `Within(1, 2).Negate()`."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError
from netsonde.query.predicates._api import Builder, Predicate
from netsonde.query.syntax import Argument, Call, Chain

Read: TypeAlias = Callable[[Argument], Predicate]

PREFIXES: Final = frozenset({"p", "textp"})
"""Names of TinkerPop's classes, which may stand before a test: `P.gt(3)`, `TextP.containing('th')`."""


def and_builder(read: Read) -> Builder:
    """Return the builder of `And`; `read` reads any test."""

    def build(call: Call) -> Predicate:
        """Passes all of the tests: `G.V().Has('MTU', And(Gt(1000), Ne(9000)))`, or `Gt(1000).And(Ne(9000))`.

        Each test looks at a list by itself; that one member passes two of them says `Inside` or `Between`.
        """
        return _all(_parts(call, read))

    return build


def or_builder(read: Read) -> Builder:
    """Return the builder of `Or`; `read` reads any test."""

    def build(call: Call) -> Predicate:
        """Passes one of the tests: `G.V().Has('Name', Or('br0', StartsWith('v1')))`, or `Lt(5).Or(Gt(9))`."""
        return _any(_parts(call, read))

    return build


def not_builder(read: Read) -> Builder:
    """Return the builder of `Not`; `read` reads any test."""

    def build(call: Call) -> Predicate:
        """Holds just where the test does not, so also where the key is missing: `G.V().Has('MTU', Not(Gt(1500)))`.

        `Within(…).Negate()` says the same.
        """
        parts = _parts(call, read)
        if len(parts) != 1:
            raise QueryError(f"{call.name} takes one test", hint=f"such as {call.name}(Gt(1500))", span=call.span)
        return _not(parts[0])

    return build


def chained(chain: Chain, read: Read) -> Predicate:
    """Return the test that a chain spells: a prefix, a test, then `And`, `Or`, `Negate`, each for all before it."""
    if chain.head and chain.head.lower() not in PREFIXES:
        raise QueryError(
            f"{chain.head} stands where a value or a test should",
            hint="a test looks like Gt(1500), or P.gt(1500)",
            span=chain.span,
        )
    first, *rest = chain.calls
    found = read(first)
    for call in rest:
        name = call.name.lower()
        if name == "negate" and not call.arguments:
            found = _not(found)
        elif name == "and":
            found = _all([found, *_parts(call, read)])
        elif name == "or":
            found = _any([found, *_parts(call, read)])
        else:
            raise QueryError(
                f"{call.name} cannot follow a test", hint="And(…), Or(…) and Negate() can", span=call.name_span
            )
    return found


def _parts(call: Call, read: Read) -> list[Predicate]:
    if not call.arguments:
        raise QueryError(f"{call.name} needs at least one test", hint=f"such as {call.name}(Gt(1500))", span=call.span)
    return [read(argument) for argument in call.arguments]


def _all(parts: Sequence[Predicate]) -> Predicate:
    tests = [part.test for part in parts]
    absent = all(part.absent for part in parts)
    return Predicate("And", lambda value: all(test(value) for test in tests), absent, growing=not absent)


def _any(parts: Sequence[Predicate]) -> Predicate:
    tests = [part.test for part in parts]
    absent = any(part.absent for part in parts)
    lookups: tuple[Json, ...] | None = ()
    for part in parts:
        lookups = None if lookups is None or part.lookups is None else (*lookups, *part.lookups)
    return Predicate("Or", lambda value: any(test(value) for test in tests), absent, not absent, lookups)


def _not(part: Predicate) -> Predicate:
    test, absent = part.test, not part.absent
    return Predicate("Not", lambda value: not test(value), absent, growing=not absent)
