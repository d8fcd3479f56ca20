"""PostgreSQL databases as they are copied and checked."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

import msgspec
import psycopg
from psycopg import ServerCursor

from newsreel.errors import StoreBusy, StoreError
from newsreel.store.checks import Check, check_found
from newsreel.store.contents import ARCHIVE, BATCH_SIZE, Row, Table, quoted, size_of, table
from newsreel.store.postgres.address import parse_address
from newsreel.store.postgres.connection import LOCK_SECONDS, Connection, end, translated
from newsreel.store.postgres.database import NOW
from newsreel.store.postgres.migrate import (
    check,
    check_current,
    check_whole,
    is_being_copied,
    migrate,
)
from newsreel.store.postgres.partitions import ensure_months
from newsreel.store.postgres.rows import identity_digest
from newsreel.store.postgres.search_index import ALL_PENDING

FETCHED = 100
"""Rows of a cursor at once, or as many as a batch may hold: a text may be of many megabytes."""
DEAD_SECONDS = 20

INDEX = (
    table("search_rows", "id entry_id revision_id feed_id site language terms"),
    table("search_pending", "id first_id last_id entries"),
    table("search_state", "terms", "terms", texts="terms", has_defaults=True),
)

# Nothing else runs in these transactions: they may last as long as it takes.
NO_LIMITS = f"""
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL lock_timeout = '{LOCK_SECONDS}s'
"""
BEGIN_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {NO_LIMITS}"
BEGIN_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {NO_LIMITS}"
LATE_COMMITS = "SET LOCAL synchronous_commit = off"
"""A batch whose commit a crash undoes is copied again, for its mark goes with it."""

WORKERS = f"""
    SELECT machine || ' ' || pid || ' (' || name || ')' FROM workers
    WHERE ended_at IS NULL AND beat_at > {NOW} - {DEAD_SECONDS}000000 ORDER BY name
"""  # noqa: S608 - constants only
MAKE_MARKS = """
    CREATE TABLE copying (
        part    TEXT COLLATE "C" PRIMARY KEY,   -- a table; '': the source as the copy began
        reached BYTEA NOT NULL,
        rows    BIGINT NOT NULL
    )
"""
BEGIN_MARKS = "INSERT INTO copying (part, reached, rows) VALUES ('', %s, 0)"
MARK = "SELECT reached, rows FROM copying WHERE part = %s"
ADD_MARK = "INSERT INTO copying (part, reached, rows) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
MOVE_MARK = "UPDATE copying SET reached = %s, rows = %s WHERE part = %s AND rows = %s"
MAKE_INDEX = f"UPDATE search_state SET terms = ''; {ALL_PENDING}"  # noqa: S608 - constants only
COUNTED = (
    ("feeds", "id"),
    ("identities", "entry_id"),
    ("revisions", "id"),
    ("observations", "id"),
    ("polls", "id"),
    ("gaps", "id"),
    ("legacy_files", "id"),
    ("search_pending", "id"),
)
"""Whose ids are given by a sequence."""

OURS = "relnamespace = current_schema()::regnamespace"
DETACHED = "attach them with 'ALTER TABLE ... ATTACH PARTITION'; without, their rows are not there"
CHECKS = (
    check_found(
        "EXISTS (SELECT FROM search_pending p WHERE e.id BETWEEN p.first_id AND p.last_id)"
    ),
    Check(
        "pages of the disk whose checksums failed",
        "SELECT checksum_failures || ', the last ' || checksum_last_failure FROM pg_stat_database "
        "WHERE datname = current_database() AND checksum_failures > 0",
        "stop writing, look for a failing disk, and restore a backup",
    ),
    Check(
        "constraints that were never validated",
        "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint "
        "WHERE NOT convalidated AND connamespace = current_schema()::regnamespace",
        "validate them with 'ALTER TABLE ... VALIDATE CONSTRAINT ...'",
    ),
    Check(
        "indexes that are not valid",
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "  # noqa: S608 - constants only
        f"WHERE NOT i.indisvalid AND c.{OURS}",
        "make them anew with 'REINDEX INDEX ...'",
    ),
    Check(
        "partitions that are not attached",
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition "  # noqa: S608 - constants only
        f"AND relname ~ '^(entries|revisions)_[0-9]{{4}}_[0-9]{{2}}$' AND {OURS}",
        DETACHED,
    ),
    Check(
        "months with a partition for entries or for wordings alone",
        "SELECT right(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent IN ('entries'::regclass, 'revisions'::regclass) "
        "GROUP BY 1 HAVING count(*) != 2",
        DETACHED,
    ),
    Check(
        "entries that are not what their identity says",
        "SELECT e.public_id FROM entries e LEFT JOIN identities i ON i.entry_id = e.id "
        "WHERE i.entry_id IS NULL OR i.feed_id != e.feed_id OR i.public_id != e.public_id "
        "OR i.day != e.day OR i.identity_digest != "
        "substring(sha256(convert_to(e.identity, 'UTF8')) FOR 16)",
    ),
    Check(
        "identities without an entry",
        "SELECT i.public_id FROM identities i "
        "WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.id = i.entry_id AND e.day = i.day)",
    ),
    Check(
        "wordings of another day than their entry's",
        "SELECT i.public_id FROM revisions r JOIN identities i ON i.entry_id = r.entry_id "
        "WHERE i.day != r.day",
    ),
    Check(
        "imported records that are not where their wording is",
        "SELECT l.file_id || ' ' || l.ordinal FROM legacy_rows l "
        "JOIN revisions r ON r.id = l.revision_id "
        "WHERE r.entry_id != l.entry_id OR r.day != l.day",
    ),
    Check(
        "feeds whose host nobody can lease, so that they are never polled",
        "SELECT f.url FROM feeds f "
        "WHERE NOT EXISTS (SELECT 1 FROM host_leases h WHERE h.host = f.host)",
        "copy the database into another one with 'newsreel db copy'",
    ),
    *(
        Check(
            f"sequences that would give an id of {name} twice",
            f"SELECT '{name}' WHERE (SELECT max({column}) FROM {name}) > "  # noqa: S608 - names of ours
            f"coalesce(pg_sequence_last_value(pg_get_serial_sequence('{name}', '{column}')), 0)",
            "set it with 'SELECT setval(...)' to the greatest id",
        )
        for name, column in COUNTED
    ),
)


class PostgresReader:
    """The :class:`~newsreel.store.transfer.Reader` of PostgreSQL: one transaction, one moment."""

    kind = "postgresql"
    index: tuple[Table, ...] = INDEX
    checks: tuple[Check, ...] = CHECKS

    def __init__(self, address: str, *, is_copy: bool = False) -> None:
        self._address = parse_address(address)
        self.name = self._address.shown
        self._cursors = 0
        with translated(self._address):
            self._connection = Connection.to(self._address)
            try:
                check(self._connection)
                check_current(self._connection)
                if not is_copy:
                    check_whole(self._connection)
                self._connection.execute(BEGIN_READ)
            except BaseException:
                self._connection.close()
                raise

    def writers(self) -> list[str]:
        return [row[0] for row in self.query(WORKERS)]

    def count(self, table: Table) -> int:
        (count,) = next(self.query(f'SELECT count(*) FROM "{table.name}"'))  # noqa: S608 - a name of ours
        return int(count)

    def rows(self, table: Table, *, after: Row | None = None) -> Iterator[Row]:
        query = table.select(placeholder="%s", collation='"C"', is_after=after is not None)
        yield from self._fetched(query, after or (), share=0.1)  # by indexes, without sorting

    def query(self, query: str) -> Iterator[Row]:
        yield from self._fetched(query.replace("%", "%%"), (), share=1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _fetched(self, query: str, values: Row, *, share: float) -> Iterator[Row]:
        """Yield rows from a cursor of the server; ``share``: how many the planner counts on."""
        self._cursors += 1
        with translated(self._address):
            self._connection.execute(f"SET LOCAL cursor_tuple_fraction = {share}")
            name = f"newsreel_{self._cursors}"
            with ServerCursor[tuple[Any, ...]](self._connection, name) as cursor:
                cursor.execute(query, values)
                count = 1
                while rows := cursor.fetchmany(count):
                    yield from rows
                    size = sum(map(size_of, rows)) // len(rows) + 1
                    count = min(max(1, BATCH_SIZE // size), 4 * count, FETCHED)


class PostgresWriter:
    """The :class:`~newsreel.store.transfer.Writer` of PostgreSQL."""

    kind = "postgresql"

    def __init__(self, address: str) -> None:
        self._address = parse_address(address)
        self.name = self._address.shown
        with translated(self._address):
            self._connection = Connection.to(self._address)
            try:
                check(self._connection)
                migrate(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def writers(self) -> list[str]:
        with translated(self._address):
            return [row[0] for row in self._connection.execute(WORKERS)]

    def source(self) -> bytes | None:
        with translated(self._address):
            if not is_being_copied(self._connection):
                return None
            found = self._connection.execute(MARK, ("",)).fetchone()
            assert found is not None
            return bytes(found[0])

    def is_empty(self) -> bool:
        queries = [f'SELECT 1 FROM "{table.name}" LIMIT 1' for table in ARCHIVE]  # noqa: S608 - names of ours
        with translated(self._address):
            return not any(self._connection.execute(query).fetchone() for query in queries)

    def begin(self, source: bytes) -> None:
        with self._transaction() as connection:
            connection.execute(MAKE_MARKS)
            connection.execute(BEGIN_MARKS, (source,))

    def reached(self, table: Table) -> tuple[Row | None, int]:
        with translated(self._address):
            found = self._connection.execute(MARK, (table.name,)).fetchone()
        if found is None:
            return None, 0
        return tuple(msgspec.msgpack.decode(found[0])), found[1]

    def write(self, table: Table, rows: Sequence[Row], *, before: int) -> None:
        mark = (msgspec.msgpack.encode(table.key_of(rows[-1])), before + len(rows))
        with self._transaction() as connection:
            connection.execute(LATE_COMMITS)
            if before:
                done = connection.execute(MOVE_MARK, (*mark, table.name, before))
            else:
                done = connection.execute(ADD_MARK, (table.name, *mark))
            if not done.rowcount:
                raise StoreBusy(
                    f"another copy goes into this database: {self.name}",
                    hint="let it come to its end",
                )
            _check_texts(table, rows)
            if table.has_defaults and not before:
                connection.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - a name of ours
            if table.name == "entries":
                _write_entries(connection, table, rows)
            else:
                _add(connection, table.name, table.columns, rows)

    def finish(self, *, has_index: bool) -> None:
        with self._transaction() as connection:
            for name, column in COUNTED:
                connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), max({column})) "  # noqa: S608 - names of ours
                    f"FROM {name} HAVING max({column}) > 0"
                )
            connection.execute(
                "SELECT setval('dirty_marks', max(mark)) FROM dirty HAVING max(mark) > 0"
            )
            if not has_index:
                connection.execute(MAKE_INDEX)
            connection.execute("DROP TABLE copying")
        with translated(self._address):  # nobody analyses the whole of what is partitioned
            names = ", ".join(table.name for table in ARCHIVE)
            self._connection.execute(f"ANALYZE identities, {names}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated(self._address):
            self._connection.execute(BEGIN_WRITE)
            try:
                yield self._connection
                end(self._connection, "COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    end(self._connection, "ROLLBACK")
                raise


def _check_texts(table: Table, rows: Sequence[Row]) -> None:
    """Raise for a text that SQLite holds and PostgreSQL can't."""
    for row in rows:
        if any(isinstance(value, str) and "\0" in value for value in row):
            key = " ".join(map(str, table.key_of(row)))
            raise StoreError(
                f"{table.name} {key} holds a NUL character, which PostgreSQL can't",
                hint="take it out of the source, with SQLite's own means, and copy again",
            )


def _write_entries(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add entries, with the months they lie in and what they are known by."""
    places = [table.columns.index(name) for name in ("id", "feed_id", "public_id", "day")]
    identity = table.columns.index("identity")
    ensure_months(connection, {row[places[-1]] for row in rows})
    known = [(*(row[place] for place in places), identity_digest(row[identity])) for row in rows]
    columns = ("entry_id", "feed_id", "public_id", "day", "identity_digest")
    _add(connection, "identities", columns, known)
    _add(connection, table.name, table.columns, rows)


def _add(connection: Connection, name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    query = f'COPY "{name}" ({quoted(columns)}) FROM STDIN'
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)
