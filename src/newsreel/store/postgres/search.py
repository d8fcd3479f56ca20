"""Search in PostgreSQL: what is found, the index and how it is made, and searches with a name."""

from collections.abc import Sequence
from time import monotonic

from newsreel.core.searchable import body_text
from newsreel.core.similar import MOST_TERMS, score_shared, telling_terms, terms_of_entry
from newsreel.model.query import Candidate, Order, Query, SavedSearch
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.entries import entry_by_id
from newsreel.store.postgres.search_hits import Search, candidates_of
from newsreel.store.postgres.search_index import TERMS, empty_index, index_batch, tidy
from newsreel.store.postgres.search_places import Spread
from newsreel.store.postgres.search_vectors import quoted
from newsreel.store.protocols import Found, IndexState
from newsreel.store.rows import known_moment, micros

MOST_OF_A_TERM = 2000
"""Entries of a word that is looked at for what is similar; what more have tells little."""
MOST_FREQUENT = 2
"""What has more than so many times that, by PostgreSQL's estimate, is not even looked up."""
SPREAD_SECONDS = 60
"""How long it is known where rows lie."""
# Of the newest; what is hardly ever written is left out, since each costs time in every search.
LANGUAGES = """
    WITH newest AS (SELECT language FROM search_rows ORDER BY id DESC LIMIT 500)
    SELECT split_part(language, '-', 1) AS main
    FROM newest WHERE language IS NOT NULL GROUP BY main
    HAVING count(*) * 100 >= (SELECT count(*) FROM newest) ORDER BY count(*) DESC, main
"""
STATE = """
    SELECT terms, (SELECT coalesce(sum(entries), 0) FROM search_pending) FROM search_state
"""
# What the last ANALYZE saw; a table that it has not seen is measured by its size.
SPREAD = """
    SELECT c.reltuples, pg_relation_size(c.oid),
           (SELECT s.histogram_bounds::text::bigint[] FROM pg_stats s
            WHERE s.schemaname = current_schema() AND s.tablename = 'search_rows'
              AND s.attname = 'id')
    FROM pg_class c WHERE c.oid = 'search_rows'::regclass
"""
ENDS = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM search_rows"
BYTES_OF_A_ROW = 1_000
MOST_KNOWN = 20_000
COMMON = """
    SELECT unnest(most_common_elems::text::text[]), unnest(most_common_elem_freqs) FROM pg_stats
    WHERE schemaname = current_schema() AND tablename = 'search_rows' AND attname = 'terms'
"""
OF_TERMS = """
    SELECT t.term, r.id FROM unnest(%s::text[], %s::text[]) AS t (term, asked)
    CROSS JOIN LATERAL
        (SELECT id FROM search_rows WHERE terms @@ t.asked::tsquery LIMIT %s) AS r
"""
ENTRY_OF_ROW = "SELECT id, entry_id FROM search_rows WHERE id = ANY(%s)"
SAVE = """
    INSERT INTO saved_searches (name, query, saved_at) VALUES (%s, %s, %s)
    ON CONFLICT (lower(name)) DO UPDATE
    SET name = excluded.name, query = excluded.query, saved_at = excluded.saved_at
    RETURNING xmax = 0
"""


class Searches:
    """The :class:`~newsreel.store.protocols.SearchStore` of PostgreSQL."""

    _db: Database
    _spread: tuple[float, int, Sequence[int]] | None = None
    _known: set[str] | None = None

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
        def found(connection: Connection) -> Found:
            search = Search(
                connection,
                query.root,
                self._known_spread(connection),
                known=self._known_tokens(connection),
                seconds=seconds,
            )
            return search.found(order, limit, after, has_facets=has_facets)

        return await self._db.read(found)

    async def search_languages(self) -> list[str]:
        return await self._db.read(
            lambda connection: [row[0] for row in connection.execute(LANGUAGES)]
        )

    async def similar(self, public_id: str, *, limit: int) -> list[tuple[Candidate, float]]:
        return await self._db.read(
            lambda connection: _similar(
                connection, public_id, limit, self._known_spread(connection)
            )
        )

    async def index_state(self) -> IndexState:
        def state(connection: Connection) -> IndexState:
            row = connection.execute(STATE).fetchone()
            assert row is not None
            return IndexState(int(row[1]), is_current=row[0] in {"", TERMS})

        return await self._db.read(state)

    async def empty_index(self) -> None:
        await self._db.write(empty_index)

    async def index_some(self, limit: int) -> int:
        return await self._db.write(lambda connection: index_batch(connection, limit, waits=True))

    async def tidy_index(self) -> None:
        await tidy(self._db)
        self._spread = None

    async def save_search(self, search: SavedSearch) -> bool:
        def save(connection: Connection) -> bool:
            values = (search.name, search.text, micros(search.saved_at))
            row = connection.execute(SAVE, values).fetchone()
            assert row is not None
            return bool(row[0])

        return await self._db.write(save)

    async def saved_searches(self) -> list[SavedSearch]:
        query = "SELECT name, query, saved_at FROM saved_searches ORDER BY lower(name)"
        return await self._db.read(
            lambda connection: [
                SavedSearch(row[0], row[1], known_moment(row[2]))
                for row in connection.execute(query)
            ]
        )

    async def remove_search(self, name: str) -> bool:
        query = "DELETE FROM saved_searches WHERE lower(name) = lower(%s)"
        return await self._db.write(
            lambda connection: connection.execute(query, (name,)).rowcount > 0
        )

    def _known_tokens(self, connection: Connection) -> set[str]:
        """Return tokens that the index is known to hold, to begin with the most common."""
        known = self._known
        if known is None or len(known) > MOST_KNOWN:
            self._known = known = {row[0] for row in connection.execute(COMMON)}
        return known

    def _known_spread(self, connection: Connection) -> Spread:
        """Return how rows lie: the first and the last as it is now, the rest as it was lately."""
        known, now = self._spread, monotonic()
        if known is None or now - known[0] > SPREAD_SECONDS:
            self._spread = known = (now, *_lately(connection))
        _, count, bounds = known
        ends = connection.execute(ENDS).fetchone()
        assert ends is not None
        first, last = ends
        return Spread(count, (first, *(bound for bound in bounds if first < bound < last), last))


def _lately(connection: Connection) -> tuple[int, Sequence[int]]:
    row = connection.execute(SPREAD).fetchone()
    assert row is not None
    counted, size, bounds = row
    return max(int(counted), size // BYTES_OF_A_ROW), (bounds or ())[1:-1]


def _similar(
    connection: Connection, public_id: str, limit: int, spread: Spread
) -> list[tuple[Candidate, float]]:
    entry = entry_by_id(connection, public_id)
    if entry is None:
        return []
    terms = terms_of_entry(entry.content.title or "", body_text(entry.content))
    total = _total(connection, spread)
    rows = _rows_of(connection, terms, total)
    counts = {
        term: len(found) if len(found) < MOST_OF_A_TERM else total for term, found in rows.items()
    }
    weights = telling_terms(counts, total)
    query = "SELECT id FROM search_rows WHERE entry_id = %s"
    own = {row[0] for row in connection.execute(query, (entry.id,))}
    scored = score_shared(weights, {term: set(rows[term]) - own for term in weights})
    best = dict(scored[: 10 * limit + 100])
    rows_of_entry: dict[int, int] = {}
    for row_id, entry_id in connection.execute(ENTRY_OF_ROW, (list(best),)):
        former = rows_of_entry.setdefault(entry_id, row_id)
        if (best[row_id], row_id) > (best[former], former):
            rows_of_entry[entry_id] = row_id
    kept = sorted(rows_of_entry.values(), key=lambda row_id: (-best[row_id], -row_id))[:limit]
    found = candidates_of(connection, [[row_id] for row_id in kept])
    return [(candidate, best[row_id]) for candidate, row_id in zip(found, kept, strict=True)]


def _rows_of(connection: Connection, terms: list[str], total: int) -> dict[str, list[int]]:
    """Return the rows of the rarest terms, or of all; of one that tells nothing only some."""
    frequencies: dict[str, float] = dict(connection.execute(COMMON).fetchall())
    common = sorted(filter(frequencies.__contains__, terms), key=frequencies.__getitem__)
    rare = [term for term in terms if term not in frequencies]
    connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
    found: dict[str, list[int]] = {}
    while rare:
        rows = connection.execute(OF_TERMS, (rare, list(map(quoted, rare)), MOST_OF_A_TERM))
        for term, row_id in rows:
            found.setdefault(term, []).append(row_id)
        telling = sum(1 < len(ids) < MOST_OF_A_TERM for ids in found.values())
        missing = max(MOST_TERMS - telling, 0)
        rare = [
            term
            for term in common[:missing]
            if frequencies[term] * total < MOST_FREQUENT * MOST_OF_A_TERM
        ]
        common = common[missing:]
    return found


def _total(connection: Connection, spread: Spread) -> int:
    """Return how many rows there are; of very many about."""
    if spread.count > 100_000:
        return spread.count
    row = connection.execute("SELECT count(*) FROM search_rows").fetchone()
    assert row is not None
    return int(row[0])
