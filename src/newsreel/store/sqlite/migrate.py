"""Schema changes: forward only, one file a step, each in one transaction."""

import sqlite3
from importlib.resources import files

from newsreel.errors import SchemaTooNew, StoreError

APPLICATION_ID = 0x4E657773  # "News"


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the newest schema; an empty file becomes a new one."""
    steps = _steps()
    version = _version(connection)
    if version > len(steps):
        raise SchemaTooNew(
            f"the database was written by a newer Newsreel (schema {version}, "
            f"this one knows {len(steps)})",
            hint="update Newsreel, or name another database with --db",
        )
    if version == len(steps):
        _check_ours(connection)
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        version = _version(connection)  # another process may have been faster
        if version == 0:
            _check_empty(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for number, script in enumerate(steps[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the last step that was made."""
    return _version(connection)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_ours(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(
            "the file is an SQLite database of another program",
            hint="name another file with --db",
        )


def _check_empty(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        _check_ours(connection)


def _steps() -> list[str]:
    folder = files("newsreel.store").joinpath("sql", "sqlite")
    found = sorted(
        (path for path in folder.iterdir() if path.name.endswith(".sql")),
        key=lambda path: path.name,
    )
    return [path.read_text(encoding="utf-8") for path in found]


def _statements(script: str) -> list[str]:
    """Split a script where SQLite says that a statement is complete."""
    statements, held = [], ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            statements.append(held)
            held = ""
    return statements
