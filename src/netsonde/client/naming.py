# SPDX-License-Identifier: Apache-2.0
"""How users call a resource: by its UUID, its name, or the beginning of its UUID."""

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from netsonde.errors import NotFound, UserError

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(name: str) -> bool:
    """Tell whether a name is a whole UUID, so that the server can be asked for that one alone."""
    return _UUID.fullmatch(name) is not None


class Named(Protocol):
    """What has a UUID and may have a name."""

    @property
    def uuid(self) -> str: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def named(name: str, found: Sequence[N], noun: str, verb: str) -> N:
    """Return the one of `found` that is called `name`; raises NotFound, or UserError when there are several.

    A whole UUID comes before a name, and a name before the beginning of a UUID. `noun` is what they are, such as
    `capture`; `netsonde VERB list` shows them.
    """
    for some in (
        [one for one in found if one.uuid == name],
        [one for one in found if name and one.name == name],
        [one for one in found if name and one.uuid.startswith(name)],
    ):
        if len(some) == 1:
            return some[0]
        if some:
            uuids = ", ".join(one.uuid for one in some)
            raise UserError(f"{len(some)} {noun}s are called {name!r}: {uuids}", hint="give the whole UUID")
    raise NotFound(f"no {noun} is called {name!r}", hint=f"`netsonde {verb} list` shows them")
