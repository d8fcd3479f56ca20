"""A worker's life, as the database sees it, and what it may be sure of meanwhile.

Theory of operation. A store that leases feeds is a worker: a row of ``workers`` under a name that
nobody had before. Every few seconds it writes the time there, which is a beat. Whoever leases
ends the lives of workers that have been silent for ``SILENCE_SECONDS``, and what those held is
free from then on. An ended life stays ended: a worker that was only stopped finds that out with
its next beat, and goes on under another name, with nothing held.

So for ``SURE_SECONDS`` after a beat a worker is sure of what it holds, since nobody can have taken
it. After that it asks no host for anything until it has heard from the database, and what it was
asking is broken off.

Times are the database's. Between two beats this machine's steady clock counts on, which goes on
while a process is stopped and leaps with nobody's clock.
"""

import asyncio
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from newsreel.errors import LeaseLost
from newsreel.model.feed import Feed
from newsreel.store.postgres.address import Address
from newsreel.store.postgres.connection import Connection, translated
from newsreel.store.rows import known_moment

BEAT_SECONDS = 4.0
SURE_SECONDS = 14.0
SILENCE_SECONDS = 20
RATE_SECONDS = 60.0
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
ENTER = f"""
    INSERT INTO workers AS w (name, machine, pid, process, started_at, beat_at)
    VALUES (%s, %s, %s, %s, {NOW}, {NOW})
    ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at WHERE w.ended_at IS NULL
    RETURNING beat_at
"""  # noqa: S608 - constants only
BEAT = f"""
    UPDATE workers SET beat_at = {NOW}, feeds = %s, hosts = %s, polls = %s, rate = %s
    WHERE name = %s AND ended_at IS NULL RETURNING beat_at
"""  # noqa: S608 - constants only
# After a restart of the server nobody can have told anything for a while.
IS_SILENT = f"""
    greatest(beat_at, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint)
    < {NOW} - %(silence)s * 1000000
"""
LIVING = f"""
    SELECT name, process, {IS_SILENT} FROM workers WHERE ended_at IS NULL AND name != %(name)s
"""  # noqa: S608 - constants only
END = f"""
    UPDATE workers SET ended_at = {NOW} WHERE name = ANY(%(names)s) AND ended_at IS NULL
"""  # noqa: S608 - constants only
# Who is about to tell that it lives holds its row, or was stopped there: nobody waits for that.
END_SILENT = f"""
    UPDATE workers SET ended_at = {NOW} WHERE name IN (
        SELECT name FROM workers WHERE name = ANY(%(names)s) AND ended_at IS NULL AND {IS_SILENT}
        FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - constants only
FORGET = f"DELETE FROM workers WHERE ended_at < {NOW} - %s::bigint"  # noqa: S608 - constants only
FORGOTTEN_MICROS = 2 * 3_600_000_000
"""Longer than leases last: who is not known counts as alive."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker knows of a feed that it holds; ``until`` in microseconds.

    ``host_token``, of a lease that ends: no other feed of the host is held, and this was the
    newest lease of one.
    """

    host: str
    token: int
    until: int
    host_token: int | None = None


@dataclass(slots=True)
class _Host:
    """A host of which so many feeds are held, and the token of the newest lease."""

    feeds: int = 0
    token: int = 0


@dataclass(eq=False, slots=True)
class _Holding:
    """A block that runs only as long as a lease is certain; ``end`` on the loop's clock."""

    timeout: asyncio.Timeout
    loop: asyncio.AbstractEventLoop
    end: float


@dataclass(slots=True)
class _Count:
    """What was polled, of late and at all."""

    polls: int = 0
    marks: deque[tuple[float, int]] = field(default_factory=deque)

    def rate(self, now: float) -> int:
        """Return how many were polled in the last minute."""
        self.marks.append((now, self.polls))
        while self.marks[0][0] < now - RATE_SECONDS:
            self.marks.popleft()
        return self.polls - self.marks[0][1]


class Life:
    """One store's life as a worker: its name, its leases, and the database's clock."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._machine, self._process = socket.gethostname(), process_of(os.getpid())
        self._lock = threading.Lock()
        self._leases: dict[int, Lease] = {}
        self._hosts: dict[str, _Host] = {}
        self._holdings: set[_Holding] = set()
        self._count = _Count()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.name = _new_name()
        self._sure_until = 0.0
        self._connection: Connection | None = None
        self._time: tuple[int, float] | None = None

    def clock(self) -> datetime:
        """Return the database's time, in UTC, to the second.

        Raises :class:`~newsreel.errors.StoreError` where it can't be asked for the first time.
        """
        micros, at = self._time or self._asked_time()
        return known_moment(micros + int((steady() - at) * 1_000_000)).replace(microsecond=0)

    def enter(self, connection: Connection) -> tuple[str, float]:
        """Beat in a transaction that is about to lease; return the name, and when that was.

        Ends the lives of those who are dead.
        """
        while True:
            name, sent_at = self.name, steady()
            values = (name, self._machine, os.getpid(), self._process)
            if connection.execute(ENTER, values).fetchone() is not None:
                break
            self._begin_anew(name)
        telling = {"name": name, "silence": SILENCE_SECONDS}
        living = connection.execute(LIVING, telling).fetchall()
        if dead := [one for one, process, _ in living if is_dead(process, self._process)]:
            connection.execute(END, {"names": dead})
        if silent := [one for one, _, is_silent in living if is_silent]:
            connection.execute(END_SILENT, {**telling, "names": silent})
        return name, sent_at

    def entered(self, name: str, sent_at: float) -> None:
        """Know that a transaction was stored which began with :meth:`enter`."""
        self._prolong(name, sent_at)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="newsreel-beat", daemon=True)
            self._thread.start()

    def take(self, name: str, leases: dict[int, Lease], *, now: int) -> None:
        """Remember what was leased under a name, if that is still ours."""
        with self._lock:
            if name != self.name:
                return
            for feed_id in [one for one, lease in self._leases.items() if lease.until <= now]:
                self._forget(feed_id)
            for feed_id, lease in leases.items():
                self._leases[feed_id] = lease
                host = self._hosts.setdefault(lease.host, _Host())
                host.feeds += 1
                host.token = max(host.token, lease.token)

    def give(self, feed_id: int) -> Lease | None:
        """Forget a lease, and return what it was; None: there is none."""
        with self._lock:
            return self._forget(feed_id)

    def _forget(self, feed_id: int) -> Lease | None:
        lease = self._leases.pop(feed_id, None)
        if lease is None:
            return None
        host = self._hosts[lease.host]
        host.feeds -= 1
        if host.feeds:
            return lease
        del self._hosts[lease.host]
        return Lease(lease.host, lease.token, lease.until, host.token)

    def count(self) -> None:
        """Count a poll that was stored."""
        self._count.polls += 1

    def assure(self) -> None:
        """Raise :class:`~newsreel.errors.LeaseLost` where nothing is certain at this moment."""
        if steady() >= self._sure_until:
            raise LeaseLost(
                "the database was not heard of for too long: what was leased may be another's",
                hint="nothing is lost: it is polled again",
            )

    @asynccontextmanager
    async def holding(self, feed: Feed, seconds: float) -> AsyncIterator[None]:
        """Run a block only as long as it is certain that a feed is ours, so many seconds at most.

        Raises :class:`~newsreel.errors.LeaseLost` where it is not, or no longer; the block is
        cancelled then.
        """
        loop = asyncio.get_running_loop()
        if feed.id not in self._leases:
            raise LeaseLost(f"the lease of feed {feed.id} is no longer ours")
        self.assure()
        end = loop.time() + seconds
        holding = _Holding(asyncio.timeout_at(self._end_of(loop, end)), loop, end)
        self._holdings.add(holding)
        try:
            async with holding.timeout:
                yield
        except TimeoutError:
            if holding.timeout.expired():
                raise LeaseLost(f"the lease of feed {feed.id} is no longer certain") from None
            raise
        finally:
            self._holdings.discard(holding)

    def close(self) -> None:
        """End this life: what it holds is free."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            with suppress(psycopg.Error):
                self._connected().execute(END, {"names": [self.name]})
                self._connected().execute(FORGET, (FORGOTTEN_MICROS,))
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        wait = BEAT_SECONDS
        while not self._stop.wait(wait):
            try:
                self._beat()
                wait = BEAT_SECONDS
            except psycopg.Error:
                if self._connection is not None:
                    self._connection.close()
                wait = BEAT_SECONDS / 4

    def _beat(self) -> None:
        connection, name, sent_at = self._connected(), self.name, steady()
        with self._lock:
            held, hosts = len(self._leases), len(self._hosts)
        values = (held, hosts, self._count.polls, self._count.rate(sent_at), name)
        row = connection.execute(BEAT, values).fetchone()
        if row is None:
            self._begin_anew(name)
        else:
            self._time = (int(row[0]), sent_at)
            self._prolong(name, sent_at)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_lost:
            self._connection = Connection.to(self._address)
        return self._connection

    def _asked_time(self) -> tuple[int, float]:
        with translated(self._address):
            connection, sent_at = self._connected(), steady()
            row = connection.execute(f"SELECT {NOW}").fetchone()
        assert row is not None
        self._time = (int(row[0]), sent_at)
        return self._time

    def _prolong(self, name: str, sent_at: float) -> None:
        with self._lock:
            if name != self.name:
                return
            self._sure_until = max(self._sure_until, sent_at + SURE_SECONDS)
        self._tell()

    def _begin_anew(self, name: str) -> None:
        """Know that a life was ended: nothing that was leased is ours."""
        with self._lock:
            if name != self.name:
                return
            self.name = _new_name()
            self._leases.clear()
            self._hosts.clear()
            self._sure_until = 0.0  # until something is leased anew
        self._tell()

    def _tell(self) -> None:
        """Let each loop know until when its blocks may run."""
        for loop in {holding.loop for holding in tuple(self._holdings)}:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(self._reschedule, loop)

    def _reschedule(self, loop: asyncio.AbstractEventLoop) -> None:
        for holding in self._holdings:
            if holding.loop is loop:
                with suppress(RuntimeError):  # it has just ended
                    holding.timeout.reschedule(self._end_of(loop, holding.end))

    def _end_of(self, loop: asyncio.AbstractEventLoop, end: float) -> float:
        return min(end, loop.time() + self._sure_until - steady())


def steady() -> float:
    """Return seconds of a clock that nobody sets, and that goes on in every kind of sleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def process_of(pid: int) -> str:
    """Return what a process is known by, to whoever may see it: its kernel's boot first."""
    where = _place()
    begun_at = _start_of(pid)
    return f"{where} {pid} {begun_at}" if where and begun_at else ""


def is_dead(process: str, ours: str) -> bool:
    """Tell whether a process has ended, where it can be seen from ours; else it has not."""
    boot, _, rest = process.rpartition(" ")[0].rpartition(" ")
    if not boot or boot != ours.rpartition(" ")[0].rpartition(" ")[0]:
        return False
    begun_at = _start_of(int(rest))
    if begun_at is None:  # what others run may be hidden
        return not _is_there(int(rest))
    return begun_at != process.rpartition(" ")[2]


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def _place() -> str:
    """The boot of the kernel and the namespace in which numbers of processes mean something."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _start_of(pid: int) -> str | None:
    """When a process began, in its kernel's ticks; empty where it is over, None: unseen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    is_over = fields[0] in {b"Z", b"X"}
    return "" if is_over else fields[19].decode()


def _new_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
