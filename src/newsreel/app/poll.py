"""Poll feeds: fetch → read → known → conclude → save.

Feeds of one host stand in one lane and go one after the other; lanes go side by side, so that
nothing waits for the slowest. Whoever waits for a host's turn holds no slot.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsreel.app.captures import Keep, nowhere
from newsreel.app.clock import Clock
from newsreel.app.languages import detector
from newsreel.core.conclude import conclude, polled_at
from newsreel.core.reading import read
from newsreel.core.revise import revise
from newsreel.core.schedule import LONGEST_RETRY
from newsreel.errors import LeaseLost
from newsreel.fetch.client import Client
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.sources import fetch
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, Known, Outcome, Poll
from newsreel.store.protocols import Store

LEASE_TERM = timedelta(minutes=15)
SLICE = 500
MOST_UNDER_WAY = 1000
IDLE = 2.0

NOTHING_KNOWN = Known(by_identity={}, by_permalink={})
NO_CHANGES = Changes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which feeds to poll: the due, all (``is_forced``), or some; once, or until told to stop."""

    feed_ids: tuple[int, ...] | None = None
    is_forced: bool = False
    stop: asyncio.Event | None = None


async def poll_feed(
    feed: Feed,
    store: Store,
    client: Client,
    gate: HostGate,
    *,
    clock: Clock,
    keep: Keep = nowhere,
) -> Poll:
    """Poll one leased feed and return what came of it, stored."""
    capture = await fetch(feed, client, gate=gate)
    return await take_in(feed, capture, store, clock=clock, keep=keep)


async def take_in(
    feed: Feed, capture: Capture, store: Store, *, clock: Clock, keep: Keep = nowhere
) -> Poll:
    """Store what a capture says of a leased feed, wholly or not at all; ``keep`` it before."""
    reading = read(feed, capture, detect=detector())
    now = clock()
    if reading.outcome is Outcome.OK:
        known = await store.known(feed, reading.sightings)
        changes = revise(feed, reading.sightings, known, seen_at=polled_at(feed, now))
    else:
        known, changes = NOTHING_KNOWN, NO_CHANGES
    poll = conclude(feed, reading, changes, window=known.window, now=now)
    await keep(poll)
    await store.save(poll)
    return poll


async def poll_feeds(
    store: Store, client: Client, *, clock: Clock, wanted: Wanted, keep: Keep = nowhere
) -> AsyncGenerator[Poll, None]:
    """Poll what is wanted and yield each poll once it is stored.

    Raises :class:`~newsreel.errors.StoreError` where the store fails; what is under way is given
    up then, unstored.
    """
    horizon = clock() + LONGEST_RETRY  # what lies beyond was noted before the clock was set back
    hosts = [host for host in await store.hosts() if (host.not_before or horizon) <= horizon]
    gate = HostGate(client.policy, clock, hosts)
    lanes = _Lanes(store, client, gate, clock, keep)
    try:
        async for poll in _driven(lanes, store, clock, wanted):
            if changed := gate.changed():  # a service may run for weeks
                await store.save_hosts(changed)
            yield poll
    finally:
        await lanes.close()
        await store.save_hosts(gate.changed())


async def _driven(
    lanes: "_Lanes", store: Store, clock: Clock, wanted: Wanted
) -> AsyncIterator[Poll]:
    """Lease slice after slice as there is room, and hand out what is done."""
    left = await _forced_ids(store, wanted)
    loop = asyncio.get_running_loop()
    is_dry, asked_at, started_at = False, 0.0, clock()
    while True:
        if wanted.stop is not None and wanted.stop.is_set():
            return
        if not is_dry and lanes.under_way <= MOST_UNDER_WAY - SLICE:
            some = None if left is None else [left.popleft() for _ in range(min(SLICE, len(left)))]
            feeds = [] if some == [] else await _lease(store, clock, some, wanted, started_at)
            lanes.put(feeds)
            is_dry = not left if left is not None else len(feeds) < SLICE
            asked_at = loop.time()
        elif lanes.under_way:
            for poll in await lanes.done(IDLE if wanted.stop else None):
                yield poll
        elif wanted.stop is None:
            return
        else:
            await _wait(wanted.stop)
        if wanted.stop and loop.time() - asked_at >= IDLE:
            is_dry = False


async def _forced_ids(store: Store, wanted: Wanted) -> deque[int] | None:
    """A forced round takes each feed once; what is due falls away by itself once it was polled."""
    if wanted.feed_ids is not None:
        return deque(wanted.feed_ids)
    if wanted.is_forced:
        return deque(await store.active_ids())
    return None


async def _lease(
    store: Store, clock: Clock, some: Sequence[int] | None, wanted: Wanted, started_at: datetime
) -> list[Feed]:
    is_forced = wanted.is_forced or wanted.feed_ids is not None
    return await store.lease(
        now=clock(),
        term=LEASE_TERM,
        limit=SLICE,
        feed_ids=some,
        is_forced=is_forced,
        since=started_at if is_forced else None,
    )


async def _wait(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(IDLE):
            await stop.wait()
    except TimeoutError:
        return


@dataclass(slots=True)
class _Lane:
    feeds: deque[Feed] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class _Lanes:
    """The feeds under way, by host."""

    def __init__(
        self, store: Store, client: Client, gate: HostGate, clock: Clock, keep: Keep
    ) -> None:
        self._store, self._client, self._gate = store, client, gate
        self._clock, self._keep = clock, keep
        self._lanes: dict[str, _Lane] = {}
        self._results: asyncio.Queue[Poll | BaseException | None] = asyncio.Queue()
        self.under_way = 0

    def put(self, feeds: Sequence[Feed]) -> None:
        """Line feeds up."""
        self.under_way += len(feeds)
        for feed in feeds:
            lane = self._lanes.get(feed.host)
            if lane is None:
                lane = self._lanes[feed.host] = _Lane()
            lane.feeds.append(feed)
            if lane.task is None:
                lane.task = asyncio.create_task(self._drive(feed.host, lane))

    async def done(self, seconds: float | None) -> list[Poll]:
        """Wait for something to be done and return all that is.

        Raises what a lane could not go on from.
        """
        found = []
        try:
            async with asyncio.timeout(seconds):
                results = [await self._results.get()]
        except TimeoutError:
            return []
        while not self._results.empty():
            results.append(self._results.get_nowait())
        self.under_way -= len(results)
        for result in results:
            if isinstance(result, BaseException):
                raise result
            if result is not None:
                found.append(result)
        return found

    async def close(self) -> None:
        """Give up what is under way and give the leases back."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = [feed.id for lane in self._lanes.values() for feed in lane.feeds]
        if left:
            await self._store.release(left)

    async def _drive(self, host: str, lane: _Lane) -> None:
        while lane.feeds:
            feed = lane.feeds[0]
            try:
                result: Poll | BaseException | None = await self._poll(host, feed)
            except LeaseLost:
                result = None
            except Exception as error:  # noqa: BLE001 - handed to whoever drives the round
                result = error
            lane.feeds.popleft()
            self._results.put_nowait(result)
        del self._lanes[host]

    async def _poll(self, host: str, feed: Feed) -> Poll | None:
        async with self._gate.turn(host) as turn:
            if turn.closed_until is not None:
                await self._store.release([feed.id])
                return None
            poll = await poll_feed(
                feed, self._store, self._client, self._gate, clock=self._clock, keep=self._keep
            )
            self._gate.learn(host, poll.reading.capture)
            return poll
