# SPDX-License-Identifier: Apache-2.0
"""The files of `netsonde apply`: YAML documents, each an object with its kind, name, members and place."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from netsonde.api.bodies import convert, spelt
from netsonde.cli.apply_kinds import KINDS, WORKED_OUT, Kind, Members
from netsonde.cli.apply_marks import read_mark
from netsonde.errors import UserError
from netsonde.query.errors import did_you_mean

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_KINDS: Final = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is written; documents and lines count from 1."""

    file: str
    document: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}, document {self.document}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object as the files want it: the members that they name, no others."""

    kind: Kind
    name: str
    members: Members
    place: Place

    @property
    def title(self) -> str:
        return f"{self.kind.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Wrong:
    """An object that cannot be had, and why."""

    place: str
    error: UserError

    def explain(self) -> str:
        error = self.error
        message = f"{self.place}: {error.message}"
        return UserError(message, hint=error.hint, span=error.span, text=error.text).explain()


def read(files: Sequence[str]) -> tuple[list[Wanted], list[Wrong]]:
    """Return the objects of files, folders and `-`, and those that are wrong; UserError when one is no YAML."""
    documents = [document for name, text in _texts(files) for document in _documents(name, text)]
    wanted: dict[str, Wanted] = {}
    wrong: list[Wrong] = []
    for place, data in documents:
        try:
            one = _wanted(place, data)
            if one.title in wanted:
                raise UserError(
                    f"{one.title} is there twice, first in {wanted[one.title].place}", hint="keep one of the two"
                )
            wanted[one.title] = one
        except UserError as error:
            wrong.append(Wrong(str(place), error))
    return [*wanted.values()], wrong


def _texts(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names and contents."""
    for name in files:
        if name == "-":
            yield "standard input", _text("standard input", sys.stdin.read)
            continue
        for path in _paths(Path(name)):
            yield str(path), _text(str(path), partial(path.read_text, encoding="utf-8"))


def _text(name: str, read: Callable[[], str]) -> str:
    try:
        return read()
    except OSError as failed:
        raise UserError(f"cannot read {name}: {failed.strerror}") from failed
    except UnicodeDecodeError as bad:
        raise UserError(f"{name} is not UTF-8: {bad.reason} at byte {bad.start}") from bad


def _paths(path: Path) -> list[Path]:
    """Return a file itself, or the files below a folder whose names say that they are YAML or JSON, but hidden ones."""
    if not path.is_dir():
        return [path]
    visible = (one for one in path.rglob("*") if not any(part[0] == "." for part in one.relative_to(path).parts))
    found = sorted(one for one in visible if one.suffix in _SUFFIXES and one.is_file())
    if not found:
        raise UserError(f"{path} has no file that ends in {', '.join(_SUFFIXES)}")
    return found


def _documents(name: str, text: str) -> Iterator[tuple[Place, Any]]:
    """Yield documents as plain data; empty ones are left out."""
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                # A few aliases of aliases describe more data than fits into memory; the API refuses them as well.
                line = event.start_mark.line + 1
                raise UserError(f"{name}, line {line}: aliases are not accepted", hint="write the values out")
        loader = yaml.CSafeLoader(text)
        number = 0
        while loader.check_node():
            node = loader.get_node()
            number += 1
            data = loader.construct_document(node)
            if data is not None:
                yield Place(name, number, node.start_mark.line + 1), data
    except (yaml.YAMLError, ValueError) as bad:
        raise UserError(f"{name} is not YAML: {_reason(bad)}", hint="nothing was done") from bad
    except RecursionError as bad:
        raise UserError(f"{name} is nested too deeply", hint="nothing was done") from bad


def _reason(bad: Exception) -> str:
    mark = getattr(bad, "problem_mark", None)
    if mark is None:
        return str(bad)
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(bad, 'problem', None) or bad}"


def _wanted(place: Place, data: Any) -> Wanted:
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise UserError("it is no object", hint="write members, such as Kind: Capture, one a line")
    kind = _kind(data.get("Kind"))
    given = {name: value for name, value in data.items() if name != "Kind"}
    members = _members(kind, given)
    name = members.get("Name")
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"this {kind.name} has no Name", hint="objects of one kind are told apart by it")
    return Wanted(kind, name, members, place)


def _kind(name: object) -> Kind:
    found = _KINDS.get(name) if isinstance(name, str) else None
    if found is None:
        known = f"one of {', '.join(_KINDS)}"
        hint = did_you_mean(name, _KINDS, known) if isinstance(name, str) else known
        raise UserError("it has no Kind" if name is None else f"no Kind is called {name!r:.80}", hint=hint)
    return found


def _members(kind: Kind, given: dict[str, Any]) -> Members:
    """Return the members that were given, each as the server would serve it."""
    whole = msgspec.to_builtins(
        convert(spelt(given) if kind.name == "Workflow" else given, kind.definition, ignored=kind.computed)
    )
    named = {name.lower() for name in given} - {name.lower() for name in kind.computed}
    members = {name: value for name, value in whole.items() if name.lower() in named}
    members = {name: value for name, value in members.items() if value or name not in WORKED_OUT}
    if "Description" in members:
        members["Description"] = read_mark(members["Description"])[0]
    return members
