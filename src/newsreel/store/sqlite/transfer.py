"""SQLite files as they are copied and checked."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from newsreel.errors import StoreBusy, StoreError
from newsreel.store.checks import Check, check_found
from newsreel.store.contents import ARCHIVE, EVERYTHING_KEPT, Row, Table, quoted, table
from newsreel.store.sqlite.database import BUSY_SECONDS, read_only_mode, transaction, translated
from newsreel.store.sqlite.holder import living_holders
from newsreel.store.sqlite.migrate import (
    check,
    check_current,
    check_whole,
    is_being_copied,
    migrate,
)

INDEX = (
    table("search_sites", "id host"),
    table("search_rows", "id entry_id revision_id feed_id site_id language"),
    table("search_config", "k v", "k", has_defaults=True),
    table("search_idx", "segid term pgno", "segid term", has_defaults=True),
    table("search_data", "id block", has_defaults=True),
    table("search_state", "terms bits pending traces", "terms", has_defaults=True),
)
"""FTS5 keeps its index in ``search_config``, ``search_idx`` and ``search_data``."""

DERIVED = {
    "revisions": {"day": "(SELECT e.day FROM entries e WHERE e.id = entry_id)"},
    "legacy_rows": {
        "entry_id": "(SELECT r.entry_id FROM revisions r WHERE r.id = revision_id)",
        "day": "(SELECT e.day FROM revisions r JOIN entries e ON e.id = r.entry_id "
        "WHERE r.id = revision_id)",
    },
}
"""What PostgreSQL keeps and we don't."""

CHECKS = (
    Check(
        "faults in the file's pages and indexes",
        "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check != 'ok'",
    ),
    Check(
        "rows that refer to what is not there",
        "SELECT \"table\" || ' ' || coalesce(rowid, '') FROM pragma_foreign_key_check",
    ),
    check_found("e.id <= (SELECT max(pending) FROM search_state)"),
)
MAKE_MARKS = """
    CREATE TABLE copying (
        part    TEXT PRIMARY KEY,   -- a table; '': the source, as it was when the copy began
        reached BLOB NOT NULL,
        rows    INTEGER NOT NULL
    ) STRICT
"""
BEGIN_MARKS = "INSERT INTO copying (part, reached, rows) VALUES ('', ?, 0)"
MARK = "SELECT reached, rows FROM copying WHERE part = ?"
ADD_MARK = "INSERT OR IGNORE INTO copying (part, reached, rows) VALUES (?, ?, ?)"
MOVE_MARK = "UPDATE copying SET reached = ?, rows = ? WHERE part = ? AND rows = ?"
MAKE_INDEX = """
    UPDATE search_state
    SET terms = '', bits = 14, traces = 0, pending = (SELECT coalesce(max(id), 0) FROM entries)
"""


class SqliteReader:
    """The :class:`~newsreel.store.transfer.Reader` of SQLite: one read transaction."""

    kind = "sqlite"
    index: tuple[Table, ...] = INDEX
    checks: tuple[Check, ...] = CHECKS

    def __init__(self, path: Path, *, is_copy: bool = False) -> None:
        if not path.is_file():
            raise StoreError(
                f"there is no database: {path}", hint="name one that 'newsreel poll' has filled"
            )
        self.name = str(path)
        self._path = path
        with translated(path):
            place = f"{path.absolute().as_uri()}?{read_only_mode(path)}"
            self._connection = _connected(place)
            try:
                check(self._connection)
                check_current(self._connection)
                if not is_copy:
                    check_whole(self._connection)
                self._connection.execute("BEGIN")
            except BaseException:
                self._connection.close()
                raise

    def writers(self) -> list[str]:
        return living_holders(self._path)

    def count(self, table: Table) -> int:
        (count,) = next(self.query(f'SELECT count(*) FROM "{table.name}"'))  # noqa: S608 - a name of ours
        return int(count)

    def rows(self, table: Table, *, after: Row | None = None) -> Iterator[Row]:
        query = table.select(
            placeholder="?",
            collation="BINARY",
            is_after=after is not None,
            expressions=DERIVED.get(table.name, EVERYTHING_KEPT),
        )
        with translated(self._path):
            yield from self._connection.execute(query, after or ())

    def query(self, query: str) -> Iterator[Row]:
        with translated(self._path):
            yield from self._connection.execute(query)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class SqliteWriter:
    """The :class:`~newsreel.store.transfer.Writer` of SQLite."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(0o600)  # it holds secrets
            self._connection = _connected(path.absolute().as_uri())
            try:
                check(self._connection)
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(
                    "PRAGMA synchronous = NORMAL"
                )  # a copy can be gone on with
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._connection.execute("PRAGMA cache_size = -65536")
                migrate(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def writers(self) -> list[str]:
        return living_holders(self._path)

    def source(self) -> bytes | None:
        with translated(self._path):
            if not is_being_copied(self._connection):
                return None
            found = self._connection.execute(MARK, ("",)).fetchone()
            return bytes(found[0])

    def is_empty(self) -> bool:
        queries = [f'SELECT 1 FROM "{table.name}"' for table in ARCHIVE]  # noqa: S608 - names of ours
        with translated(self._path):
            return not any(self._connection.execute(query).fetchone() for query in queries)

    def begin(self, source: bytes) -> None:
        with translated(self._path), transaction(self._connection):
            self._connection.execute(MAKE_MARKS)
            self._connection.execute(BEGIN_MARKS, (source,))

    def reached(self, table: Table) -> tuple[Row | None, int]:
        with translated(self._path):
            found = self._connection.execute(MARK, (table.name,)).fetchone()
        if found is None:
            return None, 0
        return tuple(msgspec.msgpack.decode(found[0])), found[1]

    def write(self, table: Table, rows: Sequence[Row], *, before: int) -> None:
        kept = [name for name in table.columns if name not in table.derived]
        places = ", ".join("?" * len(kept))
        query = f'INSERT INTO "{table.name}" ({quoted(kept)}) VALUES ({places})'  # noqa: S608 - names of ours
        mark = (msgspec.msgpack.encode(table.key_of(rows[-1])), before + len(rows))
        with translated(self._path), transaction(self._connection):
            if before:
                done = self._connection.execute(MOVE_MARK, (*mark, table.name, before))
            else:
                done = self._connection.execute(ADD_MARK, (table.name, *mark))
            if not done.rowcount:
                raise StoreBusy(
                    f"another copy goes into this database: {self.name}",
                    hint="let it come to its end",
                )
            if table.has_defaults and not before:
                self._connection.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - a name of ours
            self._connection.executemany(query, [row[: len(kept)] for row in rows])

    def finish(self, *, has_index: bool) -> None:
        with translated(self._path):
            with transaction(self._connection):
                if not has_index:
                    self._connection.execute(MAKE_INDEX)
                self._connection.execute("DROP TABLE copying")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _connected(place: str) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
    )
