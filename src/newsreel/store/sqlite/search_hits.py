"""What a search finds in SQLite.

Theory of operation. Whatever is asked, at most :data:`COUNTED` ids are read from the index, the
newest first: they are what is counted, what facets divide, and the pages. Texts are read for the
hits of a page alone. Where the order is relevance, those are ranked that have the words in their
titles, and the newest of the others, among the newest :data:`RANKED`: to rank all that hold a
common word takes seconds.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import islice
from operator import itemgetter
from time import monotonic
from typing import Any

from newsreel.core.matching import is_language_meant
from newsreel.core.ranking import terms_of
from newsreel.core.searchable import body_text, moment_of
from newsreel.model.query import (
    And,
    Candidate,
    FacetCount,
    Facets,
    Node,
    Or,
    Order,
    Phrase,
    TextField,
)
from newsreel.store.protocols import Found
from newsreel.store.sqlite.rows import CONTENT_COLUMNS, content_of, dumps, known_moment
from newsreel.store.sqlite.search_index import DAY_ZERO
from newsreel.store.sqlite.search_query import Asked, Asking, inflected_languages_of

COUNTED = 10_000
MORE = 1_500
RANKED = 5_000
FEW = 3_000
SHORTLISTED = 30
"""Of each kind: all words in the title, one of them there, and the others."""
TITLED = 2_000
"""Titles of that kind that are looked through for those."""
STEPS = 200
"""Of SQLite's machine, between two looks at the clock."""

IDS = """
    SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ?
    ORDER BY rowid DESC LIMIT ?
"""
CHECKED_IDS = """
    SELECT s.rowid FROM search s CROSS JOIN search_rows r ON r.id = s.rowid
    WHERE s.search MATCH ? AND s.rowid BETWEEN ? AND ? AND {}
    ORDER BY s.rowid DESC LIMIT ?
"""
ENTRIES = """
    SELECT r.id, r.entry_id FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
    ORDER BY r.id DESC
"""
SPOKEN = """
    SELECT r.id, r.language FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
"""
DIVIDED = """
    SELECT r.feed_id, r.language, r.site_id
    FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
"""
WORDINGS = f"""
    SELECT s.id, e.id, e.public_id, e.feed_id, r.number, e.number, e.day, e.first_seen_at,
           s.language, r.seen_at, {CONTENT_COLUMNS}
    FROM json_each(?) i CROSS JOIN search_rows s ON s.id = i.value
    JOIN revisions r ON r.id = s.revision_id JOIN entries e ON e.id = s.entry_id
"""  # noqa: S608 - constants only
FOLDERS = "SELECT id, folder FROM feeds WHERE folder IS NOT NULL"
HOSTS = "SELECT id, host FROM search_sites WHERE id IN (SELECT value FROM json_each(?))"


Rows = tuple[int, ...]
"""The ids of an entry's wordings that match, the first where it stands."""


class _Hits:
    """Entries by the ids of their rows, the newest first; odd ids may be several of an entry."""

    def __init__(self, connection: sqlite3.Connection, ids: list[int]) -> None:
        self._ids = ids
        odd = [row_id for row_id in ids if row_id & 1]
        self._entry_ids = dict(connection.execute(ENTRIES, (dumps(odd),))) if odd else {}
        self._rows: dict[int, list[int]] = {}
        for row_id in odd:
            self._rows.setdefault(self._entry_ids[row_id], []).append(row_id)
        self.count = len(ids) - len(odd) + len(self._rows)

    def __iter__(self) -> Iterator[Rows]:
        """Yield them one after the other."""
        for row_id in self._ids:
            if not row_id & 1:
                yield (row_id,)
            elif (rows := self._rows[self._entry_ids[row_id]])[0] == row_id:
                yield tuple(rows)

    def after(self, place: int | None) -> Iterator[Rows]:
        """Yield those that stand below a place."""
        return (rows for rows in self if place is None or rows[0] < place)


class Search:
    """One search in one read transaction."""

    def __init__(self, connection: sqlite3.Connection, root: Node, *, seconds: float) -> None:
        self._connection = connection
        self._root = root
        self._end = monotonic() + seconds
        self._bits = connection.execute("SELECT bits FROM search_state").fetchone()[0]
        self._asking = Asking(connection, bits=self._bits)
        self._is_whole = True

    def found(self, order: Order, limit: int, after: int | None, *, has_facets: bool) -> Found:
        """Return candidates, their number, and what they divide into."""
        asked = self._asking.asked(self._root)
        newest = self._newest(asked)
        if order is Order.NEWEST:
            chosen = self._page(asked, newest, limit, after)
        else:
            chosen = self._shortlist(asked, newest, after)
        is_exact = self._is_whole and newest.count <= COUNTED
        has_more = order is Order.NEWEST and len(chosen) > limit
        shown = chosen[:limit] if has_more else chosen
        top = next(iter(newest), None)
        return Found(
            candidates=candidates_of(self._connection, shown),
            count=min(newest.count, COUNTED),
            is_count_exact=is_exact,
            facets=self._facets(newest, is_whole=is_exact) if has_facets else Facets(),
            top=top[0] if top else None,
            last=shown[-1][0] if has_more else None,
            is_whole=self._is_whole,
        )

    def _newest(self, asked: Asked) -> _Hits:
        """Return all hits, or more than are counted: several rows may be of one entry."""
        ids = self._few(asked) if asked.condition is None else None
        if ids is not None:
            return _Hits(self._connection, ids)
        limit = COUNTED + MORE
        ids = self._ids(asked, limit)
        hits, goes_on = _Hits(self._connection, ids), len(ids) == limit
        while goes_on and hits.count <= COUNTED:
            more = self._ids(replace(asked, greatest=ids[-1] - 1), MORE)
            hits, goes_on = _Hits(self._connection, ids + more), len(more) == MORE
            ids += more
        return hits

    def _few(self, asked: Asked) -> list[int] | None:
        """Return all ids where words have other forms and not many rows have any; else None.

        Then it is faster to look up the languages of those than to have the index check them.
        A single word is mostly in many.
        """
        languages = inflected_languages_of(self._root)
        terms = terms_of(self._root)
        if not languages or (len(terms) == 1 and terms[0].field is None):
            return None
        found = self._ids(self._loosely(asked, languages), FEW + 1)
        if len(found) > FEW or not self._is_whole:
            return None
        exact = set(self._ids(self._loosely(asked, ()), FEW))
        rest = [row_id for row_id in found if row_id not in exact]
        spoken = dict(self._connection.execute(SPOKEN, (dumps(rest),))) if rest else {}
        for language in languages:
            speaking = {row for row, tag in spoken.items() if is_language_meant(language, tag)}
            if speaking:
                exact |= speaking & set(self._ids(self._loosely(asked, (language,)), FEW))
        return [row_id for row_id in found if row_id in exact]

    def _loosely(self, asked: Asked, languages: Iterable[str]) -> Asked:
        loose = self._asking.loosely(self._root, languages)
        return replace(loose, least=asked.least, greatest=asked.greatest)

    def _ids(self, asked: Asked, limit: int) -> list[int]:
        """Return the newest ids; less of them where the time is up."""
        values: tuple[Any, ...] = (asked.match, asked.least, asked.greatest)
        query = IDS
        if asked.condition is not None:
            query = CHECKED_IDS.format(f"({asked.condition.sql})")
            values += asked.condition.values
        found: list[int] = []
        if not self._is_whole:
            return found
        try:
            with _interrupted_at(self._connection, self._end):
                found.extend(map(itemgetter(0), self._connection.execute(query, (*values, limit))))
        except sqlite3.OperationalError as error:
            if "interrupt" not in str(error):
                raise
            self._is_whole = False
        return found

    def _page(self, asked: Asked, newest: _Hits, limit: int, after: int | None) -> list[Rows]:
        """Return the hits of a page, and one more where there is one."""
        page = list(islice(newest.after(after), limit + 1))
        if after is None or len(page) > limit or newest.count <= COUNTED:
            return page
        # Deeper than what was counted. The wordings of an entry stand close to each other.
        older = replace(asked, greatest=min(asked.greatest, after - 1))
        ids = self._ids(older, 4 * limit + 100)
        return list(islice(_Hits(self._connection, ids), limit + 1))

    def _shortlist(self, asked: Asked, newest: _Hits, top: int | None) -> list[Rows]:
        """Return what is worth ranking: words in the title, then the newest.

        What stands above ``top`` came since the first page.
        """
        ranked = list(islice(newest.after(None if top is None else top + 1), RANKED))
        if len(ranked) <= 3 * SHORTLISTED:
            return ranked
        window = replace(asked, least=ranked[-1][0], greatest=ranked[0][0], condition=None)
        by_row = {row_id: rows for rows in ranked for row_id in rows}
        chosen: dict[Rows, None] = {}
        for node in _titled(self._root):
            titled = replace(window, match=self._asking.asked(node).match)
            found = (by_row.get(row_id) for row_id in self._ids(titled, TITLED))
            chosen |= dict.fromkeys(islice(filter(None, found), SHORTLISTED))
        return list(chosen | dict.fromkeys(ranked[:SHORTLISTED]))

    def _facets(self, hits: _Hits, *, is_whole: bool) -> Facets:
        places = [rows[0] for rows in islice(hits, COUNTED)]
        rows = self._connection.execute(DIVIDED, (dumps(places),)).fetchall()
        feeds = Counter(row[0] for row in rows)
        sites = Counter(row[2] for row in rows)
        folders = dict(self._connection.execute(FOLDERS))
        hosts = dict(self._connection.execute(HOSTS, (dumps(list(sites)),)))
        days = Counter(place >> self._bits for place in places)
        first = DAY_ZERO.toordinal()
        return Facets(
            feeds=_counts(_summed((str(feed_id), count) for feed_id, count in feeds.items())),
            folders=_counts(_summed((folders.get(feed), count) for feed, count in feeds.items())),
            languages=_counts(Counter(row[1] for row in rows if row[1])),
            sites=_counts(_summed((hosts[site], count) for site, count in sites.items())),
            is_whole=is_whole,
            days=tuple(
                FacetCount(date.fromordinal(first + day).isoformat(), count)
                for day, count in sorted(days.items())
            ),
        )


def candidates_of(
    connection: sqlite3.Connection, hits: Iterable[Sequence[int]]
) -> tuple[Candidate, ...]:
    """Return the newest wording of each hit, which is a list of an entry's rows."""
    wanted = list(hits)
    row_ids = [row_id for hit in wanted for row_id in hit]
    rows = {row[0]: row for row in connection.execute(WORDINGS, (dumps(row_ids),))}
    newest = [
        max((rows[row_id] for row_id in hit), key=lambda row: (row[9], row[4])) for hit in wanted
    ]
    return tuple(map(_candidate, newest))


def _titled(root: Node) -> tuple[Node, ...]:
    """Return what titles are asked for: all the words that name no field, and one of them."""
    words = tuple(
        Phrase(term.text, TextField.TITLE, term.is_prefix, term.forms[:1])
        for term in terms_of(root)
        if term.field is None
    )
    return (And(words), Or(words)) if len(words) > 1 else words


def _candidate(row: tuple[Any, ...]) -> Candidate:
    content, day = content_of(row[10:]), date.fromisoformat(row[6])
    return Candidate(
        entry_id=row[1],
        public_id=row[2],
        feed_id=row[3],
        revision=row[4],
        is_current=row[4] == row[5],
        day=day,
        moment=moment_of(
            day, published_at=content.published_at, first_seen_at=known_moment(row[7])
        ),
        language=row[8],
        title=content.title or "",
        author=content.author or "",
        body=body_text(content),
        categories=content.categories,
    )


def _summed(pairs: Iterable[tuple[str | None, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for value, count in pairs:
        if value:
            found[value] += count
    return found


def _counts(counted: Counter[str]) -> tuple[FacetCount, ...]:
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(FacetCount(value, count) for value, count in ordered)


@contextmanager
def _interrupted_at(connection: sqlite3.Connection, end: float) -> Iterator[None]:
    """Interrupt what a connection does when its time is up."""
    connection.set_progress_handler(lambda: monotonic() > end, STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
