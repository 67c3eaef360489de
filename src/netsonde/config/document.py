# SPDX-License-Identifier: Apache-2.0
"""The reference page of the settings, made from the dataclasses themselves: path, default, docstring."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import get_type_hints

from netsonde.config.loader import section_of


@dataclasses.dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting as the reference page shows it."""

    path: str
    default: str
    text: str


def describe(schema: type) -> list[SettingDoc]:
    """Return every setting of a dataclass tree, in the order of declaration."""
    return list(_walk(schema, ""))


def _walk(schema: type, prefix: str) -> Iterator[SettingDoc]:
    texts = _docstrings(schema)
    kinds = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        kind = kinds[field.name]
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            yield from _walk(kind, f"{prefix}{field.name}.")
            continue
        yield SettingDoc(f"{prefix}{field.name}", _default(field), texts.get(field.name, ""))
        section = section_of(kind)
        if section is not None:
            yield from _walk(section, f"{prefix}{field.name}.NAME.")


def _default(field: "dataclasses.Field[object]") -> str:
    if "shown" in field.metadata:
        # A default that differs from machine to machine.
        return str(field.metadata["shown"])
    if field.default is not dataclasses.MISSING:
        return str(list(field.default) if isinstance(field.default, tuple) else field.default)
    if field.default_factory is not dataclasses.MISSING:
        return str(field.default_factory())
    return "required"


def _docstrings(schema: type) -> dict[str, str]:
    """Return the string that follows each field in the source of the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(schema))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(after, ast.Expr):
            value = after.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[before.target.id] = " ".join(value.value.split())
    return found
