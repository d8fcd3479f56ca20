"""Search in SQLite: what is found, the index and how it is made, and searches with a name."""

import sqlite3
from collections.abc import Iterable

from newsreel.core.searchable import body_text
from newsreel.core.similar import score_shared, telling_terms, terms_of_entry
from newsreel.model.query import Candidate, Order, Query, SavedSearch
from newsreel.store.protocols import Found, IndexState
from newsreel.store.rows import dumps, known_moment, micros
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.entries import entry_by_id
from newsreel.store.sqlite.search_hits import Search, candidates_of
from newsreel.store.sqlite.search_index import TERMS, empty_index, index_batch, merge_whole
from newsreel.store.sqlite.search_query import quoted

MOST_OF_A_TERM = 2000
"""Entries of a word that is looked at for what is similar; what more have tells little."""
# Of the newest; what is hardly ever written is left out, since each costs time in every search.
LANGUAGES = """
    WITH newest AS (SELECT language FROM search_rows ORDER BY id DESC LIMIT 500)
    SELECT substr(language, 1, instr(language || '-', '-') - 1) AS main
    FROM newest WHERE language IS NOT NULL GROUP BY main
    HAVING count(*) * 100 >= (SELECT count(*) FROM newest) ORDER BY count(*) DESC, main
"""
STATE = """
    SELECT iif(pending, (SELECT count(*) FROM entries WHERE id <= pending), 0), terms
    FROM search_state
"""
OF_A_TERM = """
    SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?
"""
ENTRY_OF_ROW = """
    SELECT r.id, r.entry_id FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
"""
SAVE = """
    INSERT INTO saved_searches (name, query, saved_at) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET name = excluded.name, query = excluded.query,
                              saved_at = excluded.saved_at
"""


class Searches:
    """The :class:`~newsreel.store.protocols.SearchStore` of SQLite."""

    _db: Database

    async def search(
        self,
        query: Query,
        *,
        order: Order,
        limit: int,
        after: int | None = None,
        has_facets: bool = False,
        seconds: float = 0.5,
    ) -> Found:
        return await self._db.read(
            lambda connection: Search(connection, query.root, seconds=seconds).found(
                order, limit, after, has_facets=has_facets
            )
        )

    async def search_languages(self) -> list[str]:
        return await self._db.read(
            lambda connection: [row[0] for row in connection.execute(LANGUAGES)]
        )

    async def similar(self, public_id: str, *, limit: int) -> list[tuple[Candidate, float]]:
        return await self._db.read(lambda connection: _similar(connection, public_id, limit))

    async def index_state(self) -> IndexState:
        def state(connection: sqlite3.Connection) -> IndexState:
            pending, terms = connection.execute(STATE).fetchone()
            return IndexState(pending, is_current=terms in {"", TERMS})

        return await self._db.read(state)

    async def empty_index(self) -> None:
        await self._db.write(empty_index)

    async def index_some(self, limit: int) -> int:
        return await self._db.write(lambda connection: index_batch(connection, limit))

    async def tidy_index(self) -> None:
        await merge_whole(self._db)

    async def save_search(self, search: SavedSearch) -> bool:
        def save(connection: sqlite3.Connection) -> bool:
            query = "SELECT 1 FROM saved_searches WHERE name = ?"
            is_new = connection.execute(query, (search.name,)).fetchone() is None
            connection.execute(SAVE, (search.name, search.text, micros(search.saved_at)))
            return is_new

        return await self._db.write(save)

    async def saved_searches(self) -> list[SavedSearch]:
        query = "SELECT name, query, saved_at FROM saved_searches ORDER BY name"
        return await self._db.read(
            lambda connection: [
                SavedSearch(row[0], row[1], known_moment(row[2]))
                for row in connection.execute(query)
            ]
        )

    async def remove_search(self, name: str) -> bool:
        query = "DELETE FROM saved_searches WHERE name = ?"
        return await self._db.write(
            lambda connection: connection.execute(query, (name,)).rowcount > 0
        )


def _similar(
    connection: sqlite3.Connection, public_id: str, limit: int
) -> list[tuple[Candidate, float]]:
    entry = entry_by_id(connection, public_id)
    if entry is None:
        return []
    total = connection.execute("SELECT count(*) FROM search_rows").fetchone()[0]
    terms = terms_of_entry(entry.content.title or "", body_text(entry.content))
    rows = {term: _rows_of(connection, term) for term in terms}
    counts = {
        term: len(found) if len(found) < MOST_OF_A_TERM else total for term, found in rows.items()
    }
    weights = telling_terms(counts, total)
    query = "SELECT id FROM search_rows WHERE entry_id = ?"
    own = {row[0] for row in connection.execute(query, (entry.id,))}
    scored = score_shared(weights, {term: set(rows[term]) - own for term in weights})
    best = dict(scored[: 10 * limit + 100])
    rows_of_entry: dict[int, int] = {}
    for row_id, entry_id in _entries_of(connection, best):
        former = rows_of_entry.setdefault(entry_id, row_id)
        if best[row_id] > best[former]:
            rows_of_entry[entry_id] = row_id
    kept = sorted(rows_of_entry.values(), key=lambda row_id: (-best[row_id], -row_id))[:limit]
    found = candidates_of(connection, [[row_id] for row_id in kept])
    return [(candidate, best[row_id]) for candidate, row_id in zip(found, kept, strict=True)]


def _rows_of(connection: sqlite3.Connection, term: str) -> list[int]:
    rows = connection.execute(OF_A_TERM, (quoted([term]), MOST_OF_A_TERM))
    return [row[0] for row in rows]


def _entries_of(connection: sqlite3.Connection, row_ids: Iterable[int]) -> list[tuple[int, int]]:
    return connection.execute(ENTRY_OF_ROW, (dumps(list(row_ids)),)).fetchall()
