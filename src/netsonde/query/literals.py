# SPDX-License-Identifier: Apache-2.0
"""What the text of a string or a number stands for."""

import math
import re

from netsonde.errors import Span
from netsonde.query.errors import QueryError, shown

# Only what JSON encoders and people write is an escape. Anything else keeps its backslash, so that regular
# expressions (\d, \., \b) need no doubling, as in the reference, which had no escapes at all.
_ESCAPE = re.compile(r"""\\(?:u([0-9A-Fa-f]{4})|([\\'"nrt]))""")
_PLAIN = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def string_value(token: str, span: Span) -> str:
    """Return the text of a quoted string."""
    body = token[1:-1]
    if "\\" not in body:
        return body
    text = _ESCAPE.sub(_unescape, body)
    try:
        # Two \u escapes may be the halves of one character; a half alone is none, and no JSON encoder takes it.
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as e:
        raise QueryError(
            "a \\u escape stands for half a character",
            hint="write both halves, or the character itself",
            span=span,
        ) from e


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _PLAIN[match[2]]


def number_value(token: str, span: Span) -> int | float:
    """Return the number; integers are exact within 64 bits."""
    if len(token) > 60:
        raise QueryError(f"the number {shown(token, 20)} is too long", span=span)
    if re.fullmatch(r"-?[0-9]+", token):
        whole = int(token)
        if not _SMALLEST <= whole <= _LARGEST:
            raise QueryError(f"the number {token} needs more than 64 bits", span=span)
        return whole
    value = float(token)
    if not math.isfinite(value):
        raise QueryError(f"the number {token} is out of range", span=span)
    return value
