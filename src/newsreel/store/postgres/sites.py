"""Sites in PostgreSQL: icons, and what robots are asked to leave alone."""

from datetime import datetime

from newsreel.model.site import Icon, Robots
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.rows import known_moment, micros

ICON = """
    SELECT site_url, icon_url, content_type, body, fetched_at, next_at, fault
    FROM icons WHERE md5(site_url) = md5(%(site_url)s) AND site_url = %(site_url)s
"""
SAVE_ICON = """
    INSERT INTO icons (site_url, icon_url, content_type, body, fetched_at, next_at, fault)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (md5(site_url)) DO UPDATE SET
        icon_url = excluded.icon_url, content_type = excluded.content_type, body = excluded.body,
        fetched_at = excluded.fetched_at, next_at = excluded.next_at, fault = excluded.fault
"""
ROBOTS = "SELECT origin, status, body, fetched_at, next_at FROM robots WHERE origin = %s"
SAVE_ROBOTS = """
    INSERT INTO robots (origin, status, body, fetched_at, next_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (origin) DO UPDATE SET
        status = excluded.status, body = excluded.body, fetched_at = excluded.fetched_at,
        next_at = excluded.next_at
"""


class Sites:
    """The :class:`~newsreel.store.protocols.SiteStore` of PostgreSQL."""

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


def _run(connection: Connection, query: str, row: tuple[object, ...]) -> None:
    connection.execute(query, row)


def _icon_times(connection: Connection) -> dict[str, datetime]:
    rows = connection.execute("SELECT site_url, next_at FROM icons")
    return {site_url: known_moment(next_at) for site_url, next_at in rows}


def _icon(connection: Connection, site_url: str) -> Icon | None:
    row = connection.execute(ICON, {"site_url": site_url}).fetchone()
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


def _robots(connection: Connection, origin: str) -> Robots | None:
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
