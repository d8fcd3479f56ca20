"""Subscribe to what feeds' hubs push, and take it in."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from hashlib import sha256

from newsreel.app.captures import Keep, nowhere
from newsreel.app.clock import Clock
from newsreel.app.languages import detector
from newsreel.app.poll import Wanted, poll_feeds, take_reading
from newsreel.core.hubs import (
    Question,
    Step,
    announced_by,
    answered,
    asked,
    confirmed,
    is_of_topic,
    is_ours,
    is_signed,
    request_body,
    step_for,
    wanted_for,
)
from newsreel.core.reading import read
from newsreel.core.schedule import SHORTEST
from newsreel.errors import LeaseLost
from newsreel.fetch.client import Client, Request
from newsreel.fetch.guard import is_own
from newsreel.fetch.hosts import HostGate
from newsreel.formats.links import HeaderLink
from newsreel.formats.urls import asked_host_of
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.hub import HubStatus, HubSubscription
from newsreel.model.poll import Poll
from newsreel.store.protocols import Store

CALLBACK = "/hub/"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
LEASE_TERM = timedelta(minutes=5)
LONGEST_WAIT = 8.0
TRY_EVERY = 0.1
MOST_OF_ANSWER = 10_000
MOST_OF_A_HOST = 50
"""In a round, so that a hub of thousands of feeds holds up no other."""

Tell = Callable[[Poll], None]


class Verdict(Enum):
    """What became of a push. BUSY: the hub is to send it again; IGNORED: it is counted."""

    TAKEN = auto()
    IGNORED = auto()
    UNKNOWN = auto()
    BUSY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What came to a callback: a body, how it was signed, and what headers said of it."""

    body: bytes
    signature: str = ""
    content_type: str | None = None
    links: tuple[HeaderLink, ...] = ()


def silent(poll: Poll) -> None:
    """Tell nobody."""


class Hubs:
    """Everything between us and hubs. ``public_url`` is where they reach us.

    A secret goes to a hub under TLS, or in the operator's own network (WebSub, 5.1.1: it SHOULD
    NOT go elsewhere). What any other hub pushes could come from anybody: it is a hint to poll.

    ``tell`` is called with what each push brought, once it is stored.
    """

    def __init__(
        self,
        store: Store,
        client: Client,
        *,
        public_url: str,
        clock: Clock,
        keep: Keep = nowhere,
        tell: Tell = silent,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._store, self._client = store, client
        self._public_url, self._clock = public_url.rstrip("/"), clock
        self._keep, self._tell = keep, tell
        self._longest_wait = longest_wait
        self._gate = HostGate(client.policy, clock)
        self._hinted: set[int] = set()

    async def ask_around(self) -> int:
        """Ask hubs what is due: to subscribe, to renew, to end; return how many were asked.

        Hubs go side by side. One that can't be asked now is left alone until the next round.
        """
        now = self._clock()
        by_host: dict[str, list[tuple[Feed, HubSubscription | None, Step]]] = {}
        for feed, subscription in await self._store.hub_feeds():
            step = step_for(feed, subscription, now=now)
            announced = subscription.announced if subscription else announced_by(feed)
            if step is Step.FORGET:
                await self._store.change_hub(feed.id, lambda _: None)
            elif step is not None and announced is not None:
                host = asked_host_of(announced.hub)
                by_host.setdefault(host, []).append((feed, subscription, step))
        counts = await asyncio.gather(*(self._ask_host(*item) for item in by_host.items()))
        return sum(counts)

    async def poll_hinted(self) -> list[Poll]:
        """Poll the feeds that hubs gave a hint of, and return the polls.

        A feed that was polled less than ``SHORTEST`` ago waits for a later round: hints may come
        from anybody, and as often as they like.
        """
        now = self._clock()
        feeds = [feed for feed in [await self._store.feed(one) for one in self._hinted] if feed]
        due = [one.id for one in feeds if now - (one.last_poll_at or now - SHORTEST) >= SHORTEST]
        self._hinted = {one.id for one in feeds} - set(due)
        if not due:
            return []
        polls = poll_feeds(
            self._store,
            self._client,
            clock=self._clock,
            wanted=Wanted(feed_ids=tuple(due)),
            keep=self._keep,
        )
        return [poll async for poll in polls]

    async def answer(self, token: str, question: Question) -> bool:
        """Tell a hub whether it was us who asked, and remember what it granted or denied."""
        subscription = await self._store.hub_subscription(token)
        if subscription is None or not is_ours(subscription, question):
            return False
        now = self._clock()

        def settle(found: HubSubscription | None) -> HubSubscription | None:
            if found is None or found.token != token or not is_ours(found, question):
                return found
            return confirmed(found, question, now=now)

        await self._store.change_hub(subscription.feed_id, settle)
        return True

    async def is_expected(self, token: str) -> bool:
        """Tell whether anything may be pushed to a callback."""
        return await self._subscription(token) is not None

    async def take(self, token: str, push: Push) -> Verdict:
        """Store what was pushed, wholly or not at all.

        While a poll holds the feed it is waited for, a little; then the hub is to come again.
        """
        subscription = await self._subscription(token)
        if subscription is None:
            return Verdict.UNKNOWN
        secret = subscription.secret if self._may_know(subscription) else ""
        if secret and not is_signed(push.body, push.signature, secret):
            return await self._ignore(subscription, "bad-signature")
        if not is_of_topic(subscription, list(push.links)):
            return await self._ignore(subscription, "wrong-topic")
        if not secret:
            self._hinted.add(subscription.feed_id)
            return Verdict.TAKEN
        feed = await self._leased(subscription.feed_id)
        if feed is None:
            return Verdict.BUSY
        try:
            return await self._take(feed, subscription, push)
        except LeaseLost:
            return Verdict.BUSY
        except BaseException:
            await self._store.release([feed.id])
            raise

    async def _ask_host(
        self, host: str, due: list[tuple[Feed, HubSubscription | None, Step]]
    ) -> int:
        count = 0
        for feed, subscription, step in due[:MOST_OF_A_HOST]:
            self._gate.recall(await self._store.hosts([host]))
            async with self._gate.turn(host) as turn:
                if turn.closed_until is not None:
                    return count
                capture = await self._ask(feed, subscription, step)
                self._gate.learn(host, capture)
            await self._store.save_hosts(self._gate.changed())
            count += 1
            if capture.status is None:  # nobody answered: the others need not wait for that too
                return count
        return count

    async def _ask(self, feed: Feed, subscription: HubSubscription | None, step: Step) -> Capture:
        """Send one request. It is noted before: a hub may ask back before it answers."""
        now = self._clock()
        begun = subscription or _new_subscription(feed, self._clock)
        secret = (begun.secret or secrets.token_hex(32)) if self._may_know(begun) else ""
        saved = await self._store.change_hub(
            feed.id, lambda found: asked(replace(found or begun, secret=secret), step, now=now)
        )
        pending = saved or begun
        body = request_body(pending, step, callback=self._callback(pending))
        request = Request(
            url=pending.announced.hub,
            method="POST",
            body=body,
            headers=FORM,
            max_bytes=MOST_OF_ANSWER,
        )
        capture = await self._client.fetch(request, gate=self._gate)

        def note(found: HubSubscription | None) -> HubSubscription | None:
            if found is None or found.asked_at != pending.asked_at:
                return found
            return answered(found, capture, now=self._clock())

        await self._store.change_hub(feed.id, note)
        return capture

    def _may_know(self, subscription: HubSubscription) -> bool:
        """Tell whether a hub may know a secret: nobody else could read it on the way."""
        hub = subscription.announced.hub
        is_own_host = is_own(asked_host_of(hub), self._client.policy.allow_private)
        return is_own_host or hub.lower().startswith("https:")

    def _callback(self, subscription: HubSubscription) -> str:
        return self._public_url + CALLBACK + subscription.token

    async def _subscription(self, token: str) -> HubSubscription | None:
        found = await self._store.hub_subscription(token)
        if found is None or found.status in {HubStatus.LEAVING, HubStatus.DENIED}:
            return None
        feed = await self._store.feed(found.feed_id)
        return found if feed is not None and feed.status is FeedStatus.ACTIVE else None

    async def _leased(self, feed_id: int) -> Feed | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_wait
        while True:
            feed = await self._store.lease_pushed(feed_id, now=self._clock(), term=LEASE_TERM)
            if feed is not None or loop.time() >= until:
                return feed
            await asyncio.sleep(TRY_EVERY)

    async def _take(self, feed: Feed, subscription: HubSubscription, push: Push) -> Verdict:
        base = feed.hints.get("base")
        capture = Capture(
            url=feed.url,
            final_url=base if isinstance(base, str) else feed.url,
            fetched_at=self._clock(),
            content_type=push.content_type,
            body=push.body,
            digest=sha256(push.body).digest(),
            is_pushed=True,
        )
        reading = read(feed, capture, detect=detector())
        if not reading.is_read:
            await self._store.release([feed.id])
            fault = reading.fault.reason if reading.fault else "unknown"
            return await self._ignore(subscription, fault)
        poll = await take_reading(feed, reading, self._store, clock=self._clock, keep=self._keep)
        self._tell(poll)
        return Verdict.TAKEN

    async def _ignore(self, subscription: HubSubscription, why: str) -> Verdict:
        def count(found: HubSubscription | None) -> HubSubscription | None:
            return found and replace(found, ignored=found.ignored + 1, fault=why)

        await self._store.change_hub(subscription.feed_id, count)
        return Verdict.IGNORED


def _new_subscription(feed: Feed, clock: Clock) -> HubSubscription:
    announced = wanted_for(feed)
    assert announced is not None
    return HubSubscription(
        feed_id=feed.id,
        announced=announced,
        token=secrets.token_urlsafe(24),
        secret="",
        status=HubStatus.ASKED,
        asked_at=clock(),
        next_at=clock(),
    )
