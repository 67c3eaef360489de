# SPDX-License-Identifier: Apache-2.0
"""Metadata as a command line says it: pairs of key and value."""

from typing import Any

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Metadata


def pairs(text: str) -> Metadata:
    """Return `k=v,k2.below=v2` as metadata; values are texts, dotted keys nest."""
    found: Metadata = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, value = _split(pair)
        _nest(found, name, value)
    return found


def changes(add: list[str], remove: list[str]) -> Metadata:
    """Return the merge patch of metadata; values to add are JSON, or texts where they are none."""
    found: Metadata = {}
    for pair in add:
        name, value = _split(pair)
        try:
            _nest(found, name.replace("/", "."), msgspec.json.decode(value))
        except msgspec.DecodeError:
            _nest(found, name.replace("/", "."), value)
    for name in remove:
        _nest(found, name.replace("/", "."), None)
    return found


def _split(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise UserError(f"{pair!r} is no pair of key and value", hint="write key=value")
    return name, value


def _nest(into: Metadata, name: str, value: Any) -> None:
    *above, last = name.split(".")
    for part in above:
        below = into.setdefault(part, {})
        if not isinstance(below, dict):
            raise UserError(f"{name} lies below a value that is given as well", hint="give one of the two")
        into = below
    into[last] = value
