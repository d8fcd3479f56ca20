"""Sites in SQLite: icons, and what robots are asked to leave alone."""

import sqlite3
from datetime import datetime

from newsreel.model.site import Icon, Robots
from newsreel.store.rows import known_moment, micros
from newsreel.store.sqlite.database import Database

ICON = """
    SELECT site_url, icon_url, content_type, body, fetched_at, next_at, fault
    FROM icons WHERE site_url = ?
"""
SAVE_ICON = """
    INSERT OR REPLACE INTO icons
        (site_url, icon_url, content_type, body, fetched_at, next_at, fault)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
ROBOTS = "SELECT origin, status, body, fetched_at, next_at FROM robots WHERE origin = ?"
SAVE_ROBOTS = """
    INSERT OR REPLACE INTO robots (origin, status, body, fetched_at, next_at)
    VALUES (?, ?, ?, ?, ?)
"""


class Sites:
    """The :class:`~newsreel.store.protocols.SiteStore` of SQLite."""

    _db: Database

    async def icon(self, site_url: str) -> Icon | None:
        return await self._db.read(lambda connection: _icon(connection, site_url))

    async def icon_times(self) -> dict[str, datetime]:
        return await self._db.read(_icon_times)

    async def save_icon(self, icon: Icon) -> None:
        row = (
            icon.site_url,
            icon.icon_url,
            icon.content_type,
            icon.body,
            micros(icon.fetched_at),
            micros(icon.next_at),
            icon.fault,
        )
        await self._db.write(lambda connection: _run(connection, SAVE_ICON, row))

    async def robots(self, origin: str) -> Robots | None:
        return await self._db.read(lambda connection: _robots(connection, origin))

    async def save_robots(self, robots: Robots) -> None:
        row = (
            robots.origin,
            robots.status,
            robots.body,
            micros(robots.fetched_at),
            micros(robots.next_at),
        )
        await self._db.write(lambda connection: _run(connection, SAVE_ROBOTS, row))


def _run(connection: sqlite3.Connection, query: str, row: tuple[object, ...]) -> None:
    connection.execute(query, row)


def _icon_times(connection: sqlite3.Connection) -> dict[str, datetime]:
    rows = connection.execute("SELECT site_url, next_at FROM icons")
    return {site_url: known_moment(next_at) for site_url, next_at in rows}


def _icon(connection: sqlite3.Connection, site_url: str) -> Icon | None:
    row = connection.execute(ICON, (site_url,)).fetchone()
    if row is None:
        return None
    return Icon(
        site_url=row[0],
        icon_url=row[1],
        content_type=row[2],
        body=row[3],
        fetched_at=known_moment(row[4]),
        next_at=known_moment(row[5]),
        fault=row[6],
    )


def _robots(connection: sqlite3.Connection, origin: str) -> Robots | None:
    row = connection.execute(ROBOTS, (origin,)).fetchone()
    if row is None:
        return None
    return Robots(
        origin=row[0],
        status=row[1],
        body=row[2] or b"",
        fetched_at=known_moment(row[3]),
        next_at=known_moment(row[4]),
    )
