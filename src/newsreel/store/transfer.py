"""Databases as they are copied and checked: rows as they stand, not what a store makes of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

from newsreel.store.addresses import needing_driver, place_of
from newsreel.store.checks import Check
from newsreel.store.contents import Row, Table


class Reader(Protocol):
    """A database as it stands at one moment; nothing is written.

    ``name`` is its address without a password, ``index`` the tables of its search index: those of
    one kind of database are of no use to another.
    """

    name: str
    kind: str
    index: tuple[Table, ...]
    checks: tuple[Check, ...]

    def writers(self) -> list[str]:
        """Return who else has it open and may write, by names that are told to the operator."""

    def count(self, table: Table) -> int:
        """Return how many rows there are."""

    def rows(self, table: Table, *, after: Row | None = None) -> Iterator[Row]:
        """Yield rows in the order of their keys, from the first or after a key."""

    def query(self, query: str) -> Iterator[Row]:
        """Yield what a SELECT without parameters finds."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Let go of the database."""


class Writer(Protocol):
    """A database that a copy goes into, with marks of how far it is.

    Each batch and its mark are one transaction. While there are marks, no store opens it.
    """

    name: str
    kind: str

    def writers(self) -> list[str]:
        """Return who else has it open and may write."""

    def source(self) -> bytes | None:
        """Return the state of the archive whose copy goes in here; None: there is no copy."""

    def is_empty(self) -> bool:
        """Tell whether no archive is in here."""

    def begin(self, source: bytes) -> None:
        """Note that a copy goes in here from now on."""

    def reached(self, table: Table) -> tuple[Row | None, int]:
        """Return the key of the last row that came in, None where there is none, and how many."""

    def write(self, table: Table, rows: Sequence[Row], *, before: int) -> None:
        """Add rows to those that came before, whose number is given, and move the mark.

        Raises :class:`~newsreel.errors.StoreBusy` where another copy has moved it.
        """

    def finish(self, *, has_index: bool) -> None:
        """Let it be opened from now on; an index that was not copied is to be made."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Let go of the database."""


def open_reader(address: str, *, is_copy: bool = False) -> Reader:
    """Open the database at an address as it stands now.

    ``is_copy``: a copy into it may be under way. Raises :class:`~newsreel.errors.UsageError` for
    another scheme, :class:`~newsreel.errors.StoreError` where there is no database, or none of the
    newest schema.
    """
    kind, place = place_of(address)
    if kind == "postgresql":
        with needing_driver():
            from newsreel.store.postgres.transfer import PostgresReader

        return PostgresReader(place, is_copy=is_copy)
    from newsreel.store.sqlite.transfer import SqliteReader

    return SqliteReader(Path(place).expanduser(), is_copy=is_copy)


def open_writer(address: str) -> Writer:
    """Open the database at an address for a copy; a file is made where there is none."""
    kind, place = place_of(address)
    if kind == "postgresql":
        with needing_driver():
            from newsreel.store.postgres.transfer import PostgresWriter

        return PostgresWriter(place)
    from newsreel.store.sqlite.transfer import SqliteWriter

    return SqliteWriter(Path(place).expanduser())
