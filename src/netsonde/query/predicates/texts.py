# SPDX-License-Identifier: Apache-2.0
"""Tests of texts: regular expressions, parts, hardware addresses. Other values than texts pass none of them."""

import re
from collections.abc import Callable
from typing import TypeAlias

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError, shown
from netsonde.query.patterns import compile_pattern
from netsonde.query.predicates._api import Builder, Predicate, any_member, text
from netsonde.query.syntax import Call

Part: TypeAlias = Callable[[str, str], bool]
"""Whether a text has a part, and has it at the right place."""

_NOT_HEX = re.compile(r"[:.-]")
_MAC = re.compile(r"(?:[0-9a-f]{2}){6,20}")
"""48 bits for Ethernet, 160 for InfiniBand."""
_LONGEST_MAC = 60


def build_regex(call: Call) -> Predicate:
    """Matches the expression as a whole: `G.V().Has('Name', Regex('v[12]h'))`. RE2's syntax, in linear time.

    `^` and `$` at the ends change nothing; TinkerPop's `regex` finds the expression anywhere, write `.*` around for
    that.
    """
    literal = text(call, "one regular expression in quotes")
    return Predicate("Regex", any_member(compile_pattern(str(literal.value), literal.span)))


def build_not_regex(call: Call) -> Predicate:
    """Is there, and does not match the expression: `G.V().Has('Name', NotRegex('v.*'))`; of a list, no member does."""
    return _denied(build_regex(call), "NotRegex")


def build_mac_prefix(call: Call) -> Predicate:
    """Is a hardware address that begins so: `G.V().Has('MAC', MacPrefix('02:00:00:00:01'))`.

    Case and the marks between the digits do not count, so `MacPrefix('525400')` finds what QEMU made.
    """
    literal = text(call, "the beginning of a hardware address in quotes, such as '52:54:00'")
    prefix = _NOT_HEX.sub("", str(literal.value)).lower()
    if not re.fullmatch(r"[0-9a-f]{1,40}", prefix):
        raise QueryError(
            f"{shown(str(literal.value))} is not the beginning of a hardware address",
            hint="such as '52:54:00'",
            span=literal.span,
        )

    def one(member: Json) -> bool:
        if not isinstance(member, str) or len(member) > _LONGEST_MAC:
            return False
        digits = _NOT_HEX.sub("", member).lower()
        return digits.startswith(prefix) and _MAC.fullmatch(digits) is not None

    return Predicate("MacPrefix", any_member(one))


def _contains(value: str, part: str) -> bool:
    return part in value


def _begins(value: str, part: str) -> bool:
    return value.startswith(part)


def _ends(value: str, part: str) -> bool:
    return value.endswith(part)


def _is(value: str, part: str) -> bool:
    return value == part


def _builder(name: str, has: Part, meaning: str, *, fold: bool = False) -> Builder:
    def build(call: Call) -> Predicate:
        wanted = str(text(call, "one text in quotes").value)
        part = wanted.casefold() if fold else wanted

        def one(member: Json) -> bool:
            return isinstance(member, str) and has(member.casefold() if fold else member, part)

        return Predicate(name, any_member(one))

    build.__doc__ = meaning
    return build


def _denier(name: str, build: Builder, meaning: str) -> Builder:
    def build_not(call: Call) -> Predicate:
        return _denied(build(call), name)

    build_not.__doc__ = meaning
    return build_not


def _denied(positive: Predicate, name: str) -> Predicate:
    test = positive.test
    return Predicate(name, lambda value: not test(value))


build_contains = _builder("Contains", _contains, "Has the text in it: `G.V().Has('Name', Contains('th'))`.")
build_starts_with = _builder("StartsWith", _begins, "Begins with the text: `G.V().Has('Name', StartsWith('v1'))`.")
build_ends_with = _builder("EndsWith", _ends, "Ends with the text: `G.V().Has('Name', EndsWith('h'))`.")
build_i_equals = _builder("IEquals", _is, "Is the text, in any case: `G.V().Has('State', IEquals('up'))`.", fold=True)
build_i_contains = _builder(
    "IContains", _contains, "Has the text in it, in any case: `G.V().Has('Name', IContains('TH'))`.", fold=True
)
build_i_starts_with = _builder(
    "IStartsWith", _begins, "Begins with the text, in any case: `G.V().Has('Name', IStartsWith('V1'))`.", fold=True
)
build_i_ends_with = _builder(
    "IEndsWith", _ends, "Ends with the text, in any case: `G.V().Has('Name', IEndsWith('H'))`.", fold=True
)
build_not_contains = _denier(
    "NotContains",
    build_contains,
    "Is there, and has not the text in it: `G.V().Has('Name', NotContains('v'))`; of a list, no member has.",
)
build_not_starts_with = _denier(
    "NotStartsWith",
    build_starts_with,
    "Is there, and does not begin with the text: `G.V().Has('Name', NotStartsWith('v'))`; of a list, no member does.",
)
build_not_ends_with = _denier(
    "NotEndsWith",
    build_ends_with,
    "Is there, and does not end with the text: `G.V().Has('Name', NotEndsWith('h'))`; of a list, no member does.",
)
