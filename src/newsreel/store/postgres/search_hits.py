"""What a search finds in PostgreSQL.

Theory of operation. Whatever is asked, at most :data:`COUNTED` entries are read from the index,
the newest first: they are what is counted, what facets divide, and the pages. Texts are read for
the hits of a page alone. Where the order is relevance, those are ranked that have the words in
their titles, and the newest of the others, among the newest :data:`RANKED`: to rank all that hold
a common word takes seconds.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from newsreel.model.query import (
    Candidate,
    FacetCount,
    Facets,
    Node,
    Order,
)
from newsreel.store.found_rows import candidate_of, counts_of, rows_for, summed, titled
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.search_ids import Matches, Row
from newsreel.store.postgres.search_places import Spread, day_of
from newsreel.store.protocols import Found
from newsreel.store.rows import CONTENT_COLUMNS

COUNTED = 10_000
RANKED = 5_000
SHORTLISTED = 30
"""Of each kind: all words in the title, one of them there, and the others."""
TITLED = 2_000
"""Titles of that kind that are looked through for those."""

DIVIDED = ", r.feed_id, r.language, r.site"
ROWS = "SELECT id, entry_id, revision_id, language FROM search_rows WHERE id = ANY(%s)"
# One by one, so that each is looked for in the partition of its day alone.
WORDINGS = f"""
    SELECT n.row_id, e.id, e.public_id, e.feed_id, r.number, e.number, e.day, e.first_seen_at,
           n.language, r.seen_at, {CONTENT_COLUMNS}
    FROM unnest(%(ids)s::bigint[], %(entries)s::bigint[], %(revisions)s::bigint[],
                %(languages)s::text[], %(days)s::text[])
        AS n (row_id, entry_id, revision_id, language, day)
    CROSS JOIN LATERAL
        (SELECT * FROM entries e WHERE e.id = n.entry_id AND e.day = n.day
         AND e.day BETWEEN %(first)s AND %(last)s LIMIT 1) AS e
    CROSS JOIN LATERAL
        (SELECT * FROM revisions r
         WHERE r.entry_id = n.entry_id AND r.id = n.revision_id AND r.day = n.day
         AND r.day BETWEEN %(first)s AND %(last)s LIMIT 1) AS r
"""  # noqa: S608 - constants only
FOLDERS = "SELECT id, folder FROM feeds WHERE folder IS NOT NULL"

Ids = tuple[int, ...]
"""The numbers of an entry's rows that match, the first where it stands."""


class _Hits:
    """Entries by their rows, the newest first."""

    def __init__(self, rows: Iterable[Row], but: Iterable[int] = ()) -> None:
        self.first: dict[int, Row] = {}
        self._ids: dict[int, list[int]] = {}
        left_out = set(but)
        for row in rows:
            if row[1] in self._ids:
                self._ids[row[1]].append(row[0])
            elif row[1] not in left_out:
                self.first[row[1]] = row
                self._ids[row[1]] = [row[0]]

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self._ids)

    def after(self, place: int | None = None) -> list[Ids]:
        """Return those that stand below a place."""
        return [tuple(ids) for ids in self._ids.values() if place is None or ids[0] < place]


class Search:
    """One search in one read transaction."""

    def __init__(
        self,
        connection: Connection,
        root: Node,
        spread: Spread,
        *,
        known: set[str],
        seconds: float,
    ) -> None:
        self._connection = connection
        self._root = root
        self._matches = Matches(connection, root, spread, known=known, seconds=seconds)

    def found(self, order: Order, limit: int, after: int | None, *, has_facets: bool) -> Found:
        """Return candidates, their number, and what they divide into."""
        newest = self._hits(COUNTED + 1, columns=DIVIDED if has_facets else "")
        if order is Order.NEWEST:
            chosen = self._page(newest, limit, after)
        else:
            chosen = self._shortlist(newest, after)
        is_exact = self._matches.is_whole and newest.count <= COUNTED
        has_more = order is Order.NEWEST and len(chosen) > limit
        shown = chosen[:limit] if has_more else chosen
        return Found(
            candidates=candidates_of(self._connection, shown),
            count=min(newest.count, COUNTED),
            is_count_exact=is_exact,
            facets=self._facets(newest, is_whole=is_exact) if has_facets else Facets(),
            top=max((ids[0] for ids in chosen), default=None),
            last=shown[-1][0] if has_more else None,
            is_whole=self._matches.is_whole,
        )

    def _hits(self, wanted: int, *, below: int | None = None, columns: str = "") -> _Hits:
        """Return as many hits, or all there are; several rows may be of one entry.

        An entry stands by its newest row, so one that has a row above ``below`` is left out.
        """
        limit = rows_for(wanted)
        rows = self._matches.newest(limit, below=below, columns=columns)
        goes_on, hits = len(rows) == limit, self._hits_of(rows, below)
        while goes_on and hits.count < wanted:
            more = self._matches.newest(limit, below=rows[-1][0], columns=columns)
            rows += more
            goes_on, hits = len(more) == limit, self._hits_of(rows, below)
        return hits

    def _hits_of(self, rows: list[Row], below: int | None) -> _Hits:
        if below is None:
            return _Hits(rows)
        odd = [row[1] for row in rows if row[0] & 1]
        return _Hits(rows, self._matches.entries_from(below, odd) if odd else ())

    def _page(self, newest: _Hits, limit: int, after: int | None) -> list[Ids]:
        """Return the hits of a page, and one more where there is one."""
        page = newest.after(after)[: limit + 1]
        if len(page) > limit or newest.count <= COUNTED:
            return page
        return self._hits(limit + 1, below=after).after()[: limit + 1]

    def _shortlist(self, newest: _Hits, top: int | None) -> list[Ids]:
        """Return what is worth ranking: words in the title, then the newest.

        What stands above ``top`` came since the first page.
        """
        ranked = newest.after(None if top is None else top + 1)[:RANKED]
        if len(ranked) <= 3 * SHORTLISTED:
            return ranked
        by_row = {row_id: ids for ids in ranked for row_id in ids}
        chosen: dict[Ids, None] = {}
        for node in titled(self._root):
            found_rows = self._matches.of(node, ranked[-1][0], ranked[0][0], TITLED)
            found = (by_row.get(row[0]) for row in found_rows)
            chosen |= dict.fromkeys(islice(filter(None, found), SHORTLISTED))
        return list(chosen | dict.fromkeys(ranked[:SHORTLISTED]))

    def _facets(self, hits: _Hits, *, is_whole: bool) -> Facets:
        rows = list(islice(hits.first.values(), COUNTED))
        feeds = Counter(row[2] for row in rows)
        folders = dict(self._connection.execute(FOLDERS).fetchall())
        days = Counter(day_of(row[0]) for row in rows)
        return Facets(
            feeds=counts_of(Counter({str(feed): count for feed, count in feeds.items()})),
            folders=counts_of(summed((folders.get(feed), count) for feed, count in feeds.items())),
            languages=counts_of(Counter(row[3] for row in rows if row[3])),
            sites=counts_of(Counter(row[4] for row in rows if row[4])),
            is_whole=is_whole,
            days=tuple(FacetCount(day.isoformat(), count) for day, count in sorted(days.items())),
        )


def candidates_of(connection: Connection, hits: Iterable[Sequence[int]]) -> tuple[Candidate, ...]:
    """Return the newest wording of each hit, which is a list of an entry's rows."""
    wanted = list(hits)
    found = connection.execute(ROWS, ([row_id for hit in wanted for row_id in hit],)).fetchall()
    if not found:
        return ()
    ids, entries, revisions, languages = map(list, zip(*found, strict=True))
    days = [day_of(row_id).isoformat() for row_id in ids]
    values = {
        "ids": ids,
        "entries": entries,
        "revisions": revisions,
        "languages": languages,
        "days": days,
        "first": min(days),
        "last": max(days),
    }
    rows = {row[0]: row for row in connection.execute(WORDINGS, values)}
    newest = (
        max(map(rows.__getitem__, there), key=lambda row: (row[9], row[4]))
        for hit in wanted
        if (there := [row_id for row_id in hit if row_id in rows])  # else it was just deleted
    )
    return tuple(map(candidate_of, newest))
