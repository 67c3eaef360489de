# SPDX-License-Identifier: Apache-2.0
"""Every test of the language: one line each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from netsonde.query.errors import QueryError, did_you_mean, shown
from netsonde.query.predicates import addresses, combining, comparing, numbers, texts
from netsonde.query.predicates._api import Builder, Predicate, PredicateSpec
from netsonde.query.syntax import Argument, Call, Chain, Literal


def predicate(argument: Argument) -> Predicate:
    """Return the test that an argument stands for. Raises QueryError."""
    if isinstance(argument, Literal):
        if isinstance(argument.value, list | dict):
            raise QueryError("a list can only be given to Within and Without", span=argument.span)
        return comparing.equals(argument.value)
    if isinstance(argument, Chain):
        return combining.chained(argument, predicate)
    if not isinstance(argument, Call):
        raise QueryError(
            f"{argument.name} is not a value to compare with",
            hint="text goes in quotes; a test looks like Gt(1500)",
            span=argument.span,
        )
    build = PREDICATES.get(argument.name.lower())
    if build is None:
        known = sorted(spec.name for spec in PREDICATE_SPECS)
        raise QueryError(
            f"there is no test named {shown(argument.name)}",
            hint=did_you_mean(argument.name, known, f"tests are {', '.join(known)}"),
            span=argument.name_span,
        )
    operands = tuple(each.value for each in argument.arguments if isinstance(each, Literal))
    found = build(argument)
    return replace(found, operands=operands) if operands else found


PREDICATE_SPECS: Final = (
    PredicateSpec("Eq", comparing.build_eq),
    PredicateSpec("Ne", comparing.build_ne, ("Neq",)),
    PredicateSpec("Nee", comparing.build_nee),
    PredicateSpec("Exists", comparing.build_exists),
    PredicateSpec("IsNull", comparing.build_is_null),
    PredicateSpec("Within", comparing.build_within),
    PredicateSpec("Without", comparing.build_without),
    PredicateSpec("Lt", numbers.build_lt),
    PredicateSpec("Lte", numbers.build_lte),
    PredicateSpec("Gt", numbers.build_gt),
    PredicateSpec("Gte", numbers.build_gte),
    PredicateSpec("Inside", numbers.build_inside),
    PredicateSpec("Between", numbers.build_between),
    PredicateSpec("Outside", numbers.build_outside),
    PredicateSpec("Regex", texts.build_regex),
    PredicateSpec("NotRegex", texts.build_not_regex),
    PredicateSpec("Contains", texts.build_contains, ("Containing",)),
    PredicateSpec("NotContains", texts.build_not_contains, ("NotContaining",)),
    PredicateSpec("StartsWith", texts.build_starts_with, ("StartingWith",)),
    PredicateSpec("NotStartsWith", texts.build_not_starts_with, ("NotStartingWith",)),
    PredicateSpec("EndsWith", texts.build_ends_with, ("EndingWith",)),
    PredicateSpec("NotEndsWith", texts.build_not_ends_with, ("NotEndingWith",)),
    PredicateSpec("IEquals", texts.build_i_equals),
    PredicateSpec("IContains", texts.build_i_contains),
    PredicateSpec("IStartsWith", texts.build_i_starts_with),
    PredicateSpec("IEndsWith", texts.build_i_ends_with),
    PredicateSpec("IpRange", addresses.build_ip_range, ("Ipv4Range", "InSubnet")),
    PredicateSpec("MacPrefix", texts.build_mac_prefix),
    PredicateSpec("And", combining.and_builder(predicate)),
    PredicateSpec("Or", combining.or_builder(predicate)),
    PredicateSpec("Not", combining.not_builder(predicate)),
)

PREDICATES: Final[Mapping[str, Builder]] = {
    name.lower(): spec.build for spec in PREDICATE_SPECS for name in (spec.name, *spec.aliases)
}
