# SPDX-License-Identifier: Apache-2.0
"""Messages of Protocol Buffers, written field by field."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from netsonde.model.protobuf import bytes_field, varint_field

Values: TypeAlias = Mapping[int, Any]
"""By number of the field: a number, a text, a message (Values), a map (dict of texts), or a list of such."""


def message(values: Values) -> bytes:
    return b"".join(_field(number, value) for number, value in values.items())


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return varint_field(number, value)
    if isinstance(value, str):
        return bytes_field(number, value.encode())
    if isinstance(value, list):
        return b"".join(_field(number, one) for one in value)
    if all(isinstance(key, str) for key in value):
        return b"".join(_field(number, {1: key, 2: one}) for key, one in value.items())
    return bytes_field(number, message(value))
