"""Partitions of what grows with time, by month: made before a month's first row is written.

Publishers say which day an entry belongs to, and a feed may claim any: what was before there was
a web, or will be in the next century, has one partition each.
"""

from collections.abc import Iterable
from datetime import date

from newsreel.store.postgres.connection import Connection

TABLES = ("entries", "revisions")
FIRST, LAST = "1990-01", "2100-01"
EARLY, LATE = "0000-00", "9999-99"
LOCK = 0x4E657774
EXISTING = """
    SELECT substr(c.relname, 9) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'entries'::regclass
"""


def ensure_months(connection: Connection, days: Iterable[date | str]) -> None:
    """Make the partitions that hold these days, and those of the month after each new one.

    A table that is attached keeps nobody from reading or writing the others. Which months exist is
    remembered until a transaction is rolled back, which may have made some.
    """
    wanted = {_month_of(day) for day in days} - connection.months
    if not wanted:
        return
    connection.months |= _existing(connection)
    if not wanted - connection.months:
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    existing = _existing(connection)  # by a statement that sees what others made meanwhile
    for month in sorted(wanted | {_next(month) for month in wanted}):
        if month not in existing:
            _make(connection, month)


def _existing(connection: Connection) -> set[str]:
    return {row[0].replace("_", "-") for row in connection.execute(EXISTING)}


def _make(connection: Connection, month: str) -> None:
    first, end = f"'{month}'", f"'{_next(month)}'"
    if month == EARLY:
        first, end = "MINVALUE", f"'{FIRST}'"
    elif month == LATE:
        first, end = f"'{LAST}'", "MAXVALUE"
    elif _next(month) == LATE:
        end = f"'{LAST}'"
    for table in TABLES:
        name = f"{table}_{month.replace('-', '_')}"
        connection.execute(
            f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE);"
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})"
        )


def _month_of(day: date | str) -> str:
    month = (day if isinstance(day, str) else day.isoformat())[:7]
    return EARLY if month < FIRST else LATE if month >= LAST else month


def _next(month: str) -> str:
    if month in {EARLY, LATE}:
        return month
    year, number = int(month[:4]), int(month[5:])
    return _month_of(f"{year + 1:04}-01" if number == 12 else f"{year:04}-{number + 1:02}")
