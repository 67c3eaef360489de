# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an element that a user states. Pure; nothing that passes can hurt the graph or its readers."""

import msgspec

from netsonde.declared.settings import DeclaredSettings
from netsonde.errors import UserError
from netsonde.model.elements import Edge, Element, Json, Metadata

MOST_TEXT = 512
"""Characters of an id, a host or an origin."""
DEEPEST = 32
"""Levels of nesting; nothing that is written by hand or by a daemon comes near."""
_LATEST = 1 << 53
"""Numbers beyond are not exact in JavaScript, and no time is so late."""
_MOST_INTEGER = 1 << 63

_encoder = msgspec.json.Encoder()


def check(element: Element, settings: DeclaredSettings) -> None:
    """Raise UserError that names the place in an element where something is wrong.

    The list of keys is not asked: imports are taken as they are, since what they show once was so.
    """
    _check_texts(element)
    for name, value in (("CreatedAt", element.created_at), ("UpdatedAt", element.updated_at)):
        if not 0 <= value < _LATEST:
            raise UserError(f"{name}: {value} is no time in Unix milliseconds", hint="leave it out for now")
    if not 0 <= element.revision < _LATEST:
        raise UserError(f"Revision: {element.revision} is out of range", hint="leave it out")
    if element.deleted_at is not None:
        raise UserError("DeletedAt: the element is deleted", hint="only what is there now can be declared")
    check_metadata(element.metadata, settings)


def check_metadata(metadata: Metadata, settings: DeclaredSettings) -> None:
    """Raise UserError for metadata that is too large, too deep, or has numbers that not every reader can take."""
    # Before it is encoded: what is nested without end would exhaust the stack.
    _check_values(metadata, "Metadata", 0)
    octets = len(_encoder.encode(metadata))
    if octets > settings.max_element_bytes:
        raise UserError(
            f"Metadata: {octets} bytes as JSON, more than {settings.max_element_bytes}",
            hint="keep documents elsewhere and put a link here, or raise the setting declared.max_element_bytes",
        )


def _check_texts(element: Element) -> None:
    texts = [("ID", element.id, True), ("Host", element.host, False), ("Origin", element.origin, False)]
    if isinstance(element, Edge):
        texts += [("Parent", element.parent, True), ("Child", element.child, True)]
    for name, text, is_needed in texts:
        if is_needed and not text:
            raise UserError(f"{name} is missing or empty", hint="an element is known by its id")
        if len(text) > MOST_TEXT:
            raise UserError(f"{name} has {len(text)} characters, more than {MOST_TEXT}", hint="choose a shorter one")
        if any(character < " " for character in text):
            raise UserError(f"{name} has control characters", hint="use printable ones")


def _check_values(value: Json, place: str, depth: int) -> None:
    if isinstance(value, int) and not -_MOST_INTEGER <= value < 2 * _MOST_INTEGER:
        raise UserError(f"{place[:200]}: a whole number beyond 64 bits", hint="write it as text")
    if not isinstance(value, dict | list):
        return
    if depth >= DEEPEST:
        raise UserError(f"{place[:200]}: nested more than {DEEPEST} deep", hint="use fewer levels")
    for name, member in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(member, dict | list | int):
            _check_values(member, f"{place}.{name}", depth + 1)
