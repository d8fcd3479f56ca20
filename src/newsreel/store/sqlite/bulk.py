"""Many rows in few steps.

At each step of a statement Python's module lets other threads run, and the writer waits until it
may go on, while other processes wait for their turn to write. So rows go in by the dozen.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

SIZES = (64, 16, 4, 1)
"""Rows that one statement inserts: few sizes, so that SQLite keeps what it prepared."""


def insert_rows(
    connection: sqlite3.Connection, insert: str, rows: Sequence[tuple[Any, ...]]
) -> int:
    """Insert rows, in their order, and return how many went in.

    ``insert`` has ``{}`` where the rows' places stand: ``INSERT INTO t (a, b) VALUES {}``.
    """
    count = start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            values = list(chain.from_iterable(rows[start : start + size]))
            statement = _statement(insert, size, len(rows[start]))
            count += connection.execute(statement, values).rowcount
            start += size
    return count


@lru_cache(maxsize=64)
def _statement(insert: str, size: int, width: int) -> str:
    row = f"({', '.join('?' * width)})"
    return insert.format(", ".join([row] * size))
