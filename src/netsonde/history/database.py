# SPDX-License-Identifier: Apache-2.0
"""Connections to ClickHouse's dialect, in-process or over HTTP, each used by one thread at a time.

Connections run their statements beside each other, in-process too: one that reads sees the rows of inserts that had
ended when it began, and none of the others.

chDB: the first handle starts the engine inside this process and locks the directory. It installs signal handlers
for crashes (not SIGINT, SIGTERM, SIGCHLD) and blocks SIGPIPE in the thread that opens it, which is one more reason to
open it in a thread of its own: children started by the main thread keep their mask. It reads standard input at each
INSERT and takes what is there for rows: `process.leave_standard_input` first.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from netsonde.config.secrets import read_secret_file
from netsonde.errors import SourceLost, UserError, WireError
from netsonde.history.settings import HistorySettings

R = TypeVar("R")
Connect = Callable[[str | None], Any]
Buffer: TypeAlias = Any
"""What has the octets of a block: bytes, or Arrow's Buffer. `collections.abc.Buffer` comes with Python 3.12."""

DATABASE = "netsonde"
_MIB = 1024 * 1024
_MEMORY_LIMIT, _TIMEOUT_EXCEEDED = 241, 159
_BAD_DATA = frozenset({6, 26, 27, 32, 33, 43, 53, 69, 70, 72, 117, 321, 349, 636})
"""Codes of ClickHouse's errors for what cannot be read; of others (disk full, too many parts) time may cure."""


class Database:
    """One connection. Blocking; `workers.py` calls it from the loop."""

    def __init__(
        self, client: Any, connect: Callable[[], Any], lock: IO[str] | None = None, *, in_process: bool = False
    ) -> None:
        self._client = client
        self._connect = connect
        self._lock = lock
        self._in_process = in_process

    @classmethod
    def open(cls, settings: HistorySettings, directory: Path) -> "Database":
        """Connect and make sure that the database exists.

        Raises UserError when another process owns the directory or the address is wrong, SourceLost when the server
        does not answer.
        """
        if settings.url:
            connect, name = _server(settings)
            return cls(_writing(_with_database(connect, name)), lambda: connect(name))
        lock = _own(directory)
        try:
            connect = _engine(settings, directory)
            client = _writing(_with_database(connect, DATABASE))
            return cls(client, lambda: connect(DATABASE), lock, in_process=True)
        except BaseException:
            lock.close()
            raise

    def another(self) -> "Database":
        """Open one more connection to the same database; close it before this one."""
        return Database(_translated(self._connect), self._connect, in_process=self._in_process)

    def another_writer(self) -> "Database":
        """Open one more connection that writes; close it before this one."""
        return Database(_writing(_translated(self._connect)), self._connect, in_process=self._in_process)

    def others(self, count: int) -> "list[Database]":
        """Open so many more connections, or none of them."""
        with ExitStack() as opened:
            found: list[Database] = []
            for _ in range(count):
                another = self.another()
                opened.callback(another.close)
                found.append(another)
            opened.pop_all()
        return found

    def command(self, sql: str, **parameters: Any) -> str:
        """Run one statement and return its first value as text."""
        return str(_translated(lambda: self._client.command(sql, parameters=parameters or None)))

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        found = _translated(lambda: self._client.query(sql, parameters=parameters or None))
        return list(found.result_rows)

    def arrow(self, sql: str, *, threads: int | None = None, **parameters: Any) -> pa.Table:
        """Return the rows with text as binary columns, so that no byte is refused or changed.

        `threads` is for a statement that reads so little that more of them would only wait for each other.
        """
        # Said in the statement: given beside it, the client sets and resets them in five more statements, 4 ms in all.
        form = "output_format_arrow_string_as_string = 0, output_format_arrow_low_cardinality_as_dictionary = 0"
        form += "" if threads is None else f", max_threads = {threads}"
        data = _translated(
            lambda: self._client.raw_query(
                f"{sql} SETTINGS {form}", parameters=parameters or None, fmt="ArrowStream", use_database=True
            )
        )
        return pa.ipc.open_stream(data).read_all()

    def lines(self, sql: str, **parameters: Any) -> bytes:
        """Return rows of one column, a line each, as they are: the texts must have no line breaks."""
        found = _translated(
            lambda: self._client.raw_query(sql, parameters=parameters or None, fmt="TSVRaw", use_database=True)
        )
        return bytes(found)

    def insert(self, table: str, columns: Sequence[str], block: Buffer, form: str) -> None:
        """Insert one block of rows in the format `form`; returns when they are in the table's files.

        Raises WireError for a block that the engine cannot read, SourceLost when it may be inserted later.
        """
        insert = self._insert_from_memory if self._in_process else self._insert_over_network
        try:
            _translated(lambda: insert(table, columns, block, form))
        except DatabaseError as refused:
            if getattr(refused, "code", None) in _BAD_DATA:
                raise WireError(f"{table}: {_first_line(refused)}") from refused
            raise SourceLost(f"history does not take rows of {table}: {_first_line(refused)}") from refused
        except UserError as limit:
            raise SourceLost(f"history does not take rows of {table}: {limit.message}") from limit
        except OSError as full:
            # No room, or no file more, for the block on its way to the engine.
            raise SourceLost(f"history does not take rows of {table}: {full}") from full

    def _insert_over_network(self, table: str, columns: Sequence[str], block: Buffer, form: str) -> None:
        self._client.raw_insert(table, column_names=list(columns), insert_block=bytes(block), fmt=form)

    def _insert_from_memory(self, table: str, columns: Sequence[str], block: Buffer, form: str) -> None:
        """Let the engine read the block from a file that is on no disk; the client's way is a file in /tmp."""
        with open(os.memfd_create("history"), "wb") as file:
            file.write(block)
            file.flush()
            source = f"/proc/self/fd/{file.fileno()}"
            self._client.command(f"INSERT INTO {table} ({', '.join(columns)}) FROM INFILE '{source}' FORMAT {form}")

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[bytes]) -> int:
        """Insert rows given as JSON objects; returns how many the engine refused, which do not stop the others."""
        if not rows:
            return 0
        try:
            self.insert(table, columns, b"\n".join(rows), "JSONEachRow")
        except WireError:
            if len(rows) == 1:
                return 1
            middle = len(rows) // 2
            return self.insert_rows(table, columns, rows[:middle]) + self.insert_rows(table, columns, rows[middle:])
        return 0

    def close(self) -> None:
        self._client.close()
        if self._lock is not None:
            self._lock.close()


def _own(directory: Path) -> IO[str]:
    """Lock the directory for this process; the lock goes with the process, however it ends."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = open(directory / "owner.lock", "a+", encoding="ascii")  # noqa: SIM115  # closed by Database.close
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise UserError(
            f"history in {directory} is in use by process {owner}",
            hint="one analyzer owns the directory: stop the other one, choose another state directory, "
            "or let both use a ClickHouse server (history.url)",
        ) from taken
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _engine(settings: HistorySettings, directory: Path) -> Connect:
    options = {
        # Several statements run at once, few of them big; a write that finds no room is tried again.
        "max_server_memory_usage": settings.memory_mib * _MIB * 2,
        "mark_cache_size": 64 * _MIB,
        # Merges take turns on one processor: two would hold up inserts on a machine that has no more.
        "background_pool_size": 1,
        # Of three, the third is short (`derived.py`), and short ones go first. Two of flows may take minutes, in which
        # places of flows would lie in as many parts as there were inserts, and each lookup reads some of every part.
        "background_merges_mutations_concurrency_ratio": 3,
        "background_merges_mutations_scheduling_policy": "shortest_task_first",
        "background_schedule_pool_size": 4,
        "background_common_pool_size": 2,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "max_thread_pool_size": 64,
    }

    def connect(database: str | None) -> Any:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=str(directory / "chdb"),
            database=database,
            chdb_options=options,
            settings=_query_settings(settings) | {"max_threads": settings.threads},
        )

    return connect


def _server(settings: HistorySettings) -> tuple[Connect, str]:
    """Return how to connect, and the name of the database."""
    address = urlsplit(settings.url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise UserError(
            f"history.url {settings.url!r} is no address of a ClickHouse server",
            hint="write http://HOST:8123/DATABASE or https://USER@HOST:8443/DATABASE",
        )
    password = unquote(address.password or "")
    if settings.password_file is not None:
        password = read_secret_file(settings.password_file, "history.password_file")
    name = address.path.strip("/") or DATABASE

    def connect(database: str | None) -> Any:
        return clickhouse_connect.get_client(
            host=address.hostname,
            port=address.port or (8443 if address.scheme == "https" else 8123),
            secure=address.scheme == "https",
            username=unquote(address.username or "default"),
            password=password,
            database=database,
            settings=_query_settings(settings),
            connect_timeout=5,
            send_receive_timeout=int(settings.query_timeout) + 10,
            autogenerate_session_id=False,
            # Lists of ids do not fit into an address.
            form_encode_query_params=True,
        )

    return connect, name


def _with_database(connect: Connect, name: str) -> Any:
    """Return a client whose database exists."""
    first = _translated(lambda: connect("default"))
    try:
        _translated(lambda: first.command(f"CREATE DATABASE IF NOT EXISTS `{name.replace('`', '')}`"))
        return _translated(lambda: connect(name))
    finally:
        first.close()


def _writing(client: Any) -> Any:
    """Let the statements of a client take as long as they need: a write that is broken off has to be made again."""
    client.set_client_setting("max_execution_time", 0)
    # Rows that repeat others are left to the merges: looking for them in each insert costs more than all the rest.
    client.set_client_setting("optimize_on_insert", 0)
    client.set_client_setting("parallel_view_processing", 1)
    return client


def _query_settings(settings: HistorySettings) -> dict[str, Any]:
    return {
        "max_memory_usage": settings.memory_mib * _MIB,
        "max_execution_time": int(settings.query_timeout),
        # An insert returns when its rows are in a part on disk; batches are made by us, not by the engine.
        "async_insert": 0,
        # Reports of an agent whose clock is wrong make many partitions; that must not hold up the others.
        "throw_on_max_partitions_per_insert_block": 0,
    }


def _translated(work: Callable[[], R]) -> R:
    """Run `work`; a server that is away is SourceLost, a query that costs too much UserError."""
    try:
        return work()
    except OperationalError as lost:
        raise SourceLost(f"history: {_first_line(lost)}") from lost
    except DatabaseError as refused:
        code = getattr(refused, "code", None)
        if code in (_MEMORY_LIMIT, _TIMEOUT_EXCEEDED):
            raise UserError(
                f"history cannot answer that: {_first_line(refused)}",
                hint="ask for a shorter time or fewer rows, or raise history.memory_mib and history.query_timeout",
            ) from refused
        raise
    except ClickHouseError as failed:
        raise SourceLost(f"history: {_first_line(failed)}") from failed


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
