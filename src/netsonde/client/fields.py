# SPDX-License-Identifier: Apache-2.0
"""Fields of a resource as they are sent: Python's names become those of JSON."""

from collections.abc import Mapping

import msgspec


def wire_names(fields: Mapping[str, object], into: type[msgspec.Struct], noun: str) -> dict[str, object]:
    """Return fields under the names that they have in JSON, without those that are None.

    Raises TypeError for one that `into` has not, as a function does for an argument that it does not know.
    """
    names = {field.name: field.encode_name for field in msgspec.structs.fields(into)}
    unknown = sorted(fields.keys() - names.keys())
    if unknown:
        article = "an" if noun[0] in "aeiou" else "a"
        raise TypeError(f"{article} {noun} has no field {unknown[0]!r}; its fields are {', '.join(names)}")
    return {names[name]: value for name, value in fields.items() if value is not None}


def ttl_header(ttl: str) -> Mapping[str, str]:
    """Return the header by which a resource deletes itself after a duration such as 1h30m; "" = never."""
    return {"X-Resource-TTL": ttl} if ttl else {}
