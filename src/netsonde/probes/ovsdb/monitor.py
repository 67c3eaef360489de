# SPDX-License-Identifier: Apache-2.0
"""A copy of the monitored rows, kept true by `monitor_cond_since` updates. Pure.

Source: RFC 7047 §5.1 for values, ovsdb-server(7) §4.1.12–14 for `update2` and `update3`: a modification of a map or a
set is a difference, of anything else the new value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from netsonde.errors import WireError
from netsonde.model.elements import Json
from netsonde.probes.ovsdb.columns import SHOWN, WANTED, Columns

Atom: TypeAlias = str | int | float | bool
Column: TypeAlias = dict[str, str] | tuple[Atom, ...]
Row: TypeAlias = dict[str, Column]
RowKey: TypeAlias = tuple[str, str]
"""Table, UUID of the row."""


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """What a difference means: of maps and of sets with more than one member it is one, else it is the value."""

    is_map: bool
    is_set: bool


class Replica:
    """The rows by table and UUID, and the columns that this server has."""

    def __init__(self, wanted: Columns = WANTED) -> None:
        self._wanted = wanted
        self.rows: dict[str, dict[str, Row]] = {table: {} for table in wanted}
        self._kinds: dict[str, dict[str, ColumnKind]] = {}

    def use_schema(self, schema: Json) -> None:
        """Learn the columns; WireError when it is no schema. Older servers have fewer, and fewer tables."""
        try:
            tables = _object(_object(schema)["tables"])
            self._kinds = {
                table: {
                    column: _kind(definition)
                    for column, definition in _object(_object(tables[table])["columns"]).items()
                    if column in columns
                }
                for table, columns in self._wanted.items()
                if table in tables or table in SHOWN
            }
        except (KeyError, ValueError) as wrong:
            raise WireError(f"ovsdb-server sent a schema that cannot be used: {wrong}") from wrong

    def columns(self) -> dict[str, list[Json]]:
        """Return the wanted columns that this server has, by table."""
        return {table: [*sorted(kinds)] for table, kinds in self._kinds.items()}

    def requests(self) -> dict[str, Json]:
        """Return what to monitor."""
        return {table: [{"columns": columns}] for table, columns in self.columns().items()}

    def update(self, updates: Json, *, anew: bool = False) -> set[RowKey]:
        """Take `updates2` in, all of it or nothing, and return the rows that were touched or are gone.

        `anew`: these are all the rows that there are. WireError when it cannot be understood.
        """
        changed: dict[RowKey, Row | None] = {}
        if anew:
            changed.update(((table, uuid), None) for table, rows in self.rows.items() for uuid in rows)
        try:
            for table, rows in _object(updates).items():
                if table in self._kinds:
                    for uuid, change in _object(rows).items():
                        changed[table, uuid] = self._changed(table, uuid, _object(change))
        except (KeyError, ValueError, TypeError) as wrong:
            raise WireError(f"ovsdb-server sent an update that cannot be used: {wrong}") from wrong
        for (table, uuid), row in changed.items():
            if row is None:
                self.rows[table].pop(uuid, None)
            else:
                self.rows[table][uuid] = row
        return set(changed)

    def _changed(self, table: str, uuid: str, change: dict[str, Json]) -> Row | None:
        """Return a row as it is after a change, None when it is gone."""
        if "delete" in change:
            return None
        kinds = self._kinds[table]
        if "modify" not in change:
            new = _object(change["insert"] if "insert" in change else change["initial"])
            return {column: _value(value) for column, value in new.items() if column in kinds}
        if uuid not in self.rows[table]:
            raise ValueError(f"row {uuid} of {table} is changed and was never told")
        row = dict(self.rows[table][uuid])
        for column, value in _object(change["modify"]).items():
            if column in kinds:
                row[column] = _apply(kinds[column], row.get(column), _value(value))
        return row


def _apply(kind: ColumnKind, before: Column | None, value: Column) -> Column:
    if kind.is_map and isinstance(value, dict):
        known = before if isinstance(before, dict) else {}
        merged = {key: item for key, item in known.items() if value.get(key) != item}
        return merged | {key: item for key, item in value.items() if known.get(key) != item}
    if kind.is_set and isinstance(value, tuple):
        known_items = before if isinstance(before, tuple) else ()
        return (*(item for item in known_items if item not in value), *_without(value, known_items))
    return value


def _without(items: Iterable[Atom], known: tuple[Atom, ...]) -> Iterable[Atom]:
    return (item for item in items if item not in known)


def _kind(definition: Json) -> ColumnKind:
    kind = _object(definition)["type"]
    if not isinstance(kind, dict):
        return ColumnKind(is_map=False, is_set=False)
    return ColumnKind(is_map="value" in kind, is_set="value" not in kind and kind.get("max", 1) != 1)


def _value(value: Json) -> Column:
    """Return a map as a dict of text, everything else as a tuple: a lone atom and a set of one are the same."""
    if isinstance(value, list) and len(value) == 2:
        if value[0] == "map" and isinstance(value[1], list):
            pairs = (_pair(pair) for pair in value[1])
            return {str(_atom(key)): str(_atom(item)) for key, item in pairs}
        if value[0] == "set" and isinstance(value[1], list):
            return tuple(_atom(item) for item in value[1])
    return (_atom(value),)


def _pair(value: Json) -> tuple[Json, Json]:
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    raise ValueError(f"{value!r} is no pair")


def _atom(value: Json) -> Atom:
    if isinstance(value, list) and len(value) == 2 and value[0] in ("uuid", "named-uuid"):
        value = value[1]
    if isinstance(value, str | int | float):
        return value
    raise ValueError(f"{value!r} is no value")


def _object(value: Json) -> dict[str, Json]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"{value!r:.60} is no object")
