# SPDX-License-Identifier: Apache-2.0
"""What resources that users define have in common: ETags, patches, times to live."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from netsonde.api.bodies import convert
from netsonde.api.errors import PreconditionFailed
from netsonde.api.patch import json_patch, merge_patch
from netsonde.errors import UserError
from netsonde.model.elements import Json

T = TypeVar("T", bound=msgspec.Struct)


def definition_of(view: T, kind: type[T]) -> T:
    """Return what the user defined of a view that adds computed members to it."""
    return kind(**{field.name: getattr(view, field.name) for field in msgspec.structs.fields(kind)})


def etag_of(definition: msgspec.Struct) -> str:
    """Name a definition: what is computed changes by itself, and a client that edits does not care."""
    digest = hashlib.blake2b(msgspec.json.encode(definition), digest_size=12)
    return f'"{digest.hexdigest()}"'


def check_match(definition: msgspec.Struct, if_match: str | None, what: str) -> None:
    """Raise PreconditionFailed when a client wants to change another state than there is."""
    if if_match is None or if_match.strip() == "*":
        return
    if etag_of(definition) not in (tag.strip() for tag in if_match.split(",")):
        raise PreconditionFailed(
            f"the {what} was changed meanwhile",
            hint=f"its ETag is now {etag_of(definition)}: read it again and repeat",
        )


def patched(previous: T, change: Json, *, fixed: Sequence[str], ignored: Sequence[str]) -> T:
    """Return a definition after a merge patch or a JSON Patch; UserError when it touches what is `fixed`."""
    before: Json = msgspec.to_builtins(previous)
    after = merge_patch(before, change) if isinstance(change, dict) else json_patch(before, change)
    assert isinstance(before, dict)
    if isinstance(after, dict):
        touched = [name for name in fixed if after.get(name, before[name]) != before[name]]
        if touched:
            raise UserError(f"{' and '.join(touched)} cannot be changed", hint="create another one instead")
        after = {**{name: before[name] for name in fixed}, **after}
    return convert(after, type(previous), ignored=ignored)
