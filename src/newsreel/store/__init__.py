"""The database: what every store can do, and the stores."""

from pathlib import Path

from newsreel.errors import UsageError
from newsreel.store.protocols import Store

__all__ = ["Store", "open_store"]


def open_store(address: str, *, is_read_only: bool = False) -> Store:
    """Open the store at a path, ``sqlite:PATH`` or ``postgresql://…``.

    ``is_read_only``: it must be there, and nothing is written.
    Raises :class:`~newsreel.errors.UsageError` for another scheme,
    :class:`~newsreel.errors.StoreError` where the database can't be opened.
    """
    scheme, colon, rest = address.partition(":")
    if not colon or len(scheme) < 2 or "/" in scheme or "." in scheme:
        scheme, rest = "sqlite", address
    if scheme in {"postgres", "postgresql"}:
        return _open_postgres(address, is_read_only=is_read_only)
    if scheme != "sqlite":
        raise UsageError(
            f"no such database scheme: {scheme!r}",
            hint="use a path, sqlite:PATH or postgresql://USER@HOST/NAME",
        )
    if not rest:
        raise UsageError("the database has no path", hint="use a path or sqlite:PATH")
    from newsreel.store.sqlite import open_store as open_sqlite

    return open_sqlite(Path(rest).expanduser(), is_read_only=is_read_only)


def _open_postgres(address: str, *, is_read_only: bool) -> Store:
    try:
        from newsreel.store.postgres import open_store as open_postgres
    except ImportError as error:
        raise UsageError(
            f"PostgreSQL's driver can't be loaded: {error}",
            hint="install it with: pip install 'newsreel[postgres]'",
        ) from error
    return open_postgres(address, is_read_only=is_read_only)  # type: ignore[return-value]
