"""The archive's tables, out of PostgreSQL.

Rows are read in pages, each from where the last one ended, so that nothing is held open between
two of them: first the keys of a page, then its rows. Only the columns that are asked for are read.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from newsreel.core.coverage import DAY, blind_seconds, start_of
from newsreel.model.poll import Gap
from newsreel.model.tables import RowChoice, Values
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.table_queries import (
    CHOSEN,
    OWN_DAYS,
    QUERIES,
    Query,
    Reader,
    Source,
    address_of,
    optional_address,
    urls_of,
)
from newsreel.store.protocols import Key, RowPage
from newsreel.store.rows import MICROSECOND, gap_of, known_moment, micros

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
            values = _values(chosen) | {"ids": list(entry_ids), "days": days}
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
    start = ("", 0, 0)[-query.key_length :]
    keys = {f"key_{index}": value for index, value in enumerate(start)}
    return _values(chosen) | {"limit": limit} | keys


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
    values = _values(chosen) | {"ids": list(ids), "days": list(days)}
    found = connection.execute(f"SELECT {told} {query.rows}".encode(), values)
    open_readers = _readers(source.read for source in sources)
    private_readers = _readers(map(_discreet, sources))
    return [_read(row, private_readers if row[0] else open_readers) for row in found]


def _readers(readers: Iterable[Reader | None]) -> list[tuple[int, Reader]]:
    return [(index, read) for index, read in enumerate(readers) if read is not None]


def _read(row: Values, readers: Iterable[tuple[int, Reader]]) -> Values:
    values = list(row[1:])
    for index, read in readers:
        values[index] = read(values[index])
    return tuple(values)


def _discreet(source: Source) -> Reader | None:
    """The links of a private feed may hold what makes it private."""
    if not source.is_link:
        return source.read
    if source.read is urls_of:
        return lambda text: tuple(map(address_of, urls_of(text)))
    return optional_address


def _values(chosen: RowChoice) -> dict[str, Any]:
    first, last = chosen.first or date.min, chosen.last or date.max
    return {
        "feed_id": chosen.feed_id,
        "entry_id": chosen.entry_id,
        "own_days": None,
        "has_private": int(chosen.has_private),
        "first": first.isoformat(),
        "last": last.isoformat(),
        "from_at": micros(start_of(first)),
        "to_at": _end_of(last),
    }


def _end_of(day: date) -> int:
    return (micros(start_of(day)) or 0) + DAY // MICROSECOND


def _coverage(
    connection: Connection, columns: Sequence[str], chosen: RowChoice, after: Key | None
) -> RowPage:
    """Return the rows of one day: the first, or the one after the last."""
    (newest,) = connection.execute(_UNTIL).fetchone() or (None,)
    until = newest or 0
    span = connection.execute(_SPAN, {"until": until}).fetchone()
    if span is None or span[0] is None:
        return RowPage(rows=[], last=None)
    first = max(chosen.first or date.min, date.fromisoformat(span[0]))
    last = min(chosen.last or date.max, date.fromisoformat(span[1]))
    day = date.fromisoformat(after[0]) + DAY if after else first
    if day > last:
        return RowPage(rows=[], last=None)
    values = _values(chosen) | {
        "day": day.isoformat(),
        "start": micros(start_of(day)),
        "end": _end_of(day),
        "until": until,
    }
    gaps: dict[int, list[Gap]] = {}
    for row in connection.execute(_GAPS, values):
        gaps.setdefault(row[0], []).append(gap_of(row))
    rows = []
    for feed_id, url, expected, made in connection.execute(_OBSERVED.encode(), values):
        found = gaps.get(feed_id, [])
        told = {
            "day": day,
            "feed_id": feed_id,
            "feed_url": address_of(url),
            "polls_expected": expected,
            "polls_made": made,
            "blind_seconds": blind_seconds(day, found, until=known_moment(until)),
            "gap_reasons": tuple(sorted({gap.reason for gap in found})),
        }
        rows.append(tuple(told[name] for name in columns))
    return RowPage(rows=rows, last=(day.isoformat(),))
