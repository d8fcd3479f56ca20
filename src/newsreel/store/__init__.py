"""The database: what every store can do, and the stores."""

from pathlib import Path

from newsreel.store.addresses import needing_driver, place_of
from newsreel.store.protocols import Store

__all__ = ["Store", "open_store"]


def open_store(address: str, *, is_read_only: bool = False) -> Store:
    """Open the store at a path, ``sqlite:PATH`` or ``postgresql://…``.

    ``is_read_only``: it must be there, and nothing is written.
    Raises :class:`~newsreel.errors.UsageError` for another scheme,
    :class:`~newsreel.errors.StoreError` where the database can't be opened.
    """
    kind, place = place_of(address)
    if kind == "postgresql":
        with needing_driver():
            from newsreel.store.postgres import open_store as open_postgres

        return open_postgres(place, is_read_only=is_read_only)
    from newsreel.store.sqlite import open_store as open_sqlite

    return open_sqlite(Path(place).expanduser(), is_read_only=is_read_only)
