"""Rows of the search index on their way: all that a transaction changes, written before it ends.

FTS5 writes a segment whenever a row's id is less than the one before. So rows are put in order
first, those of all polls that are stored together.
"""

import sqlite3
from itertools import groupby

from newsreel.store.sqlite.bulk import insert_rows

ADD = "INSERT INTO search (rowid, body, title, author) VALUES {}"
TAKE_OUT = "INSERT INTO search (search, rowid, body, title, author) VALUES ('delete', ?, ?, ?, ?)"

Texts = tuple[str, str, str]
"""What the columns body, title and author hold."""


class Connection(sqlite3.Connection):
    """A connection that knows what its transaction is about to change in the search index.

    ``staged`` holds the texts of rows by id and whether they come in; ``last_ids`` the last id
    that was taken in a span of ids, by where that begins.
    """

    staged: dict[tuple[int, bool], Texts]
    last_ids: dict[int, int]


def begin_staging(connection: Connection) -> None:
    """Forget what an earlier transaction staged."""
    connection.staged = {}
    connection.last_ids = {}


def last_ids_of(connection: sqlite3.Connection) -> dict[int, int]:
    """Return what this transaction knows of spans of ids."""
    assert isinstance(connection, Connection)
    return connection.last_ids


def stage_addition(connection: sqlite3.Connection, row_id: int, texts: Texts) -> None:
    """Let a row come in."""
    assert isinstance(connection, Connection)
    connection.staged[row_id, True] = texts


def stage_removal(connection: sqlite3.Connection, row_id: int, texts: Texts) -> None:
    """Let a row go that came in with these texts."""
    assert isinstance(connection, Connection)
    if connection.staged.pop((row_id, True), None) is None:
        connection.staged[row_id, False] = texts


def clear_stage(connection: sqlite3.Connection) -> None:
    """Forget what is staged: the index is being emptied."""
    assert isinstance(connection, Connection)
    connection.staged.clear()
    connection.last_ids.clear()


def write_staged(connection: Connection) -> None:
    """Write what is staged; where a row goes and another comes in its place, in that order."""
    for is_added, changes in groupby(sorted(connection.staged), key=lambda change: change[1]):
        rows = [(change[0], *connection.staged[change]) for change in changes]
        if is_added:
            insert_rows(connection, ADD, rows)
        else:
            connection.executemany(TAKE_OUT, rows)
    begin_staging(connection)
