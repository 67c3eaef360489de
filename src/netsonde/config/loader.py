# SPDX-License-Identifier: Apache-2.0
"""Merge file, environment and flags, the later ones winning, and refuse what is unknown or wrong, all at once."""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from netsonde.config.values import convert
from netsonde.errors import UserError
from netsonde.redact import is_secret_name

T = TypeVar("T")

PREFIX = "NETSONDE_"
NOT_SETTINGS = frozenset(
    {
        "NETSONDE_URL",
        "NETSONDE_CONFIG",
        "NETSONDE_TOKEN",
        "NETSONDE_USERNAME",
        "NETSONDE_PASSWORD_FILE",
        "NETSONDE_CA",
    }
)
"""Variables with the prefix that the command line reads itself."""


def known_keys(schema: type) -> dict[str, Any]:
    """Return the type of every setting of a dataclass tree, by dotted path."""
    return dict(_leaves(schema, ""))


def load(
    schema: type[T],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> T:
    """Return the settings; raises UserError that lists every unknown key and every bad value with its source."""
    kinds = known_keys(schema)
    found: dict[str, Any] = {}
    problems: list[str] = []
    for source, given in _sources(kinds, file, environ or {}, overrides or {}, problems):
        for key, value in given.items():
            _accept(kinds, found, problems, source, key, value)
    if problems:
        raise UserError("bad settings:\n  " + "\n  ".join(problems), hint="`netsonde agent --help` lists the flags")
    return _build(schema, "", found)


def _sources(
    kinds: Mapping[str, Any],
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    problems: list[str],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file is not None:
        yield str(file), dict(_flatten(_read(file), "", kinds))
    by_variable = {PREFIX + key.upper().replace(".", "_"): key for key in kinds}
    for variable, value in environ.items():
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            yield f"${variable}", {by_variable.get(variable, variable): value}
    yield "flag", overrides


def _accept(
    kinds: Mapping[str, Any], found: dict[str, Any], problems: list[str], source: str, key: str, value: object
) -> None:
    if key not in kinds:
        problems.append(f"{source}: unknown key {key}{_suggest(key, kinds)}")
        return
    section = section_of(kinds[key])
    if section is not None and isinstance(value, dict):
        found[key] = {
            str(name): _named(section, problems, source, f"{key}.{name}", settings) for name, settings in value.items()
        }
        return
    try:
        found[key] = convert(value, kinds[key])
    except ValueError as wrong:
        shown = "is not what is expected" if is_secret_name(key) else wrong
        problems.append(f"{source}: {key} {shown}")


def section_of(kind: Any) -> type | None:
    """Return the dataclass of which a table has one under each of its user's names, None for any other setting."""
    item = get_args(kind)[1] if get_origin(kind) is dict else None
    return item if isinstance(item, type) and dataclasses.is_dataclass(item) else None


def _named(section: type, problems: list[str], source: str, path: str, given: object) -> Any:
    """Return one section of a table of sections; None when it is wrong, which is then among the problems."""
    if not isinstance(given, dict):
        problems.append(f"{source}: {path} expects a table, got {type(given).__name__}")
        return None
    before = len(problems)
    kinds = {f"{path}.{key}": kind for key, kind in known_keys(section).items()}
    found: dict[str, Any] = {}
    for key, value in _flatten(given, f"{path}.", kinds):
        _accept(kinds, found, problems, source, key, value)
    for one in dataclasses.fields(section):
        required = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if required and f"{path}.{one.name}" not in found:
            problems.append(f"{source}: {path}.{one.name} is required")
    if len(problems) != before:
        return None
    try:
        return _build(section, f"{path}.", found)
    except UserError as wrong:
        problems.append(f"{source}: {wrong.message.removeprefix('bad settings: ')}")
        return None


def _suggest(key: str, kinds: Mapping[str, Any]) -> str:
    if key.startswith(PREFIX):
        key = key.removeprefix(PREFIX).lower().replace("_", ".")
    near = difflib.get_close_matches(key, kinds, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as missing:
        raise UserError(f"cannot read settings file {file}: {missing.strerror}") from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise UserError(f"settings file {file} is not TOML: {bad}") from bad


def _flatten(table: Mapping[str, Any], prefix: str, kinds: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and path not in kinds:
            yield from _flatten(value, f"{path}.", kinds)
        else:
            yield path, value


def _leaves(schema: type, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, kind in get_type_hints(schema).items():
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def _build(schema: type[T], prefix: str, found: Mapping[str, Any]) -> T:
    chosen: dict[str, Any] = {}
    for name, kind in get_type_hints(schema).items():
        path = f"{prefix}{name}"
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            chosen[name] = _build(kind, f"{path}.", found)
        elif path in found:
            chosen[name] = found[path]
    try:
        return schema(**chosen)
    except ValueError as wrong:
        raise UserError(f"bad settings: {prefix.rstrip('.') or 'top level'}: {wrong}") from wrong
