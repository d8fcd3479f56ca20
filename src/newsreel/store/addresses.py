"""Where a database is, and what it takes to get there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from newsreel.errors import UsageError


def place_of(address: str) -> tuple[Literal["sqlite", "postgresql"], str]:
    """Return the kind of a database with its path, or PostgreSQL's whole address.

    Raises :class:`~newsreel.errors.UsageError` for another scheme.
    """
    scheme, colon, rest = address.partition(":")
    if not colon or len(scheme) < 2 or "/" in scheme or "." in scheme:
        scheme, rest = "sqlite", address
    if scheme in {"postgres", "postgresql"}:
        return "postgresql", address
    if scheme != "sqlite":
        raise UsageError(
            f"no such database scheme: {scheme!r}",
            hint="use a path, sqlite:PATH or postgresql://USER@HOST/NAME",
        )
    if not rest:
        raise UsageError("the database has no path", hint="use a path or sqlite:PATH")
    return "sqlite", rest


def public_form(address: str) -> str:
    """Return an address without what is secret in it."""
    kind, _ = place_of(address)
    if kind == "sqlite":
        return address
    with needing_driver():
        from newsreel.store.postgres.address import parse_address

    return parse_address(address).shown


@contextmanager
def needing_driver() -> Iterator[None]:
    """Import within this block what needs PostgreSQL's driver.

    Raises :class:`~newsreel.errors.UsageError` where it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"PostgreSQL's driver can't be loaded: {error}",
            hint="install it with: pip install 'newsreel[postgres]'",
        ) from error
