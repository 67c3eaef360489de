# SPDX-License-Identifier: Apache-2.0
"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) on plain data; the input is never changed."""

import copy
from typing import Final, Literal

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Json

_MISSING: Final = object()
_MOST_OPERATIONS = 1000
_MOST_BYTES = 1024 * 1024


class Operation(msgspec.Struct, frozen=True):
    """One operation of a JSON Patch; members that the operation does not use are ignored (RFC 6902 §4)."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: str
    value: object = _MISSING
    from_: str | None = msgspec.field(name="from", default=None)


def merge_patch(document: Json, patch: Json) -> Json:
    """Return `document` with `patch` merged in: null removes a member, everything but objects replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def json_patch(document: Json, patch: Json) -> Json:
    """Return `document` after all operations of `patch`; raises UserError naming the operation that cannot be done."""
    try:
        operations = msgspec.convert(patch, list[Operation])
    except msgspec.ValidationError as wrong:
        raise UserError(
            f"not a JSON Patch: {wrong}", hint='send [{"op": "replace", "path": "/Name", "value": "…"}]'
        ) from wrong
    if len(operations) > _MOST_OPERATIONS:
        raise UserError(f"a JSON Patch may have {_MOST_OPERATIONS} operations, this one has {len(operations)}")
    result = copy.deepcopy(document)
    for number, operation in enumerate(operations):
        try:
            result = _apply(result, operation)
        except ValueError as failed:
            raise UserError(
                f"operation {number} of the patch ({operation.op} {operation.path}): {failed}",
                hint="paths start with / and count list items from 0",
            ) from failed
        except RecursionError as failed:
            raise UserError(
                f"operation {number} of the patch ({operation.op}) is nested too deeply", hint="use fewer levels"
            ) from failed
    return result


def _apply(document: Json, operation: Operation) -> Json:
    path = _tokens(operation.path)
    if operation.op == "remove":
        return _remove(document, path)[0]
    if operation.op == "replace":
        return _replace(document, path, _value(operation))
    if operation.op == "add":
        return _add(document, path, _value(operation))
    if operation.op == "test":
        if not _equal(_get(document, path), _value(operation)):
            raise ValueError("the value there is another one")
        return document
    if operation.from_ is None:
        raise ValueError("the member from is missing")
    source = _tokens(operation.from_)
    if operation.op == "copy":
        document = _add(document, path, copy.deepcopy(_get(document, source)))
        if len(msgspec.json.encode(document)) > _MOST_BYTES:
            # Copies of copies double the document each time.
            raise ValueError(f"the document would grow beyond {_MOST_BYTES} bytes")
        return document
    if path[: len(source)] == source and len(path) > len(source):
        raise ValueError("a value cannot be moved into itself")
    document, moved = _remove(document, source)
    return _add(document, path, moved)


def _value(operation: Operation) -> Json:
    if operation.value is _MISSING:
        raise ValueError("the member value is missing")
    value: Json = copy.deepcopy(operation.value)  # type: ignore[assignment]
    return value


def _tokens(pointer: str) -> list[str]:
    """Split a JSON Pointer (RFC 6901); ~1 is unescaped before ~0, else ~01 would become /."""
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"the path {pointer!r} does not start with /")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _get(document: Json, path: list[str]) -> Json:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(token, len(document) - 1)]
        else:
            raise ValueError(f"there is no {token!r}")
    return document


def _add(document: Json, path: list[str], value: Json) -> Json:
    if not path:
        return value
    parent = _get(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent)), value)
    else:
        raise ValueError("there is no object or list to add to")
    return document


def _replace(document: Json, path: list[str], value: Json) -> Json:
    _get(document, path)
    if not path:
        return value
    parent = _get(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent[_index(path[-1], len(parent) - 1)] = value
    return document


def _remove(document: Json, path: list[str]) -> tuple[Json, Json]:
    removed = _get(document, path)
    if not path:
        return None, removed
    parent = _get(document, path[:-1])
    if isinstance(parent, dict):
        del parent[path[-1]]
    elif isinstance(parent, list):
        del parent[_index(path[-1], len(parent) - 1)]
    return document, removed


def _index(token: str, most: int) -> int:
    """Return a list position; leading zeros, signs and digits of other scripts are not allowed (RFC 6901 §4)."""
    if not (token.isascii() and token.isdigit()) or (len(token) > 1 and token[0] == "0") or len(token) > 9:
        raise ValueError(f"{token!r} is not a position in a list")
    if int(token) > most:
        raise ValueError(f"the list has no position {token}")
    return int(token)


def _equal(left: Json, right: Json) -> bool:
    """Compare as JSON does: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[name], right[name]) for name in left)
    return left == right
