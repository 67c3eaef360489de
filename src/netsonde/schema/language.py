# SPDX-License-Identifier: Apache-2.0
"""Steps and predicates of the query language as the published list shows them, from their builders' docstrings."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._registry import STEPS

_EXAMPLE = re.compile(r"`([^`]*\([^`]*\))`")


class StepDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """One step; `takes` says what it gives for each kind that it takes."""

    name: str
    aliases: tuple[str, ...]
    takes: dict[str, str]
    doc: str
    example: str


class PredicateDoc(msgspec.Struct, frozen=True, rename="pascal"):
    """One test of a value."""

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


def predicates() -> tuple[PredicateDoc, ...]:
    """Return every predicate; its docstring, when its builder has one, wins over the words here."""
    found = []
    for lower, build in PREDICATES.items():
        name, doc, example = _PREDICATES.get(lower, (lower.capitalize(), "", ""))
        own, own_example = _described(build)
        found.append(PredicateDoc(name, own or doc, own_example or example))
    return tuple(found)


def _described(build: Callable[..., Any]) -> tuple[str, str]:
    """Return the docstring's first paragraph on one line, and the first example that the docstring has."""
    doc = inspect.getdoc(build) or ""
    example = _EXAMPLE.search(doc)
    return " ".join(doc.partition("\n\n")[0].split()), example[1] if example else ""


_PREDICATES: Final[Mapping[str, tuple[str, str, str]]] = {
    name.lower(): (name, doc, example)
    for name, doc, example in (
        ("Ne", "Not equal to the value; true only where the key is.", "Has('State', Ne('UP'))"),
        ("Nee", "Not equal to the value, or without the key.", "Has('State', Nee('UP'))"),
        ("Lt", "Less than the number.", "Has('MTU', Lt(1500))"),
        ("Lte", "Less than the number, or equal.", "Has('MTU', Lte(1500))"),
        ("Gt", "Greater than the number.", "Has('MTU', Gt(1500))"),
        ("Gte", "Greater than the number, or equal.", "Has('MTU', Gte(1500))"),
        ("Inside", "Between two numbers, both excluded.", "Has('IfIndex', Inside(1, 10))"),
        ("Between", "From one number up to another, the second excluded.", "Has('IfIndex', Between(1, 10))"),
        ("Outside", "Less than the first number or greater than the second.", "Has('IfIndex', Outside(1, 10))"),
        ("Within", "One of the values.", "Has('Type', Within('veth', 'tuntap'))"),
        ("Without", "None of the values, or without the key.", "Has('Type', Without('veth', 'tuntap'))"),
        ("Regex", "The whole text matches a regular expression.", "Has('Name', Regex('tap.*'))"),
        ("IpRange", "An address within a range.", "Has('IPV4', IpRange('10.0.0.0/24'))"),
        ("Ipv4Range", "An address within a range; the same as IpRange.", "Has('IPV4', Ipv4Range('10.0.0.0/24'))"),
    )
}
