"""One connection to PostgreSQL, its transactions, and what its errors mean.

Nothing is kept in the session, so that a pooler may give each transaction another one: what is
set is set for the transaction, nothing is prepared, and locks end with it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg import errors

from newsreel.errors import StoreBusy, StoreError
from newsreel.model.day import WriteReason
from newsreel.store.postgres.address import Address

STATEMENT_SECONDS = 60
LOCK_SECONDS = 10
IDLE_SECONDS = 30
LIMITS = f"""
    SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
    SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
    SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s';
"""
BEGIN_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LIMITS}"
BEGIN_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {LIMITS}"
NOT_LET_IN = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    'role "',
    "authentication",
)

# What fails while a lost connection is let go of is nobody's business: that it is lost is told.
logging.getLogger("psycopg").setLevel(logging.ERROR)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that knows what its transaction has still to write, and which months exist.

    ``together`` is what several writes of this transaction do at its end with one set of
    statements, each with values of all of them; ``dirt`` holds the pages that became dirty in it,
    ``months`` the months whose partitions are there, unless it is rolled back.
    """

    together: "dict[Callable[[Connection, list[Any]], None], list[Any]]"
    dirt: dict[tuple[str, int], WriteReason]
    months: set[str]

    @classmethod
    def to(cls, address: Address) -> Self:
        """Connect; raises what psycopg raises."""
        connection = cls.connect(address.conninfo, autocommit=True, prepare_threshold=None)
        connection.together = {}
        connection.dirt = {}
        connection.months = set()
        return connection

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be asked any more."""
        return self.closed or self.broken


def end(connection: Connection, statement: str) -> None:
    """End a transaction with COMMIT or ROLLBACK; a COMMIT that did not commit is an error."""
    done = connection.execute(statement).statusmessage
    if done != statement:
        raise StoreError(
            "PostgreSQL rolled a transaction back", hint="report this: an error was overlooked"
        )


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn PostgreSQL's errors into ours, with the way out; they never show a password."""
    try:
        yield
    except psycopg.Error as error:
        raise told(error, address) from error


def told(error: psycopg.Error, address: Address) -> StoreError:
    """Return what an error means for whoever uses the database."""
    text = error.diag.message_primary or _first_words(error)  # details may tell a row's secrets
    match error:
        case errors.LockNotAvailable() | errors.SerializationFailure() | errors.DeadlockDetected():
            return StoreBusy(
                f"the database is locked by another worker: {address.shown}: {text}",
                hint="wait until it is done, or stop it; nothing was lost",
            )
        case errors.QueryCanceled():
            return StoreError(
                f"the database took too long: {address.shown}: {text}",
                hint="see what else it has to do, in pg_stat_activity",
            )
        case errors.DiskFull():
            return StoreError(
                f"the database's disk is full: {address.shown}: {text}",
                hint="free some space and run the command again; nothing that was stored is lost",
            )
        case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
            return StoreError(
                f"the database lets nothing be written: {address.shown}: {text}",
                hint="name the primary server, and a user who owns the database's tables",
            )
        case errors.UndefinedTable() | errors.UndefinedColumn():
            return StoreError(
                f"this is no Newsreel database, or it is damaged: {address.shown}: {text}",
                hint="name another database with --db",
            )
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return _unreachable(text, address)
        case _:
            return StoreError(f"the database can't be used: {address.shown}: {text}")


def _unreachable(text: str, address: Address) -> StoreError:
    if "database" in text and "does not exist" in text:
        return StoreError(
            f"there is no such database: {address.shown}: {text}",
            hint="make it with 'createdb', or name another one with --db",
        )
    if any(words in text for words in NOT_LET_IN):
        return StoreError(
            f"PostgreSQL does not let us in: {address.shown}: {text}",
            hint="check user and password; a password may stand in a file that PGPASSFILE names",
        )
    return StoreBusy(
        f"PostgreSQL can't be reached: {address.shown}: {text}",
        hint="check that the server runs, and the host and port in --db",
    )


def _first_words(error: psycopg.Error) -> str:
    """What libpq says, for each host that it tried, without its questions."""
    lines = [line for line in str(error).splitlines() if not line.startswith("\t")]
    return " ".join(" ".join(lines).split()) or type(error).__name__
