"""Rows of the search index on their way: all that a transaction changes, written before it ends.

FTS5 writes a segment whenever a row's id is less than the one before. So rows are put in order
first, those of all polls that are stored together.
"""

import sqlite3
from itertools import groupby
from operator import itemgetter

MAKE = """
    CREATE TEMP TABLE IF NOT EXISTS search_staged (
        id INTEGER, is_added INTEGER, body TEXT, title TEXT, author TEXT,
        PRIMARY KEY (id, is_added)
    ) STRICT, WITHOUT ROWID
"""
STAGE = "INSERT INTO temp.search_staged (id, is_added, body, title, author) VALUES (?, ?, ?, ?, ?)"
UNSTAGE = "DELETE FROM temp.search_staged WHERE id = ? AND is_added = 1"
STAGED = "SELECT id, is_added, body, title, author FROM temp.search_staged ORDER BY id, is_added"
ADD = "INSERT INTO search (rowid, body, title, author) VALUES (?, ?, ?, ?)"
TAKE_OUT = "INSERT INTO search (search, rowid, body, title, author) VALUES ('delete', ?, ?, ?, ?)"

Texts = tuple[str, str, str]
"""What the columns body, title and author hold."""


def stage_addition(connection: sqlite3.Connection, row_id: int, texts: Texts) -> None:
    """Let a row come in."""
    connection.execute(STAGE, (row_id, 1, *texts))


def stage_removal(connection: sqlite3.Connection, row_id: int, texts: Texts) -> None:
    """Let a row go that came in with these texts."""
    if not connection.execute(UNSTAGE, (row_id,)).rowcount:
        connection.execute(STAGE, (row_id, 0, *texts))


def make_stage(connection: sqlite3.Connection) -> None:
    """Make room for what is staged, where there is none yet."""
    connection.execute(MAKE)


def clear_stage(connection: sqlite3.Connection) -> None:
    """Forget what is staged."""
    make_stage(connection)
    connection.execute("DELETE FROM temp.search_staged")


def write_staged(connection: sqlite3.Connection) -> None:
    """Write what is staged."""
    make_stage(connection)
    if connection.execute("SELECT 1 FROM temp.search_staged LIMIT 1").fetchone() is None:
        return
    staged = connection.execute(STAGED)
    for is_added, rows in groupby(staged, key=itemgetter(1)):
        values = ((row_id, *texts) for row_id, _, *texts in rows)
        connection.executemany(ADD if is_added else TAKE_OUT, values)
    clear_stage(connection)
