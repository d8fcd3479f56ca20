"""The archive's tables, out of PostgreSQL.

Rows are read in pages, each from where the last one ended, so that nothing is held open between
two of them: first the keys of a page, then its rows. Only the columns that are asked for are read.
"""

from collections.abc import Sequence
from typing import Any

from newsreel.model.tables import RowChoice, Values
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.table_queries import CHOSEN, OWN_DAYS, QUERIES
from newsreel.store.protocols import Key, RowPage
from newsreel.store.table_rows import (
    Query,
    coverage_page,
    coverage_values,
    day_to_cover,
    first_key,
    read_rows,
    values_of,
)

_GAPS = """
    SELECT g.feed_id, g.from_at, g.to_at, g.reason FROM gaps g
    WHERE g.from_at < %(end)s AND coalesce(g.to_at, %(until)s) > %(start)s
"""
_OBSERVED = f"""
    WITH blind AS ({_GAPS})
    SELECT f.id, f.first_url, coalesce(d.expected, 0), coalesce(d.made, 0)
    FROM feeds f LEFT JOIN poll_days d ON d.feed_id = f.id AND d.day = %(day)s
    WHERE f.is_private <= %(has_private)s
      AND (%(feed_id)s::bigint IS NULL OR f.id = %(feed_id)s)
      AND (d.day IS NOT NULL OR f.id IN (SELECT feed_id FROM blind))
    ORDER BY f.id
"""  # noqa: S608 - constants only
_SPAN = """
    SELECT min(first), max(last) FROM (
        SELECT min(day) AS first, max(day) AS last FROM poll_days UNION ALL
        SELECT to_char(to_timestamp(min(from_at) / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
               to_char(to_timestamp(max(coalesce(to_at, %(until)s)) / 1000000) AT TIME ZONE 'UTC',
                       'YYYY-MM-DD')
        FROM gaps) spans
"""
_UNTIL = "SELECT max(last_poll_at) FROM feed_state"
_DAYS = "SELECT DISTINCT day FROM identities WHERE entry_id = ANY(%s)"


class Tables:
    """The :class:`~newsreel.store.protocols.TableStore` of PostgreSQL."""

    _db: Database

    async def page(
        self,
        table: str,
        columns: Sequence[str],
        chosen: RowChoice,
        *,
        after: Key | None = None,
        limit: int = 1000,
    ) -> RowPage:
        def read(connection: Connection) -> RowPage:
            if table == "coverage":
                return _coverage(connection, columns, chosen, after)
            query = QUERIES[table]
            keys = _keys(connection, query, chosen, after, limit)
            days = sorted({key[0] for key in keys}) if query.key_length > 1 else []
            rows = _rows(connection, query, columns, chosen, [key[-1] for key in keys], days)
            return RowPage(rows=rows, last=keys[-1] if len(keys) == limit else None)

        return await self._db.read(read)

    async def entry_rows(
        self, columns: Sequence[str], chosen: RowChoice, entry_ids: Sequence[int]
    ) -> list[Values]:
        def read(connection: Connection) -> list[Values]:
            days = [row[0] for row in connection.execute(_DAYS, (list(entry_ids),))]
            values = values_of(chosen) | {"ids": list(entry_ids), "days": days, "own_days": None}
            ids = [row[0] for row in connection.execute(CHOSEN.encode(), values)]
            return _rows(connection, QUERIES["entries"], columns, chosen, ids, days)

        return await self._db.read(read)


def _keys(
    connection: Connection, query: Query, chosen: RowChoice, after: Key | None, limit: int
) -> list[Key]:
    values = first_values(query, chosen, limit=limit)
    values |= {f"key_{index}": value for index, value in enumerate(after or ())}
    if query.key_length > 1 and (chosen.feed_id is not None or chosen.entry_id is not None):
        values["own_days"] = [row[0] for row in connection.execute(OWN_DAYS, values)]
    return connection.execute(query.page.encode(), values).fetchall()


def first_values(query: Query, chosen: RowChoice, *, limit: int) -> dict[str, Any]:
    """Return the parameters of a table's first page."""
    return values_of(chosen) | {"own_days": None} | first_key(query) | {"limit": limit}


def _rows(
    connection: Connection,
    query: Query,
    columns: Sequence[str],
    chosen: RowChoice,
    ids: Sequence[int],
    days: Sequence[str],
) -> list[Values]:
    if not ids:
        return []
    sources = [query.columns[name] for name in columns]
    told = ", ".join(["f.is_private", *(source.sql for source in sources)])
    values = values_of(chosen) | {"ids": list(ids), "days": list(days), "own_days": None}
    found = connection.execute(f"SELECT {told} {query.rows}".encode(), values)
    return read_rows(sources, found)


def _coverage(
    connection: Connection, columns: Sequence[str], chosen: RowChoice, after: Key | None
) -> RowPage:
    """Return the rows of one day: the first, or the one after the last."""
    (newest,) = connection.execute(_UNTIL).fetchone() or (None,)
    until = newest or 0
    span = connection.execute(_SPAN, {"until": until}).fetchone()
    day = day_to_cover(span or (None, None), chosen, after)
    if day is None:
        return RowPage(rows=[], last=None)
    values = coverage_values(chosen, day, until)
    gaps = connection.execute(_GAPS, values).fetchall()
    observed = connection.execute(_OBSERVED.encode(), values)
    return coverage_page(columns, day, until, gaps=gaps, observed=observed)
