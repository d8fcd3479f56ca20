"""Poll feeds: fetch → read → known → conclude → save.

Feeds of one host stand in one lane and go one after the other; lanes go side by side, so that
nothing waits for the slowest. Whoever waits for a host's turn, or for a slow answer, takes no
place from others. A host is leased to one worker at a time, and what others asked it counts as
asked by us.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from newsreel.app.captures import Keep, nowhere
from newsreel.app.clock import Clock
from newsreel.app.languages import detector
from newsreel.app.robots import fetch_page
from newsreel.core.conclude import conclude, is_moving, polled_at
from newsreel.core.reading import read
from newsreel.core.revise import revise
from newsreel.errors import LeaseLost
from newsreel.fetch.body import LARGE, Permit
from newsreel.fetch.client import Client
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.slots import SLOW
from newsreel.fetch.sources import fetch
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, Known, Outcome, Poll, Reading
from newsreel.store.protocols import HOST_SHARE, Store

LEASE_TERM = timedelta(minutes=15)
LEASE_REST = timedelta(minutes=4)
"""What must be left of it when a feed's turn comes: the longest gap, and a slow answer. An eighth
of that must be left when the answer is here, or is waited for no longer.
"""

SLICE = 64
MOST_LANES = 1000
"""Each may have a connection open."""
MOST_BUSY = 160
"""Of them: enough for every slot, and few enough to leave other workers their share."""
IDLE = 2.0

NOTHING_KNOWN = Known(by_identity={}, by_permalink={})
NO_CHANGES = Changes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which feeds to poll: the due, all (``is_forced``), or some; once, or until told to stop.

    Several workers make one round where they are given the same ``since``, a mark of the poll log
    from before it.
    """

    feed_ids: tuple[int, ...] | None = None
    is_forced: bool = False
    since: int | None = None
    stop: asyncio.Event | None = None


async def ask(
    feed: Feed, store: Store, client: Client, gate: HostGate, *, clock: Clock, permit: Permit
) -> Capture:
    """Return what a feed's source says now, if its site lets robots read it where that counts."""
    if feed.page_rules is None:
        return await fetch(feed, client, gate=gate, permit=permit)
    return await fetch_page(feed, store, client, gate, clock=clock, permit=permit)


async def take_in(
    feed: Feed, capture: Capture, store: Store, *, clock: Clock, keep: Keep = nowhere
) -> Poll:
    """Store what a capture says of a leased feed, wholly or not at all; ``keep`` it before."""
    reading = read(feed, capture, detect=detector())
    return await take_reading(feed, reading, store, clock=clock, keep=keep)


async def take_reading(
    feed: Feed, reading: Reading, store: Store, *, clock: Clock, keep: Keep = nowhere
) -> Poll:
    """Store what was read of a leased feed: the second half of :func:`take_in`."""
    now = clock()
    if reading.is_read:
        is_pushed = reading.outcome is Outcome.PUSHED
        known = await store.known(feed, reading.sightings, has_wordings=is_pushed)
        changes = revise(feed, reading.sightings, known, seen_at=polled_at(feed, now))
    else:
        known, changes = NOTHING_KNOWN, NO_CHANGES
    is_taken = is_moving(feed, reading) and await _is_taken(feed, reading.capture, store)
    poll = conclude(feed, reading, changes, window=known.window, now=now, is_taken=is_taken)
    await keep(poll)
    try:
        await store.save(poll)
    except LeaseLost:
        if await store.feed(feed.id) is None:  # deleted since, with all captures but this one
            await keep(poll, is_purged=True)
        raise
    return poll


async def _is_taken(feed: Feed, capture: Capture, store: Store) -> bool:
    """Tell whether another feed has the address that this one is led to."""
    found = await store.find_feed(capture.permanent_url or "")
    return found is not None and found.id != feed.id


async def poll_feeds(
    store: Store, client: Client, *, clock: Clock, wanted: Wanted, keep: Keep = nowhere
) -> AsyncGenerator[Poll, None]:
    """Poll what is wanted and yield each poll once it is stored.

    Raises :class:`~newsreel.errors.StoreError` where the store fails; what is under way is given
    up then, unstored.
    """
    hosts = await store.hosts()  # for where redirects lead
    gate = HostGate(client.policy, clock, hosts, assure=store.assure)
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
    loop = asyncio.get_running_loop()
    is_dry, asked_at, after = False, 0.0, 0
    since = wanted.since if wanted.since is not None else await store.poll_mark()
    while not (wanted.stop and wanted.stop.is_set()):
        if not lanes.under_way or (lanes.has_room and not (is_dry and not lanes.is_hungry)):
            feeds = await _lease(store, clock, wanted, (since, after), lanes.full_hosts())
            await lanes.put(feeds)
            is_dry, asked_at = len(feeds) < SLICE if feeds else not after, loop.time()
            after = feeds[-1].id if feeds else 0  # at the end, once more from the first on
            if not lanes.under_way and is_dry:
                if wanted.stop is None:
                    return
                await _wait(wanted.stop)
        else:
            for poll in await lanes.done(IDLE if wanted.stop else None):
                yield poll
        if wanted.stop and loop.time() - asked_at >= IDLE:
            is_dry = False


async def _lease(
    store: Store, clock: Clock, wanted: Wanted, at: tuple[int, int], but_hosts: Sequence[str]
) -> list[Feed]:
    """Lease a slice. A forced round takes each feed once, from where it is at."""
    is_forced = wanted.is_forced or wanted.feed_ids is not None
    return await store.lease(
        now=clock(),
        term=LEASE_TERM,
        limit=SLICE,
        feed_ids=wanted.feed_ids,
        is_forced=is_forced,
        since=at[0] if is_forced else None,
        after=at[1] if is_forced else 0,
        but_hosts=but_hosts,
    )


def _without_body(poll: Poll) -> Poll:
    """Let go of a body: polls that are done may have to wait until somebody looks at them."""
    if len(poll.reading.capture.body or b"") < LARGE:
        return poll
    capture = replace(poll.reading.capture, body=None)
    return replace(poll, reading=replace(poll.reading, capture=capture))


async def _wait(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(IDLE):
            await stop.wait()
    except TimeoutError:
        return


@dataclass(frozen=True, slots=True)
class _Leased:
    """A feed, and until when nobody else polls it."""

    feed: Feed
    until: datetime


@dataclass(slots=True)
class _Lane:
    """The feeds of one host. It rests while it waits for the host, or for a slow answer."""

    feeds: deque[_Leased] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    is_resting: bool = False
    has_more: bool = False


class _Lanes:
    """The feeds under way, by host."""

    def __init__(
        self, store: Store, client: Client, gate: HostGate, clock: Clock, keep: Keep
    ) -> None:
        self._store, self._client, self._gate = store, client, gate
        self._clock, self._keep = clock, keep
        self._lanes: dict[str, _Lane] = {}
        self._results: asyncio.Queue[Poll | BaseException | None] = asyncio.Queue()
        self._resting = 0
        self.under_way = 0
        self.is_hungry = False
        """Whether a host of which there may be more has few left."""

    @property
    def has_room(self) -> bool:
        """Whether another slice may be leased."""
        busy = len(self._lanes) - self._resting
        return busy <= MOST_BUSY - SLICE and len(self._lanes) <= MOST_LANES - SLICE

    def full_hosts(self) -> list[str]:
        """Return the hosts that have enough in their lanes."""
        return [host for host, lane in self._lanes.items() if len(lane.feeds) > HOST_SHARE // 2]

    async def put(self, feeds: Sequence[Feed]) -> None:
        """Line feeds up, knowing how their hosts want to be treated."""
        self.is_hungry = False
        until = self._clock() + LEASE_TERM
        shares = Counter(feed.host for feed in feeds)
        if shares:
            self._gate.recall(await self._store.hosts(shares))
        self.under_way += len(feeds)
        for feed in feeds:
            lane = self._lanes.get(feed.host)
            if lane is None:
                lane = self._lanes[feed.host] = _Lane()
            lane.feeds.append(_Leased(feed, until))
            lane.has_more = shares[feed.host] >= HOST_SHARE
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
        left = [one.feed.id for lane in self._lanes.values() for one in lane.feeds]
        if left:
            await self._store.release(left)

    async def _drive(self, host: str, lane: _Lane) -> None:
        while lane.feeds:
            leased = lane.feeds[0]
            try:
                result: Poll | None = None
                if await self._has_time(leased):
                    result = await self._poll(host, lane, leased)
            except LeaseLost:
                result = None
            except Exception as error:  # noqa: BLE001 - handed to whoever drives the round
                self._results.put_nowait(error)
                return  # the round ends, and gives the leases of this lane back
            lane.feeds.popleft()
            self.is_hungry |= lane.has_more and len(lane.feeds) <= HOST_SHARE // 2
            self._results.put_nowait(result)
        del self._lanes[host]

    async def _has_time(self, leased: _Leased) -> bool:
        """Tell whether a lease lasts for a poll; else whoever has room for it may take it anew.

        A host that wants long gaps may be as slow as that. Polled without a lease, its feeds would
        be polled by others too.
        """
        if self._clock() < leased.until - LEASE_REST:
            return True
        await self._give_back(leased)
        return False

    async def _give_back(self, leased: _Leased) -> None:
        """Release a lease; what ran out may be held by others by now, or by us once more."""
        if self._clock() < leased.until:
            await self._store.release([leased.feed.id])

    async def _poll(self, host: str, lane: _Lane, leased: _Leased) -> Poll | None:
        feed = leased.feed
        self._rest(lane)
        try:
            async with self._gate.turn(host) as turn, self._client.permit() as permit:
                self._wake(lane)
                if turn.closed_until is not None:
                    await self._store.release([feed.id])
                    return None
                capture = await self._ask(lane, leased, permit)
                if capture is None:
                    await self._give_back(leased)
                    return None
                poll = await take_in(
                    feed, capture, self._store, clock=self._clock, keep=self._keep
                )
                self._gate.learn(host, poll.reading.capture)
                return _without_body(poll)
        finally:
            self._wake(lane)

    async def _ask(self, lane: _Lane, leased: _Leased, permit: Permit) -> Capture | None:
        """Return what a feed's source says, None where another worker may ask its host by now.

        Whoever was stopped, or waited for long, is not to meet another one there.
        """
        left = leased.until - LEASE_REST / 8 - self._clock()
        slow = asyncio.get_running_loop().call_later(SLOW, self._rest, lane)
        try:
            async with self._store.holding(leased.feed, left.total_seconds()):
                return await ask(
                    leased.feed,
                    self._store,
                    self._client,
                    self._gate,
                    clock=self._clock,
                    permit=permit,
                )
        except LeaseLost:
            return None
        finally:
            slow.cancel()
            self._wake(lane)  # what waits to be stored is in memory, and holds up what comes

    def _rest(self, lane: _Lane) -> None:
        self._resting += not lane.is_resting
        lane.is_resting = True

    def _wake(self, lane: _Lane) -> None:
        self._resting -= lane.is_resting
        lane.is_resting = False
