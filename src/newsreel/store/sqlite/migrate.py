"""Schema changes: forward only, one file a step, each in one transaction."""

import sqlite3
from importlib.resources import files

from newsreel.errors import SchemaTooNew, SchemaTooOld, StoreError

APPLICATION_ID = 0x4E657773  # "News"


def check(connection: sqlite3.Connection) -> None:
    """Raise unless the file is empty, or a database of ours with a schema that we know."""
    version, known = _version(connection), len(_steps())
    is_ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    objects = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not is_ours and (version or objects):
        raise StoreError(
            "the file is an SQLite database of another program",
            hint="name another file with --db",
        )
    if version > known:
        raise SchemaTooNew(
            f"the database was written by a newer Newsreel (schema {version}, "
            f"this one knows {known})",
            hint="update Newsreel, or name another database with --db",
        )


def check_current(connection: sqlite3.Connection) -> None:
    """Raise unless a database that was checked has the newest schema."""
    version, known = _version(connection), len(_steps())
    if version < known:
        raise SchemaTooOld(
            f"the database has an older schema ({version}, this Newsreel reads {known})",
            hint="bring it up to date with 'newsreel --db PATH status'",
        )


def check_whole(connection: sqlite3.Connection) -> None:
    """Raise where a copy goes into the database and has not come to its end."""
    if is_being_copied(connection):
        raise StoreError(
            "a copy into this database is not finished",
            hint="run the same 'newsreel db copy' again, which goes on where it stopped",
        )


def is_being_copied(connection: sqlite3.Connection) -> bool:
    """Tell whether a copy goes into the database: it has marks of how far it is."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = 'copying'"
    return connection.execute(query).fetchone() is not None


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database that was checked to the newest schema; an empty file becomes a new one."""
    steps = _steps()
    if _version(connection) == len(steps):
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        version = _version(connection)  # another process may have been faster
        if version == 0:
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
