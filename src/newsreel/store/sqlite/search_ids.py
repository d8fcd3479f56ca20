"""Which rows match a query in SQLite: their ids, the newest first, until the time is up.

Theory of operation. Other forms of a word count only in entries of their language. The index could
check that, but follows a token that most rows have row by row, through all of the archive. So rows
are asked for that have any of the forms; those that have the words as they were typed count at
once, and of the others the languages are looked up, where they are not many.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import neg
from time import monotonic
from typing import Any

from newsreel.model.query import And, Node, Or, Word
from newsreel.store.rows import dumps
from newsreel.store.sqlite.search_query import Asked, Asking, any_form, words_in

FEW = 3_000
"""Rows whose languages are looked up; for more of them it is faster to ask the index."""
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
# One row with all of them takes half the time of many rows, but is none where the time is up: then
# the rest of it goes into rows one by one.
TOGETHER = "SELECT group_concat(rowid) FROM ({})"
ANY = "SELECT 1 FROM search WHERE search MATCH ? LIMIT 1"
SPEAKING = """
    SELECT r.id FROM json_each(?) i CROSS JOIN search_rows r ON r.id = i.value
    WHERE r.language = ? OR (r.language > ? AND r.language < ?)
"""


class Matches:
    """The rows that match one query, in one read transaction.

    ``is_whole`` becomes False where the time was up before all was read.
    """

    def __init__(
        self, connection: sqlite3.Connection, root: Node, *, bits: int, seconds: float
    ) -> None:
        self._connection = connection
        self._asking = Asking(connection, bits=bits)
        now = monotonic()
        self._most, self._end = now + 0.8 * seconds, now + seconds
        self.is_whole = True
        self._root = self._without_absent(root)
        self._inflected = [
            (word.field, found) for word in words_in(self._root) for found in word.inflections
        ]
        self._languages = list(dict.fromkeys(found.language for _, found in self._inflected))
        self._exact: list[int] | None = None
        self._asked = self._asking.asked(self._root)
        if self._asked.condition is not None:
            self._languages = []

    def are_more_than(self, count: int, limit: int) -> bool:
        """Tell whether among some rows with the words as they were typed are more entries."""
        if not self._languages:
            return False
        self._exact = self._ids(self._loosely(self._asked, ()), limit)
        if len(self._exact) < limit:
            return False
        return len([row_id for row_id in self._exact if not row_id & 1]) > count

    def newest(self, limit: int, *, below: int | None = None) -> list[int]:
        """Return the newest ids, or the newest less than ``below``."""
        asked = self._asked
        if below is not None:
            asked = replace(asked, greatest=min(asked.greatest, below - 1))
        return self._spoken(asked, limit) if self._languages else self._ids(asked, limit)

    def has(self, row_id: int) -> bool:
        """Tell whether a row matches."""
        if not self._asked.least <= row_id <= self._asked.greatest:
            return False
        return bool(self._ids(replace(self._asked, least=row_id, greatest=row_id), 1))

    def of(self, node: Node, least: int, greatest: int, limit: int) -> list[int]:
        """Return the newest ids of another query in a span of ids."""
        asked = replace(self._asking.asked(node), least=least, greatest=greatest)
        return self._ids(asked, limit)

    def _spoken(self, asked: Asked, limit: int) -> list[int]:
        exact = self._exact
        if exact is None or asked is not self._asked:
            exact = self._ids(self._loosely(asked, ()), limit)
        loose = self._ids(self._loosely(asked, self._languages), limit)
        if not self.is_whole:
            return exact
        goes_on = len(loose) == limit
        window = replace(asked, least=loose[-1]) if goes_on else asked
        passed = set(exact[: bisect_right(exact, -window.least, key=neg)])
        rest = [row_id for row_id in loose if row_id not in passed]
        if len(rest) > FEW:
            return self._ids(asked, limit)
        passed.update(self._in_their_language(rest, window, limit) if rest else ())
        found = [row_id for row_id in loose if row_id in passed]
        if goes_on and len(found) < limit:
            older = replace(asked, greatest=loose[-1] - 1)
            found += self._ids(older, limit - len(found))
        return found

    def _in_their_language(self, rows: list[int], window: Asked, limit: int) -> set[int]:
        """Return which rows pass by other forms of their language.

        Most have forms of the main language alone; whoever has one of another is asked for.
        """
        main = self._languages[0]
        others = [any_form(*pair) for pair in self._inflected if pair[1].language != main]
        asked = replace(window, match=" OR ".join(others))
        strange = self._ids(asked, limit) if others else []
        if not self.is_whole:
            return set()
        mixed = rows
        found: set[int] = set()
        if len(strange) < limit:
            strange_ids = set(strange)
            found = self._speaking(main, [row for row in rows if row not in strange_ids])
            mixed = [row for row in rows if row in strange_ids]
        for language in self._languages if mixed else ():
            if speaking := self._speaking(language, mixed):
                found |= speaking & set(self._ids(self._loosely(window, (language,)), limit))
        return found

    def _speaking(self, language: str, rows: list[int]) -> set[int]:
        values = (dumps(rows), language, f"{language}-", f"{language}.")
        return {row[0] for row in self._connection.execute(SPEAKING, values)}

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
        values += (limit,)
        if asked.condition is None and self.is_whole and monotonic() < self._most:
            together = self._read(TOGETHER.format(query), values, self._most)
            if together:
                return list(map(int, together[0][0].split(","))) if together[0][0] else []
        found = [row[0] for row in self._read(query, values, self._end)] if self.is_whole else []
        self.is_whole &= monotonic() < self._end
        return found

    def _read(self, query: str, values: tuple[Any, ...], end: float) -> list[tuple[Any, ...]]:
        """Return rows; those up to where the time was up."""
        found: list[tuple[Any, ...]] = []
        try:
            with _interrupted_at(self._connection, end):
                found.extend(self._connection.execute(query, values))
        except sqlite3.OperationalError as error:
            if "interrupt" not in str(error):
                raise
        return found

    def _without_absent(self, node: Node) -> Node:
        """Return a query without those other forms of words that no row has."""
        match node:
            case And(parts) | Or(parts):
                return type(node)(tuple(map(self._without_absent, parts)))
            case Word(field=field, inflections=inflections) if inflections:
                there = [found for found in inflections if self._is_any(any_form(field, found))]
                return replace(node, inflections=tuple(there))
            case _:
                return node

    def _is_any(self, match: str) -> bool:
        return self._connection.execute(ANY, (match,)).fetchone() is not None


@contextmanager
def _interrupted_at(connection: sqlite3.Connection, end: float) -> Iterator[None]:
    """Interrupt what a connection does when its time is up."""
    connection.set_progress_handler(lambda: monotonic() > end, STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
