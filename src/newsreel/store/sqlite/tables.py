"""The archive's tables, out of SQLite.

Rows are read in pages, each from where the last one ended, so that nothing is held open between
two of them: first the keys of a page, then its rows. Only the columns that are asked for are read.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from newsreel.model.tables import RowChoice, Values
from newsreel.store.protocols import Key, RowPage
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.table_queries import CHOSEN, QUERIES
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
    WHERE g.from_at < :end AND coalesce(g.to_at, :until) > :start
"""
_OBSERVED = f"""
    WITH blind AS ({_GAPS})
    SELECT f.id, f.first_url, coalesce(d.expected, 0), coalesce(d.made, 0)
    FROM feeds f LEFT JOIN poll_days d ON d.feed_id = f.id AND d.day = :day
    WHERE f.is_private <= :has_private AND (:feed_id IS NULL OR f.id = :feed_id)
      AND (d.day IS NOT NULL OR f.id IN (SELECT feed_id FROM blind))
    ORDER BY f.id
"""  # noqa: S608 - constants only
_SPAN = """
    SELECT min(first), max(last) FROM (
        SELECT min(day) AS first, max(day) AS last FROM poll_days UNION ALL
        SELECT date(min(from_at) / 1000000, 'unixepoch'),
               date(max(coalesce(to_at, :until)) / 1000000, 'unixepoch') FROM gaps)
"""
_UNTIL = "SELECT max(last_poll_at) FROM feed_state"


class Tables:
    """The :class:`~newsreel.store.protocols.TableStore` of SQLite."""

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
        def read(connection: sqlite3.Connection) -> RowPage:
            if table == "coverage":
                return _coverage(connection, columns, chosen, after)
            query = QUERIES[table]
            keys = _keys(connection, query, chosen, after, limit)
            rows = _rows(connection, query, columns, chosen, [key[-1] for key in keys])
            return RowPage(rows=rows, last=keys[-1] if len(keys) == limit else None)

        return await self._db.read(read)

    async def entry_rows(
        self, columns: Sequence[str], chosen: RowChoice, entry_ids: Sequence[int]
    ) -> list[Values]:
        def read(connection: sqlite3.Connection) -> list[Values]:
            values = values_of(chosen) | {"ids": json.dumps(entry_ids)}
            ids = [row[0] for row in connection.execute(CHOSEN, values)]
            return _rows(connection, QUERIES["entries"], columns, chosen, ids)

        return await self._db.read(read)


def _keys(
    connection: sqlite3.Connection, query: Query, chosen: RowChoice, after: Key | None, limit: int
) -> list[Key]:
    values = first_values(query, chosen, limit=limit)
    values |= {f"key_{index}": value for index, value in enumerate(after or ())}
    return connection.execute(query.page, values).fetchall()


def first_values(query: Query, chosen: RowChoice, *, limit: int) -> dict[str, Any]:
    """Return the parameters of a table's first page."""
    return values_of(chosen) | first_key(query) | {"limit": limit}


def _rows(
    connection: sqlite3.Connection,
    query: Query,
    columns: Sequence[str],
    chosen: RowChoice,
    ids: Sequence[int],
) -> list[Values]:
    sources = [query.columns[name] for name in columns]
    told = ", ".join(["f.is_private", *(source.sql for source in sources)])
    found = connection.execute(
        f"SELECT {told} {query.rows}",
        values_of(chosen) | {"ids": json.dumps(ids)},
    )
    return read_rows(sources, found)


def _coverage(
    connection: sqlite3.Connection, columns: Sequence[str], chosen: RowChoice, after: Key | None
) -> RowPage:
    """Return the rows of one day: the first, or the one after the last."""
    until = connection.execute(_UNTIL).fetchone()[0] or 0
    span = connection.execute(_SPAN, {"until": until}).fetchone()
    day = day_to_cover(span, chosen, after)
    if day is None:
        return RowPage(rows=[], last=None)
    values = coverage_values(chosen, day, until)
    gaps = connection.execute(_GAPS, values).fetchall()
    observed = connection.execute(_OBSERVED, values)
    return coverage_page(columns, day, until, gaps=gaps, observed=observed)
