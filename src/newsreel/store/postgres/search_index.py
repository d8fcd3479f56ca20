"""The search index in PostgreSQL: kept with what it indexes, in the same transaction.

Theory of operation. Many workers write at once, and none waits for another: numbers of rows come
from a sequence (:mod:`newsreel.store.postgres.search_places`), and a row is taken out by its
number, whatever rules its tokens were made by. Whoever changes an entry holds its feed's lease, so
two never bring the same entry up to date.

While the index is being made anew, ``search_pending`` holds stretches of entries that are not in
it yet. Who indexes a stretch locks it, and others pass over it to the next. Who changes an entry
locks its stretch as well, together with others like him: then nobody indexes the entry meanwhile
as it was before. Where somebody does already, the entry is left to be indexed once more. So nobody
waits, and no two wait for each other.

New rows of a transaction are written together, at its end or before rows are looked at.
"""

import asyncio
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import selectolax
from psycopg import errors

from newsreel.core.searchable import Searchable, moment_of, searchable_of
from newsreel.core.terms import TERMS_VERSION
from newsreel.store.postgres.connection import LOCK_SECONDS, Connection, translated
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.search_places import base_of
from newsreel.store.postgres.search_vectors import cut_host, marks_of, vectors_of
from newsreel.store.rows import CONTENT_COLUMNS, content_of, known_moment

TERMS = f"{TERMS_VERSION} unicode {unicodedata.unidata_version} lexbor {selectolax.__version__}"
"""What the tokens of a text depend on."""

BATCH = 500
BACKLOG = 50
"""Entries that are indexed beside each poll while the index is being made."""
ATTEMPTS = 60
"""How often the index is tried to be had alone."""
STRETCH = 500
"""Numbers of entries that wait together to be indexed."""

# Who empties the index waits for those who write to it, and the other way round: so what is asked
# next is as it stands after that.
STATE = """
    LOCK TABLE search_rows IN ROW EXCLUSIVE MODE;
    SELECT terms, EXISTS (SELECT FROM search_pending) FROM search_state
"""
HELD = """
    SELECT e.id, p.id FROM unnest(%s::bigint[]) AS e (id)
    JOIN search_pending p ON e.id BETWEEN p.first_id AND p.last_id
"""
HOLD = f"{HELD} FOR SHARE OF p SKIP LOCKED"
ONCE_MORE = """
    INSERT INTO search_pending (first_id, last_id, entries)
    SELECT e.id, e.id, 1 FROM unnest(%s::bigint[]) AS e (id)
"""
# Whoever indexes an older stretch with the same entries has to be done first.
CLAIM = """
    SELECT p.id, p.first_id, p.last_id, p.entries FROM search_pending p
    WHERE NOT EXISTS (SELECT FROM search_pending o WHERE o.id < p.id
                      AND o.last_id >= p.first_id AND o.first_id <= p.last_id)
    ORDER BY p.last_id DESC LIMIT 1 FOR UPDATE OF p SKIP LOCKED
"""
WAIT = "SELECT FROM search_pending ORDER BY id LIMIT 1 FOR UPDATE"
OF_A_STRETCH = """
    SELECT entry_id FROM identities WHERE entry_id BETWEEN %s AND %s
    ORDER BY entry_id DESC LIMIT %s
"""
# Of entries that were deleted while somebody indexed them.
LEFT_BEHIND = """
    DELETE FROM search_rows r WHERE r.entry_id BETWEEN %s AND %s
    AND NOT EXISTS (SELECT FROM identities i WHERE i.entry_id = r.entry_id)
"""
DAYS = "SELECT DISTINCT day FROM identities WHERE entry_id = ANY(%s)"
WORDINGS = f"""
    SELECT e.id, r.id, r.number, e.feed_id, e.day, e.first_seen_at, e.withheld_at, f.url,
           f.language, {CONTENT_COLUMNS}
    FROM entries e JOIN feeds f ON f.id = e.feed_id
    JOIN revisions r ON r.entry_id = e.id AND r.day = e.day
    WHERE e.id = ANY(%(ids)s) AND e.day = ANY(%(days)s)
      AND r.entry_id = ANY(%(ids)s) AND r.day = ANY(%(days)s)
    ORDER BY e.id, r.number, r.reread
"""  # noqa: S608 - constants only
ROWS = "SELECT entry_id, id, revision_id FROM search_rows WHERE entry_id = ANY(%s)"
# One whose number is taken is left out: there were as many others before the sequence came round.
INSERT = """
    INSERT INTO search_rows (id, entry_id, revision_id, feed_id, site, language, terms)
    SELECT n.base | (nextval('search_places') << 1) | n.odd, n.entry_id, n.revision_id, n.feed_id,
           n.site, n.language, n.terms::tsvector
    FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
                %s::text[], %s::text[])
        AS n (base, odd, entry_id, revision_id, feed_id, site, language, terms)
    ON CONFLICT (id) DO NOTHING
"""
TAKE_BACK = "DELETE FROM search_rows WHERE entry_id = ANY(%s) AND revision_id = ANY(%s)"
ALL_PENDING = f"""
    INSERT INTO search_pending (first_id, last_id, entries)
    SELECT min(entry_id), max(entry_id), count(*) FROM identities
    GROUP BY (entry_id - 1) / {STRETCH}
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRows:
    """An entry's rows as they should be.

    ``wanted`` are revision ids, ``readings`` gives what is searched of each.
    """

    entry_id: int
    feed_id: int
    moment: datetime
    day: date
    wanted: Sequence[int]
    readings: Mapping[int, Searchable]


def index_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Bring the rows of these entries up to date with their wordings, in this transaction.

    Where the index is being made, some of those that it lacks come with them.
    """
    if not entry_ids:
        return
    is_pending = _is_pending(connection)
    wanted = sorted(_held(connection, entry_ids) if is_pending else entry_ids)
    for start in range(0, len(wanted), BATCH):
        _sync(connection, wanted[start : start + BATCH])
    if is_pending:
        index_batch(connection, BACKLOG)


def index_new(connection: Connection, entries: Sequence[EntryRows]) -> None:
    """Index entries that were stored just now, in this transaction."""
    if not entries:
        return
    is_pending = _is_pending(connection)
    for entry in entries:
        _add(connection, entry, entry.wanted)
    if is_pending:
        index_batch(connection, BACKLOG)


def unindex_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Take entries out that are about to be deleted; :func:`forget` them after the commit."""
    if not entry_ids:
        return
    if _is_pending(connection):
        _held(connection, entry_ids)
    _write_added(connection)
    query = "DELETE FROM search_rows WHERE entry_id = ANY(%s)"
    connection.execute(query, (sorted(entry_ids),))


def index_batch(connection: Connection, limit: int, *, waits: bool = False) -> int:
    """Index some of the entries that are not yet, the last stored first; return how many.

    What others are indexing is left to them; ``waits``: what they have left, where all is theirs.
    """
    count = 0
    while count < limit:
        claimed = connection.execute(CLAIM).fetchone()
        if claimed is None and waits and not count:
            connection.execute(WAIT)
            claimed = connection.execute(CLAIM).fetchone()
        if claimed is None:
            break
        stretch_id, first, last, entries = claimed
        rows = connection.execute(OF_A_STRETCH, (first, last, limit - count)).fetchall()
        found = [row[0] for row in rows]
        if found:
            _sync(connection, found)
        if len(found) == limit - count and found[-1] > first:
            query = "UPDATE search_pending SET last_id = %s, entries = %s WHERE id = %s"
            rest = max(entries - len(found), 0)
            connection.execute(query, (found[-1] - 1, rest, stretch_id))
        else:
            connection.execute(LEFT_BEHIND, (first, last))
            connection.execute("DELETE FROM search_pending WHERE id = %s", (stretch_id,))
        count += len(found)
    return count


def empty_index(connection: Connection) -> None:
    """Take everything out; all entries are to be indexed again."""
    connection.together.pop(_write_rows, None)
    _keep_others_out(connection)
    connection.execute("TRUNCATE search_rows")
    connection.execute("DELETE FROM search_pending")
    connection.execute(ALL_PENDING)
    connection.execute("UPDATE search_state SET terms = %s", (TERMS,))


async def forget(db: Database) -> None:
    """Let PostgreSQL reuse at once what was erased from the index, where the user may ask for it.

    Words stay in it, but not where they stood; ``newsreel reindex --anew`` keeps none.
    """
    await tidy(db, "VACUUM (INDEX_CLEANUP ON) search_rows")


async def tidy(db: Database, statement: str = "VACUUM (ANALYZE) search_rows") -> None:
    """Let the index be as small and as fast as PostgreSQL makes it."""
    await asyncio.to_thread(_maintain, db, statement)


def _maintain(db: Database, statement: str) -> None:
    with translated(db.address):
        connection = Connection.to(db.address)
        try:
            with suppress(errors.LockNotAvailable, errors.QueryCanceled):
                connection.execute(statement)
        finally:
            connection.close()


def _keep_others_out(connection: Connection) -> None:
    """Wait until nobody looks at the index or writes to it, but never for long at a time.

    Who is kept waiting may hold what those need that are waited for.
    """
    for attempt in range(1, ATTEMPTS + 1):
        connection.execute("SAVEPOINT alone; SET LOCAL lock_timeout = '300ms'")
        try:
            connection.execute("LOCK TABLE search_rows IN ACCESS EXCLUSIVE MODE")
        except errors.LockNotAvailable:
            connection.execute("ROLLBACK TO SAVEPOINT alone")
            if attempt == ATTEMPTS:
                raise
        else:
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            return


def _is_pending(connection: Connection) -> bool:
    """Return whether entries are not in the index, which is not emptied until the commit."""
    cursor = connection.execute(STATE)
    cursor.nextset()
    row = cursor.fetchone()
    assert row is not None
    if row[0] == "":
        connection.execute("UPDATE search_state SET terms = %s WHERE terms = ''", (TERMS,))
    return bool(row[1])


def _held(connection: Connection, entry_ids: Collection[int]) -> set[int]:
    """Return those of some entries that nobody else indexes until the commit.

    The others are indexed once more after it.
    """
    ids = list(entry_ids)
    waiting = set(connection.execute(HELD, (ids,)).fetchall())
    if waiting:
        waiting -= set(connection.execute(HOLD, (ids,)))
    others = {entry_id for entry_id, _ in waiting}
    if others:
        connection.execute(ONCE_MORE, (sorted(others),))
    return set(ids) - others


def _sync(connection: Connection, entry_ids: list[int]) -> None:
    """Take out rows of entries that are no longer right, and add those that are not there."""
    _write_added(connection)
    days = [row[0] for row in connection.execute(DAYS, (entry_ids,))]
    values = {"ids": entry_ids, "days": days}
    wordings = connection.execute(WORDINGS, values).fetchall()
    rows: dict[int, list[tuple[int, int]]] = {}
    for entry_id, *row in connection.execute(ROWS, (entry_ids,)):
        rows.setdefault(entry_id, []).append((row[0], row[1]))
    gone: list[int] = []
    for entry in _entries(wordings):
        kept, wanted = _compare(entry, rows.get(entry.entry_id, []))
        gone += kept
        _add(connection, entry, wanted)
    if gone:
        connection.execute("DELETE FROM search_rows WHERE id = ANY(%s)", (gone,))


def _compare(entry: EntryRows, rows: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return which rows of an entry go, and which wordings come."""
    is_revised = len(entry.wanted) > 1
    wanted, gone = dict.fromkeys(entry.wanted), []
    of_revision: dict[int, list[int]] = {}
    for row_id, revision_id in rows:
        of_revision.setdefault(revision_id, []).append(row_id)
    for revision_id, ids in of_revision.items():
        is_right = len(ids) == 1 and ids[0] & 1 == is_revised
        if revision_id in wanted and is_right:
            del wanted[revision_id]
        else:
            gone += ids
    return gone, list(wanted)


def _add(connection: Connection, entry: EntryRows, wanted: Sequence[int]) -> None:
    """Let rows be written for some wordings of an entry, at the transaction's end."""
    if not wanted:
        return
    is_revised = len(entry.wanted) > 1
    base = base_of(entry.day, entry.moment)
    added = connection.together.setdefault(_write_rows, [])
    for revision_id in wanted:
        found = entry.readings[revision_id]
        marks = marks_of(base, entry.feed_id, found, is_revised=is_revised)
        vectors = vectors_of(found, marks)
        is_odd = is_revised or len(vectors) > 1
        head = (base, int(is_odd), entry.entry_id, revision_id, entry.feed_id)
        added += [(*head, cut_host(found.site), found.language, terms) for terms in vectors]


def _write_added(connection: Connection) -> None:
    """Write what this transaction has added so far."""
    _write_rows(connection, connection.together.pop(_write_rows, []))


def _write_rows(connection: Connection, rows: list[Any]) -> None:
    while rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        if connection.execute(INSERT, columns).rowcount == len(rows):
            return
        connection.execute(TAKE_BACK, (columns[2], columns[3]))


def _entries(rows: list[tuple[Any, ...]]) -> Iterator[EntryRows]:
    for entry_id, found in groupby(rows, key=itemgetter(0)):
        yield _entry_rows(entry_id, list(found))


def _entry_rows(entry_id: int, rows: list[tuple[Any, ...]]) -> EntryRows:
    readings: dict[int, Searchable] = {}
    newest: dict[int, int] = {}
    dates = []
    _, _, _, feed_id, day_text, first_seen_at, withheld_at, url, feed_language = rows[0][:9]
    for row in rows:
        content = content_of(row[9:])
        newest[row[2]] = row[1]  # a later reading of a wording takes its place
        readings[row[1]] = searchable_of(content, url=url, language=feed_language)
        if content.published_at:
            dates.append(content.published_at)
    day = date.fromisoformat(day_text)
    return EntryRows(
        entry_id=entry_id,
        feed_id=feed_id,
        moment=moment_of(
            day,
            published_at=dates[0] if dates else None,
            first_seen_at=known_moment(first_seen_at),
        ),
        day=day,
        wanted=[] if withheld_at is not None else list(newest.values()),
        readings=readings,
    )
