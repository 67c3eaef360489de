# SPDX-License-Identifier: Apache-2.0
"""Steps, modulators and predicates of the query language as the published list shows them, from their docstrings."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import msgspec

from netsonde.query.predicates import PREDICATE_SPECS
from netsonde.query.steps._registry import MODULATORS, STEPS

_EXAMPLE = re.compile(r"`([^`]*\([^`]*\))`")


class StepDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """One step; `takes` says what it gives for each kind that it takes."""

    name: str
    aliases: tuple[str, ...]
    takes: dict[str, str]
    doc: str
    example: str


class WordDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """One test of a value, or one modulator: what is written like a step and changes the step beside it."""

    name: str
    doc: str
    example: str


def steps() -> tuple[StepDoc, ...]:
    """Return every step once, in the order of the registry."""
    specs = {spec.name: spec for spec in STEPS.values()}.values()
    return tuple(
        StepDoc(
            spec.name,
            spec.aliases,
            {takes.value: gives.value for takes, gives in spec.gives.items()},
            *_described(spec.build),
        )
        for spec in specs
    )


def modulators() -> tuple[WordDoc, ...]:
    """Return `By`, `Times` and their like."""
    return tuple(WordDoc(spec.name, *_described(spec.read)) for spec in MODULATORS.values())


def predicates() -> tuple[WordDoc, ...]:
    """Return every predicate under each of its names."""
    return tuple(
        WordDoc(name, *_described(spec.build)) for spec in PREDICATE_SPECS for name in (spec.name, *spec.aliases)
    )


def _described(build: Callable[..., Any]) -> tuple[str, str]:
    """Return the docstring's first paragraph on one line, and the first example that the docstring has."""
    doc = inspect.getdoc(build) or ""
    example = _EXAMPLE.search(doc)
    return " ".join(doc.partition("\n\n")[0].split()), example[1] if example else ""
