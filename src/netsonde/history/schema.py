# SPDX-License-Identifier: Apache-2.0
"""Brings the tables to what this program needs: numbered migrations, derived tables, retention.

Migrations are the files `migrations/NNNN_*.sql`, run once each, in order. The tables of flows and packets follow
from the schemas of the batches (`derived.py`): a new column there is a new column here.
"""

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final, TypeAlias

from netsonde.errors import UserError
from netsonde.history.database import Database
from netsonde.history.derived import FLOW_METRICS, FLOW_PLACES, FLOWS, PACKETS, DerivedTable
from netsonde.history.settings import HistorySettings
from netsonde.observe import logger

log = logger("history.schema")

_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, at DateTime64(3) DEFAULT now64(3))
ENGINE = MergeTree ORDER BY number
"""


Migration: TypeAlias = tuple[int, str, list[str]]
"""Number, name and statements."""

_WITH_ALL_TABLES: Final = 5
"""Migrations from this number on find the derived tables as they are to be; those before may change what is copied."""


def migrations() -> list[Migration]:
    """Return every migration, in order."""
    files = [
        file
        for file in resources.files("netsonde.history").joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(
        (int(file.name.split("_")[0]), file.name, statements(file.read_text(encoding="utf-8"))) for file in files
    )


def statements(text: str) -> list[str]:
    """Split a file of SQL at the semicolons that end a line, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = ("\n".join(lines) + "\n").split(";\n")
    return [part.strip() for part in parts if part.strip()]


def migrate(database: Database, settings: HistorySettings) -> None:
    """Create or bring up to date all tables; UserError when they are of a newer program."""
    database.command(_MIGRATIONS_TABLE)
    done = {int(row[0]) for row in database.rows("SELECT number FROM migrations")}
    known = migrations()
    newest = known[-1][0]
    if done and max(done) > newest:
        raise UserError(
            f"history was written by a newer Netsonde (schema {max(done)}, this one knows {newest})",
            hint="use that version, or another directory or database",
        )
    due = [migration for migration in known if migration[0] not in done]
    _run(database, [migration for migration in due if migration[0] < _WITH_ALL_TABLES])
    for table in (FLOWS, FLOW_PLACES, FLOW_METRICS, PACKETS):
        _derive(database, table)
    _set_what_newer_engines_know(database)
    _retain(database, settings)
    _run(database, [migration for migration in due if migration[0] >= _WITH_ALL_TABLES])


def _run(database: Database, due: Iterable[Migration]) -> None:
    for number, name, steps in due:
        for step in steps:
            database.command(step)
        database.command(
            "INSERT INTO migrations (number, name) VALUES ({number:UInt32}, {name:String})", number=number, name=name
        )


def _derive(database: Database, table: DerivedTable) -> None:
    database.command(table.create())
    _rebuild(database, table)
    _index(database, table)
    _set(database, table)
    codecs = dict(database.rows(f"SELECT name, compression_codec FROM system.columns WHERE {_HERE}", table=table.name))
    for name, kind in table.columns().items():
        if name not in codecs:
            database.command(f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {name} {kind}")
        elif _codec(codecs[name]) != _codec(kind):
            # For the rows to come; merges write the others anew.
            database.command(f"ALTER TABLE {table.name} MODIFY COLUMN {name} {_codec(kind)}")
    aliases = database.rows(
        f"SELECT name FROM system.columns WHERE {_HERE} AND default_kind = 'ALIAS'", table=table.name
    )
    if aliases:
        # Of a former version; every query paid for them.
        database.command(f"ALTER TABLE {table.name} {', '.join(f'DROP COLUMN {name}' for (name,) in aliases)}")


def _index(database: Database, table: DerivedTable) -> None:
    """Add indexes that are new: they know the rows to come, and merges write the others anew.

    What earlier builds had besides stays. To drop it the start would wait until the merges under way have ended.
    """
    found = database.rows(f"SELECT name FROM system.data_skipping_indices WHERE {_HERE}", table=table.name)
    present = {str(name) for (name,) in found}
    for index in table.indexes:
        name = index.split(" ")[0]
        if name not in present:
            database.command(f"ALTER TABLE {table.name} ADD INDEX IF NOT EXISTS {index}")


def _set(database: Database, table: DerivedTable) -> None:
    """Change the settings of a table of an earlier build; this writes none of its rows anew."""
    present = str(database.rows(f"SELECT engine_full FROM system.tables WHERE {_HERE_TABLE}", table=table.name)[0][0])
    _modify_settings(database, table.name, present, table.settings())


def _modify_settings(database: Database, table: str, engine: str, wanted: Mapping[str, int]) -> None:
    """Change the settings that are not in `engine`, the table's `engine_full`."""
    lacking = [f"{name} = {value}" for name, value in wanted.items() if not re.search(rf"\b{name} = {value}\b", engine)]
    if lacking:
        database.command(f"ALTER TABLE {table} MODIFY SETTING {', '.join(lacking)}")


def _codec(kind: str) -> str:
    """Return the codec of a column; the engine adds the width that differences are taken in."""
    return re.sub(r"Delta\(\d+\)", "Delta", kind[kind.find("CODEC") :])


def _rebuild(database: Database, table: DerivedTable) -> None:
    """Copy the rows into a new table where the order, or how a column is stored, is no longer what is wanted.

    Interrupted, it begins anew: the tables are exchanged, at once, when all is copied.
    """
    fresh = f"{table.name}_rebuilt"
    # Left behind by a start that was interrupted: the copy half-way, or the former table after the exchange.
    database.command(f"DROP TABLE IF EXISTS {fresh}")
    order, *_ = database.rows(f"SELECT sorting_key FROM system.tables WHERE {_HERE_TABLE}", table=table.name)[0]
    kinds = dict(database.rows(f"SELECT name, type FROM system.columns WHERE {_HERE}", table=table.name))
    former = {name: sql for column, (name, sql) in table.former.items() if column in kinds}
    wanted = {name: kind.split(" ")[0] for name, kind in table.columns().items()}
    if str(order) == table.order and not former and all(kinds.get(name, kind) == kind for name, kind in wanted.items()):
        return
    log.info("a table of history is rebuilt", table=table.name)
    database.command(table.create(fresh))
    present = {*kinds, *former}
    served = {*table.names, "recorded_at"}
    lacking = {table.stored_name(name) for name in served - present}
    copied = {
        name: name if name in present else sql
        for name, sql in table.stored_sql().items()
        if name in present or name not in lacking
    }
    columns, values = ", ".join(copied), ", ".join(copied.values())
    source = "".join(f", {sql} AS {name}" for name, sql in former.items())
    database.command(f"INSERT INTO {fresh} ({columns}) SELECT {values} FROM (SELECT *{source} FROM {table.name})")
    database.command(f"EXCHANGE TABLES {table.name} AND {fresh}")
    database.command(f"DROP TABLE {fresh}")


_HERE = "database = currentDatabase() AND table = {table:String}"


_OF_NEWER_ENGINES: Final = {
    # Else merges count what is in columns, a sixth of their work, for plans of joins.
    "auto_statistics_types": "",
    # Else who is the first to ask for a row of a part waits until the marks of each column are read, 83 files.
    "prewarm_mark_cache": "1",
}
"""Settings of all tables that not every engine knows."""


def _set_what_newer_engines_know(database: Database) -> None:
    names = ", ".join(f"'{name}'" for name in _OF_NEWER_ENGINES)
    known = dict(database.rows(f"SELECT name, value FROM system.merge_tree_settings WHERE name IN ({names})"))
    wanted = {name: value for name, value in _OF_NEWER_ENGINES.items() if known.get(name, value) != value}
    tables = database.rows(
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    for table, engine in tables:
        lacking = [f"{name} = '{value}'" for name, value in wanted.items() if name not in engine]
        if lacking:
            database.command(f"ALTER TABLE {table} MODIFY SETTING {', '.join(lacking)}")


def _retain(database: Database, settings: HistorySettings) -> None:
    """Set how long rows are kept, where that differs from what the table has; the engine drops parts that are over."""
    for table, column, days in (
        ("revisions", "toDateTime(intDiv(at, 1000), 'UTC')", settings.topology_days),
        ("keyframes", "toDateTime(intDiv(at, 1000), 'UTC')", settings.topology_days),
        ("interface_metrics", "toDateTime(intDiv(last_ms, 1000), 'UTC')", settings.metrics_days),
        ("flows", "recorded_at", settings.flows_days),
        ("flow_places", "recorded_at", settings.flows_days),
        ("flow_metrics", "recorded_at", settings.flows_days),
        ("packets", "recorded_at", settings.packets_days),
    ):
        seconds = max(1, round(days * 86_400))
        rule = f"{column} + toIntervalSecond({seconds})"
        present = database.rows(f"SELECT engine_full FROM system.tables WHERE {_HERE_TABLE}", table=table)[0][0]
        # Looked at as often as a hundredth of the time, between a second and an hour.
        wanted = _EXPIRY | {"merge_with_ttl_timeout": min(3600, max(1, seconds // 100))}
        if table == "keyframes":
            # All in one part, a few rows.
            del wanted["ttl_only_drop_parts"]
        _modify_settings(database, table, present, wanted)
        if rule not in present:
            # Of what is there the ends are computed anew, which a merge under way holds up: not waited for.
            database.command(f"ALTER TABLE {table} MODIFY TTL {rule} SETTINGS alter_sync = 0")


_EXPIRY: Final = {
    # Else each part of the oldest day would be written anew, once an hour, without the rows of the hour before.
    "ttl_only_drop_parts": 1,
    # Else another time to keep rows would mean to write all of them anew before the program has started.
    "materialize_ttl_recalculate_only": 1,
}
_HERE_TABLE = "database = currentDatabase() AND name = {table:String}"
