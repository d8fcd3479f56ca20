"""Schema changes: forward only, one file a step, all in one transaction under a lock.

Workers of the version before may be running while a step is made. So a step adds, and what is no
longer used goes with a later one: its first line says ``-- works from N on``, where N is the
oldest schema whose programs can go on with what the step leaves.
"""

import re
from importlib.resources import files

from newsreel.errors import SchemaTooNew, SchemaTooOld, StoreError
from newsreel.store.postgres.connection import LOCK_SECONDS, Connection, end

LOCK = 0x4E657773  # "News"
MADE = "SELECT to_regclass('newsreel_schema') IS NOT NULL"
VERSION = "SELECT version, works_from FROM newsreel_schema"
FOREIGN = """
    SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
OLDEST_SERVER = 140_000


def check(connection: Connection) -> None:
    """Raise unless the schema is empty, or holds a database of ours that we know."""
    server = connection.info.server_version
    if server < OLDEST_SERVER:
        raise StoreError(
            f"PostgreSQL {server // 10_000} is too old", hint="use PostgreSQL 14 or newer"
        )
    encoding = _asked(connection, "SELECT getdatabaseencoding()")
    if encoding != "UTF8":
        raise StoreError(
            f"the database's encoding is {encoding}, which can't hold every text",
            hint="make one with 'createdb --template=template0 --encoding=UTF8'",
        )
    if _asked(connection, "SELECT current_schema()") is None:
        raise StoreError(
            "the database has no schema to make tables in",
            hint="create the schema that the user's search_path names",
        )
    version, works_from = _versions(connection)
    if not version and _asked(connection, FOREIGN):
        raise StoreError(
            "the PostgreSQL database holds another program's tables",
            hint="make one of its own with 'createdb', and name it with --db",
        )
    known = len(_steps())
    if works_from > known:
        raise SchemaTooNew(
            f"the database was written by a newer Newsreel (schema {version}, "
            f"this one knows {known})",
            hint="update Newsreel, or name another database with --db",
        )


def check_current(connection: Connection) -> None:
    """Raise unless a database that was checked has the newest schema, for reading it only."""
    version, known = _versions(connection)[0], len(_steps())
    if not version:
        raise StoreError(
            "there is no Newsreel database", hint="name one that 'newsreel poll' has filled"
        )
    if version < known:
        raise SchemaTooOld(
            f"the database has an older schema ({version}, this Newsreel reads {known})",
            hint="bring it up to date with 'newsreel --db PATH status'",
        )


def check_whole(connection: Connection) -> None:
    """Raise where a copy goes into the database and has not come to its end."""
    if is_being_copied(connection):
        raise StoreError(
            "a copy into this database is not finished",
            hint="run the same 'newsreel db copy' again, which goes on where it stopped",
        )


def is_being_copied(connection: Connection) -> bool:
    """Tell whether a copy goes into the database: it has marks of how far it is."""
    return bool(_asked(connection, "SELECT to_regclass('copying') IS NOT NULL"))


def migrate(connection: Connection) -> None:
    """Bring a database that was checked to the newest schema; an empty one becomes a new one."""
    steps = _steps()
    if _versions(connection)[0] >= len(steps):
        return
    connection.execute(f"BEGIN; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    try:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        version = _versions(connection)[0]  # another worker may have been faster
        if not version:
            connection.execute(
                "CREATE TABLE newsreel_schema "
                "(version INTEGER NOT NULL, works_from INTEGER NOT NULL);"
                "INSERT INTO newsreel_schema VALUES (0, 0)"
            )
        for number, script in enumerate(steps[version:], start=version + 1):
            connection.execute(script)
            connection.execute(
                "UPDATE newsreel_schema SET version = %s, works_from = %s",
                (number, _works_from(script, number)),
            )
        end(connection, "COMMIT")
    except BaseException:
        if not connection.is_lost:
            end(connection, "ROLLBACK")
        raise


def schema_version(connection: Connection) -> int:
    """Return the number of the last step that was made."""
    return _versions(connection)[0]


def _versions(connection: Connection) -> tuple[int, int]:
    if not _asked(connection, MADE):
        return 0, 0
    row = connection.execute(VERSION).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _asked(connection: Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _works_from(script: str, number: int) -> int:
    found = re.match(r"-- works from (\d+) on", script)
    return int(found[1]) if found else number


def _steps() -> list[str]:
    folder = files("newsreel.store.postgres").joinpath("migrations")
    found = sorted(
        (path for path in folder.iterdir() if path.name.endswith(".sql")),
        key=lambda path: path.name,
    )
    return [path.read_text(encoding="utf-8") for path in found]
