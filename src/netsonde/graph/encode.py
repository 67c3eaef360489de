# SPDX-License-Identifier: Apache-2.0
"""JSON of elements."""

import msgspec

from netsonde.model.elements import Element

_ENCODER = msgspec.json.Encoder()


def encode(element: Element) -> bytes:
    """Return the JSON of one element, fields named and ordered as clients of the reference expect."""
    return _ENCODER.encode(element)
