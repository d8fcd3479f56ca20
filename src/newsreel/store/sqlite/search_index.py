"""The search index in SQLite: kept with what it indexes, in the same transaction.

Theory of operation. The index is an FTS5 table without content: it can't say what it holds, so a
row is taken out by the very tokens that it was put in with. They can be made again, because
wordings never change and whatever else goes into a row stands in ``search_rows``; and because an
index whose tokens were made otherwise (:data:`TERMS`) is emptied before anything is written to it.

Ids of rows are ``day << bits | slot``. Slots rise with the quarter of an hour, and within it as
entries come; even ones are taken by entries of one wording, odd ones by those that have more, so
that a list of ids tells which of them may name an entry twice. A day that is full makes the index
anew, with wider days.

What FTS5 deletes it marks, and drops when it merges segments. So an erasure merges them all.
"""

import sqlite3
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import selectolax

from newsreel.core.searchable import Searchable, moment_of, searchable_of
from newsreel.core.terms import TERMS_VERSION, index_text
from newsreel.model.query import Has
from newsreel.store.rows import CONTENT_COLUMNS, content_of, dumps, known_moment
from newsreel.store.sqlite.bulk import insert_rows
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.search_staged import (
    Texts,
    clear_stage,
    last_ids_of,
    stage_addition,
    stage_removal,
)

TERMS = f"{TERMS_VERSION} unicode {unicodedata.unidata_version} lexbor {selectolax.__version__}"
"""What the tokens of a text depend on."""

EVERYTHING = "=a"
FEWEST_BITS, MOST_BITS = 13, 30
IDS_FOR_AN_ENTRY, IDS_FOR_A_FEED, IDS_FOR_A_NEW_FEED = 4, 8, 32
"""What the busiest day needs: half of its ids are odd, and it should not be full. A feed that is
polled for the first time brings some ten entries, many of them of one day."""
QUARTERS = 96
"""Of an hour, in a day; they have three quarters of its ids, those that are full overflow."""
MERGED_PAGES = 500
BATCH = 500
BACKLOG = 50
"""Entries that are indexed beside each poll while the index is being made."""
SMALL = 20_000
"""Entries that are indexed anew at once, within seconds."""
DAY_ZERO = date(1970, 1, 1)

WORDINGS = f"""
    SELECT e.id, r.id, r.number, e.feed_id, e.day, e.first_seen_at, e.withheld_at, f.url,
           f.language, {CONTENT_COLUMNS}
    FROM entries e JOIN feeds f ON f.id = e.feed_id JOIN revisions r ON r.entry_id = e.id
    WHERE e.id IN (SELECT value FROM json_each(?)) ORDER BY e.id, r.number, r.reread
"""  # noqa: S608 - constants only
ROWS = """
    SELECT s.entry_id, s.id, s.revision_id, s.feed_id, s.site_id, s.language FROM search_rows s
    WHERE s.entry_id IN (SELECT value FROM json_each(?)) ORDER BY s.entry_id, s.id
"""
INSERT_ROW = """
    INSERT INTO search_rows (entry_id, id, revision_id, feed_id, site_id, language)
    VALUES {}
"""
BUSIEST = """
    SELECT (SELECT max(n) FROM (SELECT count(*) AS n FROM entries GROUP BY day)),
           (SELECT count(*) FROM feeds)
"""


class _DayIsFull(Exception):
    """No id is left in a day."""


class _Row(NamedTuple):
    """A row of search_rows."""

    id: int
    revision_id: int
    feed_id: int
    site_id: int
    language: str | None


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


def index_entries(connection: sqlite3.Connection, entry_ids: Collection[int]) -> None:
    """Bring the rows of these entries up to date with their wordings, in this transaction.

    Where the index is being made, some of those that it lacks come with them.
    """
    if not entry_ids:
        return
    pending = _ready(connection)
    kept = [entry_id for entry_id in entry_ids if entry_id > pending]
    if kept:
        _sync_or_widen(connection, kept)
    if pending:
        index_batch(connection, BACKLOG)


def index_new(connection: sqlite3.Connection, entries: Sequence[EntryRows]) -> None:
    """Index entries that were stored just now, in this transaction."""
    if not entries:
        return
    pending = _ready(connection)
    try:
        _Sync(connection).add(entries)
    except _DayIsFull:
        _sync_or_widen(connection, [entry.entry_id for entry in entries])
    if pending:
        index_batch(connection, BACKLOG)


def unindex_entries(connection: sqlite3.Connection, entry_ids: Collection[int]) -> None:
    """Take entries out that are about to be deleted; :func:`forget` them after the commit."""
    if not entry_ids:
        return
    _ready(connection)
    wanted = sorted(entry_ids)
    for start in range(0, len(wanted), BATCH):
        _Sync(connection).take_out(wanted[start : start + BATCH])
    connection.execute("UPDATE search_state SET traces = 1")


def index_batch(connection: sqlite3.Connection, limit: int) -> int:
    """Index some of the entries that are not yet, the last stored first; return how many."""
    pending = _ready(connection)
    query = "SELECT id FROM entries WHERE id <= ? ORDER BY id DESC LIMIT ?"
    found = [row[0] for row in connection.execute(query, (pending, limit))]
    if found and not _sync_or_widen(connection, found):
        return len(found)
    connection.execute("UPDATE search_state SET pending = ?", (found[-1] - 1 if found else 0,))
    return len(found)


async def forget(db: Database) -> None:
    """Let nothing of what was erased lie in the database's files, nor in the index."""
    if await db.read(_has_traces):
        await merge_whole(db)
    await db.checkpoint()


async def merge_whole(db: Database) -> None:
    """Merge all segments of the index into one, in steps between which others write."""
    await db.write(lambda connection: _merge(connection, is_first=True))
    while await db.write(lambda connection: _merge(connection, is_first=False)):
        pass


def _has_traces(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT traces FROM search_state").fetchone()[0])


def _merge(connection: sqlite3.Connection, *, is_first: bool) -> bool:
    """Merge some of the index's segments into one; return whether there is more to do."""
    pages = -MERGED_PAGES if is_first else MERGED_PAGES
    before = connection.total_changes
    connection.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
    if is_first or connection.total_changes - before >= 2:
        return True
    connection.execute("UPDATE search_state SET traces = 0")
    return False


def empty_index(connection: sqlite3.Connection, *, bits: int = FEWEST_BITS) -> None:
    """Take everything out; all entries are to be indexed again."""
    bits = max(bits, _fitting_bits(connection))
    clear_stage(connection)
    connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
    connection.execute("DELETE FROM search_rows")
    connection.execute("DELETE FROM search_sites")
    connection.execute(
        "UPDATE search_state SET terms = ?, bits = ?, traces = 0, "
        "pending = (SELECT coalesce(max(id), 0) FROM entries)",
        (TERMS, bits),
    )


def _fitting_bits(connection: sqlite3.Connection, each: int = IDS_FOR_A_FEED) -> int:
    """Return how many bits a day needs: more cost space, fewer would soon be too few."""
    busiest, feeds = connection.execute(BUSIEST).fetchone()
    wanted = int(max(IDS_FOR_AN_ENTRY * (busiest or 0), each * feeds))
    return min(max(FEWEST_BITS, wanted.bit_length()), MOST_BITS)


def day_bounds(first: date | None, last: date | None, bits: int) -> tuple[int, int]:
    """Return the least and the greatest id of a span of days."""
    least = (first or date.min).toordinal() - DAY_ZERO.toordinal()
    greatest = (last or date.max).toordinal() - DAY_ZERO.toordinal()
    return least << bits, (greatest + 1 << bits) - 1


def _spans(day: date, moment: datetime, bits: int) -> Iterator[tuple[int, int]]:
    """Yield the ids of a quarter of an hour, of later ones, of the day's rest, of earlier ones."""
    least = day.toordinal() - DAY_ZERO.toordinal() << bits
    width = (3 << bits) // 4 // QUARTERS & ~1
    rest = least + QUARTERS * width
    now = least + (moment.hour * 4 + moment.minute // 15) * width
    yield from ((start, start + width) for start in range(now, rest, width))
    yield rest, least + (1 << bits)
    yield from ((start, start + width) for start in range(now - width, least - 1, -width))


def _ready(connection: sqlite3.Connection) -> int:
    """Return up to which id entries are pending; an index of other terms is emptied."""
    terms, pending = connection.execute("SELECT terms, pending FROM search_state").fetchone()
    if terms == TERMS:
        return int(pending)
    if terms == "":
        bits = _fitting_bits(connection, IDS_FOR_A_NEW_FEED)
        connection.execute("UPDATE search_state SET terms = ?, bits = ?", (TERMS, bits))
        return int(pending)
    empty_index(connection)
    return int(connection.execute("SELECT pending FROM search_state").fetchone()[0])


def _sync_or_widen(connection: sqlite3.Connection, entry_ids: Collection[int]) -> bool:
    """Sync; where a day has no room, empty the index, whose days get wider, and return False."""
    try:
        _Sync(connection).sync(entry_ids)
    except _DayIsFull:
        bits = connection.execute("SELECT bits FROM search_state").fetchone()[0]
        empty_index(connection, bits=bits + 2)
        if connection.execute("SELECT count(*) FROM entries").fetchone()[0] <= SMALL:
            while index_batch(connection, BATCH):
                pass
        return False
    return True


class _Sync:
    """Stages what goes out and what comes in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last_ids = last_ids_of(connection)
        self._bits = connection.execute("SELECT bits FROM search_state").fetchone()[0]
        self._sites: dict[str, int] = {}
        self._added: list[tuple[Any, ...]] = []

    def sync(self, entry_ids: Collection[int]) -> None:
        rows = self._rows(entry_ids)
        for entry in _entries(self._connection, entry_ids):
            self._sync_entry(entry, rows.get(entry.entry_id, []))
        insert_rows(self._connection, INSERT_ROW, self._added)

    def add(self, entries: Iterable[EntryRows]) -> None:
        """Add the rows of entries that have none, and one wording each."""
        for entry in entries:
            self._add(entry.wanted[0], entry, is_revised=False)
        insert_rows(self._connection, INSERT_ROW, self._added)

    def take_out(self, entry_ids: Collection[int]) -> None:
        rows = self._rows(entry_ids)
        for entry in _entries(self._connection, entry_ids):
            for row in rows.get(entry.entry_id, []):
                self._remove(row, entry)

    def _sync_entry(self, entry: EntryRows, rows: list[_Row]) -> None:
        is_revised = len(entry.wanted) > 1
        wanted = list(entry.wanted)
        for row in rows:
            if row.revision_id in wanted and row.id & 1 == is_revised:
                wanted.remove(row.revision_id)
            else:
                self._remove(row, entry)
        for revision_id in wanted:
            self._add(revision_id, entry, is_revised=is_revised)

    def _add(self, revision_id: int, entry: EntryRows, *, is_revised: bool) -> None:
        found = entry.readings[revision_id]
        row_id, site_id = self._free_id(entry, is_revised=is_revised), self._site_id(found.site)
        row = _Row(row_id, revision_id, entry.feed_id, site_id, found.language)
        self._added.append((entry.entry_id, *row))
        stage_addition(self._connection, row_id, self._texts(row, found))

    def _remove(self, row: _Row, entry: EntryRows) -> None:
        self._connection.execute("DELETE FROM search_rows WHERE id = ?", (row.id,))
        texts = self._texts(row, entry.readings[row.revision_id])
        stage_removal(self._connection, row.id, texts)

    def _rows(self, entry_ids: Collection[int]) -> dict[int, list[_Row]]:
        found: dict[int, list[_Row]] = {}
        for row in self._connection.execute(ROWS, (dumps(list(entry_ids)),)):
            found.setdefault(row[0], []).append(_Row(*row[1:]))
        return found

    def _texts(self, row: _Row, found: Searchable) -> Texts:
        return " ".join((*self._marks(row, found), found.body)), found.title, found.author

    def _marks(self, row: _Row, found: Searchable) -> list[str]:
        """Return the tokens of filters; they stand before the text."""
        marks = [EVERYTHING, feed_mark(row.feed_id), site_mark(row.site_id)]
        marks += [link_mark(self._site_id(host)) for host in found.linked]
        if row.language:
            marks += language_marks(row.language)
        marks += map(has_mark, found.has)
        if row.id & 1:
            marks.append(has_mark(Has.REVISION))
        return marks

    def _site_id(self, host: str) -> int:
        found = self._sites.get(host)
        if found is None:
            query = "SELECT id FROM search_sites WHERE host = ?"
            row = self._connection.execute(query, (host,)).fetchone()
            if row is None:
                query = "INSERT INTO search_sites (host) VALUES (?) RETURNING id"
                row = self._connection.execute(query, (host,)).fetchone()
            found = self._sites[host] = int(row[0])
        return found

    def _free_id(self, entry: EntryRows, *, is_revised: bool) -> int:
        """Return a free id of the quarter of an hour, else of a later one, or of an earlier."""
        for start, end in _spans(entry.day, entry.moment, self._bits):
            found = self._next_in(start, end, is_revised=is_revised)
            if found is not None:
                return found
        raise _DayIsFull

    def _next_in(self, start: int, end: int, *, is_revised: bool) -> int | None:
        """Return the id after the last that is taken in a span."""
        last = self._last_ids.get(start)
        if last is None:
            query = "SELECT coalesce(max(id), ?1 - 1) FROM search_rows WHERE id >= ?1 AND id < ?2"
            last = int(self._connection.execute(query, (start, end)).fetchone()[0])
        wanted = last + 1
        wanted += wanted & 1 != is_revised
        self._last_ids[start] = last if wanted >= end else wanted
        return wanted if wanted < end else None


def _entries(connection: sqlite3.Connection, entry_ids: Iterable[int]) -> Iterator[EntryRows]:
    rows = connection.execute(WORDINGS, (dumps(sorted(entry_ids)),)).fetchall()
    for entry_id, found in groupby(rows, key=itemgetter(0)):
        yield _entry_rows(entry_id, list(found))


def _entry_rows(entry_id: int, rows: list[tuple[Any, ...]]) -> EntryRows:
    readings: dict[int, Searchable] = {}
    newest: dict[int, int] = {}
    dates = []
    _, _, _, feed_id, day_text, first_seen_at, withheld_at, url, feed_language = rows[0][:9]
    for row in rows:
        content = content_of(row[9:])
        readings[row[1]] = searchable_of(content, url=url, language=feed_language)
        newest[row[2]] = row[1]  # a later reading of a wording takes its place
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


def feed_mark(feed_id: int) -> str:
    """Return the token of a feed's rows."""
    return f"=f{feed_id}"


def site_mark(site_id: int) -> str:
    """Return the token of a site's rows."""
    return f"=s{site_id}"


def link_mark(site_id: int) -> str:
    """Return the token of rows one of whose links is to a site."""
    return f"=k{site_id}"


def has_mark(what: str) -> str:
    """Return the token of rows whose entry has something."""
    return f"=h{what}"


@lru_cache(1000)
def language_marks(language: str) -> tuple[str, ...]:
    """Return the tokens of a language tag and of the wider ones: ``pt-br``, ``pt``."""
    parts = language.split("-")
    return tuple(language_mark("-".join(parts[:end])) for end in range(1, len(parts) + 1))


def language_mark(language: str) -> str:
    """Return the token of a language's rows."""
    return "=l" + "=".join(index_text(part).replace(" ", "") for part in language.split("-"))
