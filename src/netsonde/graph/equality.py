# SPDX-License-Identifier: Apache-2.0
"""Equality of JSON values: Python's own says that true equals 1."""

import msgspec

from netsonde.model.elements import Json

_ENCODER = msgspec.json.Encoder(order="deterministic")


def same_json(one: Json, other: Json) -> bool:
    """Tell whether two values are the same JSON, whatever the order of keys."""
    if one is other:
        return True
    # Texts are compared only where Python sees no difference: most values that differ are told apart at once.
    return one == other and (isinstance(one, str) or _ENCODER.encode(one) == _ENCODER.encode(other))
