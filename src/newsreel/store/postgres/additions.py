"""Entries and wordings on their way in: many by COPY, a few by statements that go together.

Theory of operation. What hangs on a feed is written by who has locked its row of ``feed_state``:
so what is known under that lock stays so until the commit. Ids come in blocks, in the order in
which entries are given, which is that of a day's file. ``identities`` decides which entries are
new; only these are put into the partitions of their months.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from newsreel.errors import StoreError
from newsreel.store.postgres.connection import Connection
from newsreel.store.rows import WORDING_COLUMNS, dumps

FEW = 8
"""Up to so many rows COPY costs more than it saves: it can't go together with other statements."""
ENTRY_IDS, REVISION_IDS = "identities_entry_id_seq", "revisions_id_seq"
NEXT_IDS = "SELECT nextval(%s::regclass) FROM generate_series(1, %s)"
LOCK_FEEDS = """
    SELECT feed_id FROM feed_state WHERE feed_id = ANY(%s) ORDER BY feed_id FOR NO KEY UPDATE
"""
LOCK_TOMBSTONES = "LOCK TABLE tombstones IN ROW SHARE MODE"
"""Waits for who brings tombstones back, and lets nobody begin to until the commit."""
TOMBSTONES = "SELECT id, kind, at FROM tombstones WHERE id = ANY(%b)"
ADD_IDENTITIES = """
    INSERT INTO identities (entry_id, feed_id, identity_digest, public_id, day)
    SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[], %b::text[], %b::text[])
    ON CONFLICT DO NOTHING RETURNING entry_id
"""
NOTE_ADDED = """
    UPDATE feed_state SET entry_count = entry_count + %(count)s,
                          "window" = coalesce(%(window)s, "window")
    WHERE feed_id = %(feed_id)s AND (%(count)s > 0 OR "window" != %(window)s)
"""
_SHORT = {"number", "reread", "digest_version", "parser_version", "revision_count", "ordinal"}
_BYTES = {"capture", "digest", "observed"}
_LONG = {
    "id", "entry_id", "feed_id", "file_id", "revision_id", "seen_at", "absent_at", "published_at",
    "updated_at", "first_seen_at", "withheld_at",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A table that rows are put into, and the columns they have."""

    table: str
    columns: tuple[str, ...]

    @property
    def insert(self) -> bytes:
        """The statement for one row."""
        places = ", ".join(["%s"] * len(self.columns))
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({places})".encode()  # noqa: S608 - constants only

    @property
    def copy(self) -> bytes:
        """The statement for many."""
        return f"COPY {self.table} ({', '.join(self.columns)}) FROM STDIN (FORMAT BINARY)".encode()

    @property
    def types(self) -> list[str]:
        """The types of the columns."""
        return [_type_of(name) for name in self.columns]


ENTRIES = Target(
    "entries",
    (
        "id", "feed_id", "identity", "guid", "public_id", "day", "first_seen_at",
        "revision_count", "number", "reread", "seen_at", "digest", "digest_version",
        "parser_version", "observed", "withheld_at",
    ),
)  # fmt: skip
WORDINGS = Target(
    "revisions", ("id", "day", *(name.strip() for name in WORDING_COLUMNS.split(",")))
)
"""A wording's id and day, then its entry and whatever else it has."""


def _type_of(column: str) -> str:
    if column in _LONG:
        return "int8"
    if column in _SHORT:
        return "int4"
    return "bytea" if column in _BYTES else "text"


def lock_feeds(connection: Connection, feed_ids: Iterable[int]) -> None:
    """Let nobody else write what hangs on these feeds until the commit.

    Raises :class:`~newsreel.errors.StoreError` where one of them is gone.
    """
    wanted = sorted(set(feed_ids))
    found = {row[0] for row in connection.execute(LOCK_FEEDS, (wanted,))}
    for feed_id in wanted:
        if feed_id not in found:
            raise StoreError(
                f"there is no feed {feed_id} any more", hint="it was deleted meanwhile; run again"
            )


def together(connection: Connection, count: int) -> AbstractContextManager[object]:
    """Return what statements that add so many rows run in: a pipeline, where they are few."""
    return connection.pipeline() if count <= FEW else nullcontext()


def add_identities(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> set[int]:
    """Add entry ids, feed ids, identities' digests, public ids and days; return the new ones' ids.

    What has an identity or a public id that is there already is not added.
    """
    if not rows:
        return set()
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {row[0] for row in connection.execute(ADD_IDENTITIES, columns)}


def add_rows(connection: Connection, target: Target, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows to a table; the months of entries and wordings must be there."""
    if len(rows) <= FEW:
        run_each(connection, target.insert, rows)
        return
    with connection.cursor() as cursor, cursor.copy(target.copy) as copy:
        copy.set_types(target.types)
        for row in rows:
            copy.write_row(row)


def run_each(connection: Connection, query: str | bytes, rows: Sequence[Any]) -> None:
    """Run a statement once for each of these parameters; for none nothing is asked."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(query, rows)


def note_added(
    connection: Connection, feed_id: int, count: int, *, window: Sequence[int] | None = None
) -> None:
    """Count a feed's new entries, and note which entries stand in it (None: as before)."""
    if count or window is not None:
        text = None if window is None else dumps(window)
        connection.execute(NOTE_ADDED, {"feed_id": feed_id, "count": count, "window": text})
