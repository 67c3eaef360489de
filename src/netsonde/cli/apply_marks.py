# SPDX-License-Identifier: Apache-2.0
"""Whose an object is: the last line of its Description, by which `netsonde apply --prune` knows what it made.

The mark names the set and the object. So a copy under another name, and an object that was renamed, are nobody's, and
are never pruned; and the mark is where the object is, whichever machine applies next.
"""

import re
from typing import Final

SET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_MARK: Final = re.compile(r"(?:\A|\n)\[applied by set ([A-Za-z0-9._-]+): ([^\n]*)\]\Z", re.ASCII)


def with_mark(description: str, owner: str, title: str) -> str:
    """Return a description with the mark of a set; `title` is KIND/NAME."""
    mark = f"[applied by set {owner}: {title}]"
    return f"{description}\n{mark}" if description else mark


def read_mark(description: str) -> tuple[str, str, str]:
    """Return a description without its mark, the set, and the title; "" where there is no mark."""
    found = _MARK.search(description)
    return (description, "", "") if found is None else (description[: found.start()], found[1], found[2])


def owner_of(description: str, title: str) -> str:
    """Return the set that made an object, "" when none did."""
    _, owner, marked = read_mark(description)
    return owner if marked == title else ""
