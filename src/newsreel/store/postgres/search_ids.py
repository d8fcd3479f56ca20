"""Which rows match a query in PostgreSQL: the newest first, until the time is up.

Theory of operation. GIN finds all rows that ever held some tokens, in no order, and each costs a
look at the table: of a common word there are too many. So the index is asked for one stretch of
time after the other, the newest first, each as long as what was found until then lets expect that
it will do. Of a rare word the first finds little, and the next is all the rest.

Other forms of a word are asked for only where the index knows them: each that is asked for costs
time with every row that is found. Those that are not there are looked up with each search, since
they may come; those that are there are remembered.

The planner's guesses about words, phrases and beginnings are no better than ours, and where it
follows one into reading rows by their numbers, a rare word takes a second. So it has no choice.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from psycopg import errors

from newsreel.model.query import Node
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.search_places import Spread, stretch
from newsreel.store.postgres.search_query import Asked, Asking, other_forms, with_forms
from newsreel.store.postgres.search_vectors import quoted

SMALL = 20_000
"""Rows that are looked through at once."""
LEAST_ROWS, ROWS_FOR_A_HIT = 4_000, 3
"""How many rows the first stretch has: at least, and for each that is wanted."""
FASTEST_GROWTH = 16
"""A stretch has at most that many times the rows that were looked through before."""
MARGIN = 1.2

ROWS = """
    SELECT {columns} FROM search_rows r
    WHERE {condition} ORDER BY r.id DESC LIMIT %s
"""
BEGIN = """
    SAVEPOINT reading_index; SET LOCAL jit = off; SET LOCAL enable_seqscan = off;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL enable_indexscan = {is_by_number}; SET LOCAL statement_timeout = {milliseconds}
"""
END = "ROLLBACK TO SAVEPOINT reading_index; RELEASE SAVEPOINT reading_index"

LOOK_UP_MILLISECONDS = 200
THERE = """
    SELECT t.token FROM unnest(%s::text[]) AS t (token)
    WHERE EXISTS (SELECT FROM search_rows r WHERE r.terms @@ quote_literal(t.token)::tsquery)
"""

Row = tuple[Any, ...]
"""Its number and its entry's, and what else was asked for."""


class Matches:
    """The rows that match one query, in one read transaction.

    ``is_whole`` becomes False where the time was up before all was read.
    """

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
        self._spread = spread
        self._first, self._last = spread.bounds[0], spread.bounds[-1]
        self._end = monotonic() + seconds
        self._asking = Asking(connection)
        self._asked = self._asking.asked(with_forms(root, _looked_up(connection, root, known)))
        self.is_whole = True

    def newest(self, limit: int, *, below: int | None = None, columns: str = "") -> list[Row]:
        """Return the newest rows, or the newest less than ``below``, at most so many."""
        return self._newest(self._asked, limit, below=below, columns=columns)

    def of(self, node: Node, least: int, greatest: int, limit: int) -> list[Row]:
        """Return the newest rows of another query in a span of numbers."""
        asked = self._asking.asked(node)
        span = replace(asked, least=max(asked.least, least), end=greatest + 1)
        return self._newest(span, limit)

    def entries_from(self, least: int, entry_ids: Sequence[int]) -> set[int]:
        """Return which of some entries have a row that matches, from a number on."""
        condition, values = _condition(self._asked, self._asked.match)
        query = f"SELECT r.entry_id FROM search_rows r WHERE r.entry_id = ANY(%s) AND {condition}"  # noqa: S608 - constants only
        span = (max(least, self._asked.least), self._asked.end)
        rows = self._connection.execute(query, (list(entry_ids), *values, *span))
        return {row[0] for row in rows}

    def _newest(
        self, asked: Asked, limit: int, *, below: int | None = None, columns: str = ""
    ) -> list[Row]:
        asked = replace(asked, least=max(asked.least, self._first))
        at = min(asked.end, self._last + 1, self._last + 1 if below is None else below)
        found: list[Row] = []
        passed = 0
        while at > asked.least and len(found) < limit and self.is_whole:
            least, tokens = self._stretch(asked, at, limit - len(found), len(found), passed)
            match = _with_tokens(asked.match, tokens)
            span = replace(asked, match=match, least=least, end=at)
            found += self._read(span, limit - len(found), columns)
            passed += self._spread.rows_between(least, at)
            at = least
        return found

    def _stretch(
        self, asked: Asked, at: int, wanted: int, found: int, passed: int
    ) -> tuple[int, list[str]]:
        """Return where the next stretch begins, and its tokens; none: all that is left."""
        left = self._spread.rows_between(asked.least, at)
        if not passed:  # nothing, or next to nothing
            rows = max(LEAST_ROWS, ROWS_FOR_A_HIT * wanted)
        elif not found:
            rows = FASTEST_GROWTH * passed
        else:
            expected = math.ceil(MARGIN * wanted * passed / found)
            rows = min(max(expected, passed), FASTEST_GROWTH * passed)
        if not asked.match or left <= max(SMALL, rows + rows // 2):
            return asked.least, []
        first, tokens = stretch(max(self._spread.place_before(at, rows), asked.least), at)
        return max(first, asked.least), tokens

    def _read(self, asked: Asked, limit: int, columns: str) -> list[Row]:
        """Return the newest rows; none where the time is up before they are found."""
        left = math.floor((self._end - monotonic()) * 1000)
        if left < 1:
            self.is_whole = False
            return []
        condition, values = _condition(asked, asked.match)
        query = ROWS.format(columns=f"r.id, r.entry_id{columns}", condition=condition)
        is_by_number = "off" if asked.match else "on"
        self._connection.execute(BEGIN.format(is_by_number=is_by_number, milliseconds=left))
        try:
            cursor = self._connection.execute(
                query, (*values, asked.least, asked.end, limit), binary=True
            )
            return cursor.fetchall()
        except errors.QueryCanceled:
            self.is_whole = False
            return []
        finally:
            self._connection.execute(END)


def _condition(asked: Asked, match: str) -> tuple[str, tuple[Any, ...]]:
    """Return what rows must fulfil, and the values but for the two ends of the span."""
    conditions: list[str] = []
    values: tuple[Any, ...] = ()
    if match:
        conditions.append("r.terms @@ %s::tsquery")
        values += (match,)
    if asked.check:
        conditions.append("(r.terms @@ %s::tsquery) IS TRUE")  # nothing the index is asked for
        values += (asked.check,)
    if asked.condition is not None:
        conditions.append(f"({asked.condition.sql})")
        values += asked.condition.values
    return " AND ".join([*conditions, "r.id >= %s AND r.id < %s"]), values


def _looked_up(connection: Connection, root: Node, known: set[str]) -> set[str]:
    """Return what tokens the index knows, those of other forms of words among them."""
    unknown = sorted(other_forms(root) - known)
    if unknown:
        connection.execute(BEGIN.format(is_by_number="off", milliseconds=LOOK_UP_MILLISECONDS))
        try:
            known.update(row[0] for row in connection.execute(THERE, (unknown,)))
        except errors.QueryCanceled:
            return known | set(unknown)
        finally:
            connection.execute(END)
    return known


def _with_tokens(match: str, tokens: Sequence[str]) -> str:
    if not tokens:
        return match
    times = " | ".join(map(quoted, tokens))
    return f"({match}) & ({times})"
