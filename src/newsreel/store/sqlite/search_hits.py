"""What a search finds in SQLite.

Theory of operation. Whatever is asked, at most :data:`COUNTED` ids are read from the index, the
newest first: they are what is counted, what facets divide, and the pages. Texts are read for the
hits of a page alone. Where the order is relevance, those are ranked that have the words in their
titles, and the newest of the others, among the newest :data:`RANKED`: to rank all that hold a
common word takes seconds.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from operator import neg

from newsreel.model.query import (
    Candidate,
    FacetCount,
    Facets,
    Node,
    Order,
)
from newsreel.store.found_rows import candidate_of, counts_of, rows_for, summed, titled
from newsreel.store.protocols import Found
from newsreel.store.rows import CONTENT_COLUMNS, dumps
from newsreel.store.sqlite.search_ids import Matches
from newsreel.store.sqlite.search_index import DAY_ZERO

COUNTED = 10_000
RANKED = 5_000
BLOCK = 200
"""Ids whose entries are looked up at once."""
SHORTLISTED = 30
"""Of each kind: all words in the title, one of them there, and the others."""
TITLED = 2_000
"""Titles of that kind that are looked through for those."""

ENTRIES = """
    SELECT r.id, r.entry_id FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
    ORDER BY r.id DESC
"""
SIBLINGS = """
    SELECT r.id, r.entry_id FROM json_each(?) i CROSS JOIN search_rows o ON o.id = i.value
    CROSS JOIN search_rows r ON r.entry_id = o.entry_id GROUP BY r.id ORDER BY r.id DESC
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
    """Entries by the ids of their rows, the newest first; odd ids may be several of an entry.

    ``has`` tells of rows above these whether they match: an entry stands by its newest row. Which
    rows are of one entry is then looked up late, as it is asked for.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        ids: list[int],
        has: Callable[[int], bool] | None = None,
    ) -> None:
        self._connection = connection
        self._ids = ids
        self._has = has
        self._rows: dict[int, Rows] = {}
        odd = [row_id for row_id in ids if row_id & 1]
        self.count = len(ids) - len(odd)
        self._is_grouped = has is None
        if self._is_grouped and odd:
            groups: dict[int, list[int]] = {}
            for row_id, entry_id in connection.execute(ENTRIES, (dumps(odd),)):
                groups.setdefault(entry_id, []).append(row_id)
            self._rows = {row_id: tuple(rows) for rows in groups.values() for row_id in rows}
            self.count += len(groups)

    def after(self, place: int | None = None) -> Iterator[Rows]:
        """Yield those that stand below a place."""
        first = 0 if place is None else self._at(place - 1)
        for start in range(first, len(self._ids), BLOCK):
            block = self._ids[start : start + BLOCK]
            if not self._is_grouped:
                self._group([row_id for row_id in block if row_id & 1])
            for row_id in block:
                if not row_id & 1:
                    yield (row_id,)
                elif (rows := self._rows[row_id])[0] == row_id:
                    yield rows

    def _group(self, odd: list[int]) -> None:
        groups: dict[int, list[int]] = {}
        for row_id, entry_id in self._connection.execute(SIBLINGS, (dumps(odd),)):
            if self._is_match(row_id):
                groups.setdefault(entry_id, []).append(row_id)
        self._rows |= {row_id: tuple(rows) for rows in groups.values() for row_id in rows}

    def _is_match(self, row_id: int) -> bool:
        if row_id > self._ids[0]:
            return self._has is not None and self._has(row_id)
        return self._ids[self._at(row_id) :][:1] == [row_id]

    def _at(self, row_id: int) -> int:
        """Return where the first id is that is not greater."""
        return bisect_left(self._ids, -row_id, key=neg)


class Search:
    """One search in one read transaction."""

    def __init__(self, connection: sqlite3.Connection, root: Node, *, seconds: float) -> None:
        self._connection = connection
        self._root = root
        self._bits = connection.execute("SELECT bits FROM search_state").fetchone()[0]
        self._matches = Matches(connection, root, bits=self._bits, seconds=seconds)

    def found(self, order: Order, limit: int, after: int | None, *, has_facets: bool) -> Found:
        """Return candidates, their number, and what they divide into."""
        newest = self._counted(has_facets=has_facets)
        count = COUNTED + 1 if newest is None else newest.count
        if order is Order.NEWEST:
            chosen = self._page(newest, limit, after)
        else:
            chosen = self._shortlist(newest, after)
        is_exact = self._matches.is_whole and count <= COUNTED
        has_more = order is Order.NEWEST and len(chosen) > limit
        shown = chosen[:limit] if has_more else chosen
        return Found(
            candidates=candidates_of(self._connection, shown),
            count=min(count, COUNTED),
            is_count_exact=is_exact,
            facets=self._facets(newest, is_whole=is_exact) if newest and has_facets else Facets(),
            top=max((rows[0] for rows in chosen), default=None),
            last=shown[-1][0] if has_more else None,
            is_whole=self._matches.is_whole,
        )

    def _counted(self, *, has_facets: bool) -> _Hits | None:
        """Return all hits, or more than are counted; None: there are more, and none was read."""
        wanted = COUNTED + 1
        if not has_facets and self._matches.are_more_than(COUNTED, rows_for(wanted)):
            return None
        return self._hits(wanted)

    def _hits(self, wanted: int, below: int | None = None) -> _Hits:
        """Return as many hits, or all there are; several rows may be of one entry."""
        limit = rows_for(wanted)
        has = None if below is None else self._matches.has
        ids = self._matches.newest(limit, below=below)
        hits, goes_on = _Hits(self._connection, ids, has), len(ids) == limit
        while goes_on and hits.count < wanted:
            more = self._matches.newest(limit, below=ids[-1])
            ids += more
            hits, goes_on = _Hits(self._connection, ids, has), len(more) == limit
        return hits

    def _page(self, newest: _Hits | None, limit: int, after: int | None) -> list[Rows]:
        """Return the hits of a page, and one more where there is one."""
        if newest is not None:
            page = list(islice(newest.after(after), limit + 1))
            if len(page) > limit or newest.count <= COUNTED:
                return page
        return list(islice(self._hits(limit + 1, after).after(), limit + 1))

    def _shortlist(self, newest: _Hits | None, top: int | None) -> list[Rows]:
        """Return what is worth ranking: words in the title, then the newest.

        What stands above ``top`` came since the first page.
        """
        below = None if top is None else top + 1
        if newest is None:
            ranked = list(islice(self._hits(RANKED, below).after(), RANKED))
        else:
            ranked = list(islice(newest.after(below), RANKED))
        if len(ranked) <= 3 * SHORTLISTED:
            return ranked
        by_row = {row_id: rows for rows in ranked for row_id in rows}
        chosen: dict[Rows, None] = {}
        for node in titled(self._root):
            found_rows = self._matches.of(node, ranked[-1][0], ranked[0][0], TITLED)
            found = map(by_row.get, found_rows)
            chosen |= dict.fromkeys(islice(filter(None, found), SHORTLISTED))
        return list(chosen | dict.fromkeys(ranked[:SHORTLISTED]))

    def _facets(self, hits: _Hits, *, is_whole: bool) -> Facets:
        places = [rows[0] for rows in islice(hits.after(), COUNTED)]
        rows = self._connection.execute(DIVIDED, (dumps(places),)).fetchall()
        feeds = Counter(row[0] for row in rows)
        sites = Counter(row[2] for row in rows)
        folders = dict(self._connection.execute(FOLDERS))
        hosts = dict(self._connection.execute(HOSTS, (dumps(list(sites)),)))
        days = Counter(place >> self._bits for place in places)
        first = DAY_ZERO.toordinal()
        return Facets(
            feeds=counts_of(summed((str(feed_id), count) for feed_id, count in feeds.items())),
            folders=counts_of(summed((folders.get(feed), count) for feed, count in feeds.items())),
            languages=counts_of(Counter(row[1] for row in rows if row[1])),
            sites=counts_of(summed((hosts[site], count) for site, count in sites.items())),
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
    return tuple(map(candidate_of, newest))
