"""Leases, known-then-save, and the poll log, in PostgreSQL.

Theory of operation. A lease of a feed stands in its row of ``feed_state``: holder, end, and a
token that nobody had before. That of a host stands in ``host_leases``. Whoever leases locks a
feed's row and its host's together, passing over what others have locked; PostgreSQL looks at the
newest version of a row once it has the lock, so that of two who want one host one gets it. A lease
counts as long as its holder lives (:mod:`newsreel.store.postgres.life`) and its end is not past.

A poll is stored where its feed still bears the token of its lease. Polls that are stored in one
transaction go in with one set of statements.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from newsreel.core.schedule import LONGEST_RETRY
from newsreel.errors import LeaseLost
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.host import HostState
from newsreel.model.poll import Gap, Known, Poll, PollRecord
from newsreel.store.poll_rows import CLOCK_SLACK, RECORD_COLUMNS, record_of, shared_out
from newsreel.store.postgres.changes import searchable_in
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.feeds import feeds_by_ids
from newsreel.store.postgres.known import known_of
from newsreel.store.postgres.life import Lease, Life, steady
from newsreel.store.postgres.poll_saves import Save, save_polls
from newsreel.store.protocols import HOST_SHARE
from newsreel.store.rows import gap_of, known_micros, micros, moment

# Hundreds of thousands of feeds may be due that nobody may have now, since their host is asked
# already. A look that passes them all over takes long, and is not made anew for every lease.
LONG_LOOK = 0.1
LAP = 20

# Whoever has ended never comes back, so that it does not matter how old this knowledge is.
ENDED = "SELECT w.name FROM workers w WHERE w.ended_at IS NOT NULL"
IS_FREE = f"""
    (s.lease_holder IS NULL OR s.lease_until <= %(now)s OR s.lease_holder IN ({ENDED}))
"""
# Polled in the future: the clock was set back, and times after that poll mean nothing. Once polled
# again, a feed has its next time from the clock as it is, which stands before that poll.
LEASABLE = f"""
    f.status = 'active' AND {IS_FREE}
    AND (s.held_until IS NULL OR s.held_until <= %(now)s
         OR (s.last_poll_at > %(ahead)s AND s.held_until >= s.last_poll_at))
    AND NOT EXISTS (SELECT 1 FROM hosts n WHERE n.host = f.host
                    AND n.not_before > %(now)s AND n.not_before <= %(horizon)s)
"""  # noqa: S608 - constants only
# One worker at a time asks a host; what has no host is asked by nobody else.
FREE_HOST = f"""
    (f.host = '' OR h.holder IS NULL OR h.holder = %(holder)s OR h.until <= %(now)s
     OR h.holder IN ({ENDED}))
    AND f.host != ALL (%(but_hosts)s)
"""
DUE = "s.next_poll_at <= %(now)s"
DUE_AFTER_ALL = """
    (s.next_poll_at <= %(now)s
     OR (s.last_poll_at > %(ahead)s AND s.next_poll_at >= s.last_poll_at))
"""
ANY_IN_FUTURE = "SELECT EXISTS (SELECT 1 FROM feed_state WHERE last_poll_at > %(ahead)s)"
POLLED_SINCE = """
    EXISTS (SELECT 1 FROM polls p
            WHERE p.feed_id = s.feed_id AND p.polled_at = s.last_poll_at AND p.id > %(since)s
              AND p.outcome != 'pushed')
"""
CHOOSE = f"""
    SELECT s.feed_id, f.host, s.next_poll_at FROM feed_state s JOIN feeds f ON f.id = s.feed_id
    JOIN host_leases h ON h.host = f.host WHERE {LEASABLE} AND {FREE_HOST}
"""  # noqa: S608 - constants only
BEHIND = "(s.next_poll_at, s.feed_id) > (%(place_at)s, %(place_id)s)"
BEGIN = (-1, 0)
CHOOSE_END = " LIMIT %(most)s FOR UPDATE OF s, h SKIP LOCKED"
# Another worker may have stored a poll between the look at its line and the look at its feed.
DONE_BY_OTHERS = f"""
    SELECT s.feed_id FROM feed_state s WHERE s.feed_id = ANY (%(ids)s) AND {POLLED_SINCE}
"""  # noqa: S608 - constants only
LEASE = """
    WITH token AS MATERIALIZED (SELECT nextval('lease_tokens') AS number),
    held AS (
        UPDATE host_leases h SET
            asked_at = CASE WHEN h.holder != %(holder)s THEN %(now)s ELSE h.asked_at END,
            until = CASE WHEN h.holder = %(holder)s THEN greatest(h.until, %(until)s)
                         ELSE %(until)s END,
            holder = %(holder)s, token = token.number
        FROM token WHERE h.host = ANY (%(hosts)s))
    UPDATE feed_state s SET lease_holder = %(holder)s, lease_until = %(until)s,
                            lease_token = token.number
    FROM token WHERE s.feed_id = ANY (%(ids)s) RETURNING s.lease_token
"""
ANY_TOMBSTONE = "SELECT EXISTS (SELECT 1 FROM tombstones)"
RELEASE = """
    UPDATE feed_state SET lease_holder = NULL, lease_until = NULL, lease_token = NULL
    WHERE feed_id = ANY (%s) AND lease_holder = %s
"""
RELEASE_HOSTS = """
    UPDATE host_leases h SET holder = NULL, until = NULL
    FROM unnest(%s::text[], %s::bigint[]) AS v (host, token)
    WHERE h.host = v.host AND h.token = v.token
"""

ALL_HOSTS = """
    SELECT host, not_before, gap_us, NULL FROM hosts
    WHERE not_before IS NOT NULL OR gap_us > 0 ORDER BY host
"""
HOSTS = """
    SELECT n.host, h.not_before, coalesce(h.gap_us, 0), greatest(h.asked_at, l.asked_at)
    FROM (SELECT DISTINCT unnest(%s::text[]) COLLATE "C" AS host) n
    LEFT JOIN hosts h ON h.host = n.host LEFT JOIN host_leases l ON l.host = n.host
    WHERE h.host IS NOT NULL OR l.host IS NOT NULL ORDER BY n.host
"""
SAVE_HOST = """
    INSERT INTO hosts AS h (host, not_before, gap_us) VALUES (%s, %s, %s)
    ON CONFLICT (host) DO UPDATE SET
        not_before = greatest(h.not_before, excluded.not_before), gap_us = excluded.gap_us
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be leased: the query, and what stands in it."""

    query: str
    values: dict[str, Any]
    limit: int
    share: int
    is_forced: bool
    is_any: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leased:
    """What was leased under a name, and when that was begun, on the steady clock."""

    feeds: list[Feed]
    leases: dict[int, Lease]
    name: str
    sent_at: float
    has_tombstones: bool


class Polls:
    """The :class:`~newsreel.store.protocols.PollStore` of PostgreSQL."""

    _db: Database
    _life: Life
    _has_tombstones = True
    """Whether there may be any; known anew with each lease."""
    _leased_at: datetime | None = None
    _place = BEGIN
    _lap_until = 0.0
    """Until when, on the steady clock, due feeds are looked for from the last place on."""
    _was_set_back = True
    """Whether feeds may have been polled in the future, which is dear to find out."""

    async def lease(
        self,
        *,
        now: datetime,
        term: timedelta,
        limit: int,
        feed_ids: Sequence[int] | None = None,
        is_forced: bool = False,
        since: int | None = None,
        after: int = 0,
        but_hosts: Iterable[str] = (),
    ) -> list[Feed]:
        self._was_set_back |= self._leased_at is not None and now < self._leased_at - CLOCK_SLACK
        self._leased_at = now
        query = CHOOSE
        if since is not None:
            query += f" AND NOT {POLLED_SINCE}"
        if feed_ids is not None:
            query += " AND s.feed_id = ANY (%(feed_ids)s)"
        values = {
            "but_hosts": list(but_hosts),
            "now": micros(now),
            "since": since,
            "after": after,
            "ahead": micros(now + CLOCK_SLACK),
            "horizon": micros(now + LONGEST_RETRY),
            "feed_ids": list(feed_ids or ()),
            "until": known_micros(now + term),
        }
        wanted = _Wanted(
            query=query,
            values=values,
            limit=limit,
            share=HOST_SHARE if feed_ids is None else limit,
            is_forced=is_forced,
            is_any=feed_ids is None and not is_forced,
        )
        leased = await self._db.write(lambda connection: self._lease(connection, wanted))
        self._life.take(leased.name, leased.leases, now=known_micros(now))
        self._life.entered(leased.name, leased.sent_at)
        self._has_tombstones = leased.has_tombstones
        return leased.feeds

    async def release(self, feed_ids: Iterable[int]) -> None:
        ids, name = list(feed_ids), self._life.name
        given = [lease for one in ids if (lease := self._life.give(one)) is not None]
        tokens = {one.host: one.host_token for one in given if one.host_token is not None}

        def release(connection: Connection) -> None:
            connection.execute(RELEASE, (ids, name))
            connection.execute(RELEASE_HOSTS, (list(tokens), list(tokens.values())))

        await self._db.write(release)

    async def known(
        self, feed: Feed, sightings: Sequence[Sighting], *, has_wordings: bool = False
    ) -> Known:
        if not feed.entry_count and not has_wordings and not self._has_tombstones:
            return Known(by_identity={}, by_permalink={})  # saves a cold round a hop for each feed
        return await self._db.read(
            lambda connection: known_of(connection, feed, sightings, has_wordings=has_wordings)
        )

    async def save(self, poll: Poll) -> None:
        lease = self._life.give(poll.feed.id)
        if lease is None:
            raise LeaseLost(
                f"feed {poll.feed.id} is not leased, or no longer",
                hint="nothing is lost: it is polled again",
            )
        save = Save(poll, lease, searchable_in(poll.feed, poll.changes))
        await self._db.write(
            lambda connection: connection.together.setdefault(save_polls, []).append(save)
        )
        self._life.count()

    async def polls(self, *, feed_id: int | None = None, limit: int = 100) -> list[PollRecord]:
        query = f"SELECT {RECORD_COLUMNS} FROM polls "  # noqa: S608 - constants only
        query += (
            "WHERE feed_id = %(feed_id)s ORDER BY polled_at DESC, id DESC LIMIT %(limit)s"
            if feed_id is not None
            else "ORDER BY id DESC LIMIT %(limit)s"
        )
        values = {"feed_id": feed_id, "limit": limit}
        return await self._db.read(
            lambda connection: [record_of(row) for row in connection.execute(query, values)]
        )

    async def poll_mark(self) -> int:
        query = "SELECT coalesce(max(id), 0) FROM polls"
        return await self._db.read(lambda connection: int(_asked(connection, query)))

    async def gaps(self, *, feed_id: int | None = None, limit: int = 1000) -> list[Gap]:
        where = "WHERE feed_id = %(feed_id)s " if feed_id is not None else ""
        query = (
            f"SELECT feed_id, from_at, to_at, reason FROM gaps {where}"  # noqa: S608
            "ORDER BY from_at DESC, id DESC LIMIT %(limit)s"
        )
        values = {"feed_id": feed_id, "limit": limit}
        return await self._db.read(
            lambda connection: [gap_of(row) for row in connection.execute(query, values)]
        )

    async def hosts(self, names: Iterable[str] | None = None) -> list[HostState]:
        query, values = (ALL_HOSTS, ()) if names is None else (HOSTS, (list(names),))
        return await self._db.read(
            lambda connection: [
                HostState(host, moment(not_before), timedelta(microseconds=gap), moment(asked_at))
                for host, not_before, gap, asked_at in connection.execute(query, values)
            ]
        )

    async def save_hosts(self, hosts: Iterable[HostState]) -> None:
        rows = [
            (host.host, micros(host.not_before), host.gap // timedelta(microseconds=1))
            for host in sorted(hosts, key=lambda host: host.host)
        ]

        def save(connection: Connection) -> None:
            with connection.cursor() as cursor:
                cursor.executemany(SAVE_HOST, rows)

        await self._db.write(save)

    def _lease(self, connection: Connection, wanted: _Wanted) -> _Leased:
        name, sent_at = self._life.enter(connection)
        values = {**wanted.values, "holder": name}
        query = wanted.query + self._when(connection, wanted)
        leases: dict[int, Lease] = {}
        if wanted.is_any and steady() < self._lap_until:
            leases = self._choose(connection, query, values, wanted, self._place)
        if not leases:
            began_at = steady()
            leases = self._choose(connection, query, values, wanted, BEGIN)
            took = steady() - began_at
            if wanted.is_any:
                self._lap_until = began_at + LAP * took if took > LONG_LOOK else 0.0
        if len(leases) < wanted.limit:
            self._lap_until = 0.0
        feeds = feeds_by_ids(connection, list(leases)) if leases else {}
        return _Leased(
            feeds=[feeds[feed_id] for feed_id in leases],
            leases=leases,
            name=name,
            sent_at=sent_at,
            has_tombstones=bool(_asked(connection, ANY_TOMBSTONE)),
        )

    def _choose(
        self,
        connection: Connection,
        query: str,
        values: dict[str, Any],
        wanted: _Wanted,
        place: tuple[int, int],
    ) -> dict[int, Lease]:
        """Lease what has its turn behind a place, and remember how far that was."""
        leases: dict[int, Lease] = {}
        while len(leases) < wanted.limit:
            left = wanted.limit - len(leases)
            most = left + wanted.share  # some may be too many of their host
            values |= {"most": most, "place_at": place[0], "place_id": place[1]}
            rows = connection.execute(query, values).fetchall()
            undone = self._undone(connection, rows, values)
            chosen = shared_out([row[:2] for row in undone], left, wanted.share)
            leases |= _take(connection, chosen, values)
            if wanted.is_any and chosen:
                self._place = next((row[2], row[0]) for row in rows if row[0] == chosen[-1][0])
            if len(chosen) == left or len(rows) < most:
                break
            place = (rows[-1][2], rows[-1][0])
            values["after"] = max(values["after"], rows[-1][0])
            full = Counter(lease.host for lease in leases.values())
            shares = [host for host, count in full.items() if host and count >= wanted.share]
            values["but_hosts"] = [*wanted.values["but_hosts"], *shares]
        return leases

    def _when(self, connection: Connection, wanted: _Wanted) -> str:
        """Return which feeds have their turn, and in which order."""
        if wanted.is_forced:
            return f" AND s.feed_id > %(after)s ORDER BY s.feed_id {CHOOSE_END}"
        if self._was_set_back:
            row = connection.execute(ANY_IN_FUTURE, wanted.values).fetchone()
            self._was_set_back = row is not None and bool(row[0])
        due = DUE_AFTER_ALL if self._was_set_back else DUE
        return f" AND {due} AND {BEHIND} ORDER BY s.next_poll_at, s.feed_id {CHOOSE_END}"

    def _undone(
        self, connection: Connection, rows: list[tuple[Any, ...]], values: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Leave out what another worker polled between the look at the log and at the feed."""
        if values["since"] is None or not rows:
            return rows
        ids = [row[0] for row in rows]
        query = {"ids": ids, "since": values["since"]}
        done = {row[0] for row in connection.execute(DONE_BY_OTHERS, query)}
        return [row for row in rows if row[0] not in done]


def _take(
    connection: Connection, chosen: Sequence[tuple[int, str]], values: dict[str, Any]
) -> dict[int, Lease]:
    """Lease feeds whose rows are locked, with their hosts."""
    if not chosen:
        return {}
    hosts = sorted({host for _, host in chosen if host})
    taken = {**values, "ids": [feed_id for feed_id, _ in chosen], "hosts": hosts}
    token = _asked(connection, LEASE, taken)
    return {feed_id: Lease(host, token, values["until"]) for feed_id, host in chosen}


def _asked(connection: Connection, query: str, values: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - of any type
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]
