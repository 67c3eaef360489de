# SPDX-License-Identifier: Apache-2.0
"""Request bodies into structs: JSON whatever the Content-Type says, as the reference's clients expect, or YAML.

Names are matched without regard to case, as the reference's decoder did; unknown ones are refused with a suggestion.
"""

import re
from collections.abc import Collection
from typing import TypeVar

import msgspec
import yaml

from netsonde.errors import Span, UserError
from netsonde.model.elements import Json
from netsonde.query.errors import did_you_mean

T = TypeVar("T", bound=msgspec.Struct)

_WORDS = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
    "`null`": "null",
}
_MOST_YAML = 1024 * 1024


def decode(body: bytes, content_type: str = "") -> Json:
    """Return the plain data of a body; raises UserError that points at the place of a mistake."""
    if content_type.partition(";")[0].strip().lower() in ("application/yaml", "text/yaml", "application/x-yaml"):
        return _decode_yaml(body)
    try:
        text = body.decode()
    except UnicodeDecodeError as bad:
        raise UserError(
            f"the body is not UTF-8: byte 0x{body[bad.start]:02x} at offset {bad.start}", hint="send JSON in UTF-8"
        ) from bad
    try:
        data: Json = msgspec.json.decode(body)
    except msgspec.DecodeError as bad:
        raise _malformed(text, body, str(bad)) from bad
    except RecursionError as bad:
        raise UserError("the body is nested too deeply", hint="nothing here needs more than a few levels") from bad
    return data


def convert(data: Json, into: type[T], *, ignored: Collection[str] = ()) -> T:
    """Return an object body as a struct; `ignored` names are accepted and dropped.

    Raises UserError naming every unknown member, or the first member of a wrong type.
    """
    if not isinstance(data, dict):
        raise UserError(f"the body must be a JSON object, got {_spoken_kind(data)}")
    known = {field.encode_name.lower(): field.encode_name for field in msgspec.structs.fields(into)}
    dropped = {name.lower() for name in ignored}
    unknown = [name for name in data if name.lower() not in known and name.lower() not in dropped]
    if unknown:
        raise _unknown(unknown, known)
    named = {known[name.lower()]: value for name, value in data.items() if name.lower() not in dropped}
    try:
        return msgspec.convert(named, into, strict=True)
    except msgspec.ValidationError as wrong:
        raise UserError(_wrong_type(str(wrong)), hint="GET /api/openapi.json describes every member") from wrong
    except RecursionError as bad:
        raise UserError("the body is nested too deeply", hint="nothing here needs more than a few levels") from bad


def spelt(body: Json) -> Json:
    """Accept members of workflows' parameters whatever their case, as the reference's decoder did at every level."""
    if isinstance(body, list):
        return [spelt(one) for one in body]
    if isinstance(body, dict):
        inner = {
            name: spelt(value) if name.lower() in ("parameters", "values") else value for name, value in body.items()
        }
        return {_MEMBERS.get(name.lower(), name): value for name, value in inner.items()}
    return body


_MEMBERS = {name.lower(): name for name in ("Name", "Description", "Type", "Default", "Values", "Value", "Parameters")}


def _decode_yaml(body: bytes) -> Json:
    if len(body) > _MOST_YAML:
        raise UserError(f"a YAML body may have {_MOST_YAML} bytes, this one has {len(body)}", hint="send JSON")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, Loader=yaml.CSafeLoader)):
            # A few aliases of aliases describe more data than fits into memory.
            raise UserError("aliases are not accepted in YAML bodies", hint="write the values out")
        data: Json = msgspec.yaml.decode(body)
        _check_names(data)
        # YAML has dates, sets, bytes and infinities of its own; what is kept is what JSON makes of them.
        data = msgspec.json.decode(msgspec.json.encode(data))
    except (msgspec.DecodeError, yaml.YAMLError, RecursionError) as bad:
        raise UserError(f"the body is not YAML: {bad}") from bad
    return data


def _check_names(data: object) -> None:
    """Refuse names of members that JSON does not have: YAML knows null, numbers and lists as such."""
    waiting = [data]
    while waiting:
        some = waiting.pop()
        if isinstance(some, dict):
            for name in some:
                if not isinstance(name, str):
                    raise UserError(f"{name!r:.40} cannot be the name of a member", hint="put names in quotes")
            waiting += some.values()
        elif isinstance(some, list):
            waiting += some


def _malformed(text: str, body: bytes, reason: str) -> UserError:
    found = re.search(r"byte (\d+)", reason)
    reason = re.sub(r"\s*\(byte \d+\)", "", reason).removeprefix("JSON is malformed: ")
    if not found:
        return UserError(f"the body is not JSON: {reason}")
    place = len(body[: int(found[1])].decode(errors="replace"))
    begin = max(text.rfind("\n", 0, place) + 1, place - 60)
    excerpt = text[begin : place + 40].partition("\n")[0]
    line = text.count("\n", 0, place) + 1
    return UserError(
        f"the body is not JSON, line {line}, offset {place}: {reason}",
        span=Span(place - begin, place - begin + 1),
        text=excerpt,
        hint="the mark is where reading stopped",
    )


def _unknown(unknown: list[str], known: dict[str, str]) -> UserError:
    names = ", ".join(repr(name[:80]) for name in unknown[:10])
    hint = did_you_mean(unknown[0], known.values(), f"known: {', '.join(sorted(known.values()))}")
    return UserError(f"unknown member{'s' if len(unknown) > 1 else ''} {names}", hint=hint)


def _wrong_type(reason: str) -> str:
    reason, _, place = reason.partition(" - at `$")
    for word, spoken in _WORDS.items():
        reason = reason.replace(word, spoken)
    place = place.rstrip("`").lstrip(".")
    reason = reason[:1].lower() + reason[1:]
    return f"{place}: {reason}" if place else reason


def _spoken_kind(data: Json) -> str:
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (list, "a list"),
        (str, "text"),
        (bool, "true or false"),
        ((int, float), "a number"),
    ]
    return next((spoken for kind, spoken in kinds if isinstance(data, kind)), "null")
