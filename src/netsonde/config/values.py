# SPDX-License-Identifier: Apache-2.0
"""One setting: a value from TOML, an environment variable or a flag, converted to its declared type."""

import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def convert(value: object, kind: Any) -> Any:
    """Return `value` as `kind`; raise ValueError saying what is expected.

    Text is accepted for every kind, since the environment and flags have nothing else: lists as comma-separated
    text, booleans as true/false, yes/no, on/off, 1/0.
    """
    origin = get_origin(kind)
    if origin is Literal:
        return _choice(value, get_args(kind))
    if origin in (Union, types.UnionType):
        return _optional(value, get_args(kind))
    if origin is tuple:
        return _tuple(value, get_args(kind)[0])
    if origin is dict:
        return _table(value, get_args(kind)[1])
    return _scalar(value, kind)


def _scalar(value: object, kind: Any) -> Any:
    if kind is bool:
        return _boolean(value)
    if kind in (int, float):
        return _number(value, kind)
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if kind is str and isinstance(value, str):
        return value
    raise ValueError(f"expects {_spoken(kind)}, got {value!r}")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if isinstance(value, str) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError(f"expects true or false, got {value!r}")


def _number(value: object, kind: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expects {_spoken(kind)}, got {value!r}")
    try:
        number: int | float = kind(value)
    except ValueError:
        raise ValueError(f"expects {_spoken(kind)}, got {value!r}") from None
    if isinstance(value, float) and number != value:
        raise ValueError(f"expects {_spoken(kind)}, got {value!r}")
    return number


def _choice(value: object, choices: tuple[Any, ...]) -> Any:
    if value in choices:
        return value
    raise ValueError(f"expects one of {', '.join(map(str, choices))}; got {value!r}")


def _optional(value: object, kinds: tuple[Any, ...]) -> Any:
    if type(None) in kinds and value in (None, ""):
        return None
    return convert(value, next(kind for kind in kinds if kind is not type(None)))


def _tuple(value: object, kind: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError(f"expects a list, got {value!r}")
    return tuple(convert(item, kind) for item in value)


def _table(value: object, kind: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expects a table, got {value!r}")
    return {str(name): convert(item, kind) for name, item in value.items()}


def _spoken(kind: Any) -> str:
    return {int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(kind, str(kind))
