"""Poll one feed and find out all there is to say about it.

A feed that is known is polled as ever: under a lease, stored, and only if it may be. What stands
at an address that nobody subscribed to is fetched and understood as a first poll would, and not
stored; only a host's wish to be left alone is remembered, for that host's feeds.
"""

from contextlib import aclosing
from dataclasses import dataclass, replace

from newsreel.app.captures import Keep, nowhere
from newsreel.app.clock import Clock
from newsreel.app.discover import with_scheme
from newsreel.app.languages import detector
from newsreel.app.poll import NO_CHANGES, NOTHING_KNOWN, Wanted, poll_feeds
from newsreel.core.conclude import conclude, overlap_of, plan_of, wishes_of
from newsreel.core.reading import read
from newsreel.core.revise import revise
from newsreel.core.schedule import Plan, Wishes
from newsreel.core.states import LeftAlone, why_left_alone
from newsreel.errors import NotAFeed
from newsreel.fetch.client import Client, Request
from newsreel.fetch.hosts import HostGate
from newsreel.formats.document import parse
from newsreel.formats.html_feeds import FoundFeed, find_feeds
from newsreel.formats.urls import asked_host_of, has_credential
from newsreel.model.capture import Capture
from newsreel.model.entry import ParsedFeed
from newsreel.model.feed import Feed
from newsreel.model.host import HostState
from newsreel.model.poll import Gap, Outcome, Poll, PollRecord
from newsreel.store.protocols import Store

GAPS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found out.

    ``before`` is the feed as it stood, ``feed`` as it stands now; of an address that is no feed of
    ours (not ``is_known``) as it would stand. ``poll`` is None where it was ``left_alone``.
    ``plan`` is what decided ``feed.next_poll_at``: None where that is not known any more. ``last``
    is the poll before this one. ``parsed`` is what the body says, as written; ``announced`` are
    the feeds of a page that is none.
    """

    is_known: bool
    before: Feed
    feed: Feed
    poll: Poll | None = None
    left_alone: LeftAlone | None = None
    plan: Plan | None = None
    wishes: Wishes
    host: HostState
    gaps: tuple[Gap, ...] = ()
    last: PollRecord | None = None
    parsed: ParsedFeed | None = None
    announced: tuple[FoundFeed, ...] = ()


async def examine_feed(
    feed: Feed, store: Store, client: Client, *, clock: Clock, keep: Keep = nowhere
) -> Diagnosis:
    """Poll a feed, if it may be polled now, and return what was found out."""
    asked_at = clock()
    last = next(iter(await store.polls(feed_id=feed.id, limit=1)), None)
    poll = await _polled(feed, store, client, clock, keep)
    after = await store.feed(feed.id) or feed
    host = await _host(store, after.host)
    gaps = tuple(await store.gaps(feed_id=feed.id, limit=GAPS_SHOWN))
    if poll is None:
        wishes = wishes_of(after)
        return Diagnosis(
            is_known=True,
            before=feed,
            feed=after,
            left_alone=why_left_alone(after, host, asked_at=asked_at),
            plan=_plan_as_stored(after, wishes, last),
            wishes=wishes,
            host=host,
            gaps=gaps,
            last=last,
        )
    wishes = wishes_of(poll.feed, poll.reading.capture)
    parsed, announced = _parsed(poll)
    return Diagnosis(
        is_known=True,
        before=feed,
        feed=poll.feed,
        poll=poll,
        plan=_plan(poll, wishes),
        wishes=wishes,
        host=host,
        gaps=gaps,
        last=last,
        parsed=parsed,
        announced=announced,
    )


async def examine_address(
    address: str, store: Store, client: Client, *, clock: Clock
) -> Diagnosis:
    """Fetch what stands at an address, as a first poll would, and return what was found out.

    Raises :class:`~newsreel.errors.UsageError` where it is no address of the web.
    """
    url = with_scheme(address)
    feed = Feed(
        id=0,
        url=url,
        first_url=url,
        file_name="",
        host=asked_host_of(url),
        is_private=has_credential(url),
        added_at=clock(),
    )
    asked_at = clock()
    state = await _host(store, feed.host)
    gate = HostGate(client.policy, clock, [state])
    async with gate.turn(feed.host) as turn:
        if turn.closed_until is not None:
            return Diagnosis(
                is_known=False,
                before=feed,
                feed=feed,
                left_alone=why_left_alone(feed, state, asked_at=asked_at),
                wishes=wishes_of(feed),
                host=state,
            )
        capture = await client.fetch(Request(url=url), gate=gate)
        state = gate.learn(feed.host, capture)
    await store.save_hosts(gate.changed())
    poll = _poll_unstored(feed, capture, clock)
    wishes = wishes_of(poll.feed, capture)
    parsed, announced = _parsed(poll)
    return Diagnosis(
        is_known=False,
        before=feed,
        feed=poll.feed,
        poll=poll,
        plan=_plan(poll, wishes),
        wishes=wishes,
        host=state,
        gaps=poll.gaps,
        parsed=parsed,
        announced=announced,
    )


async def _polled(
    feed: Feed, store: Store, client: Client, clock: Clock, keep: Keep
) -> Poll | None:
    """Poll a feed as every round does; None where it is left alone."""
    wanted = Wanted(feed_ids=(feed.id,))
    async with aclosing(poll_feeds(store, client, clock=clock, wanted=wanted, keep=keep)) as polls:
        async for poll in polls:
            return poll
    return None


async def _host(store: Store, host: str) -> HostState:
    return next(iter(await store.hosts([host])), None) or HostState(host)


def _poll_unstored(feed: Feed, capture: Capture, clock: Clock) -> Poll:
    reading, now = read(feed, capture, detect=detector()), clock()
    changes = NO_CHANGES
    if reading.outcome is Outcome.OK:
        changes = revise(feed, reading.sightings, NOTHING_KNOWN, seen_at=now)
    return conclude(feed, reading, changes, window=(), now=now)


def _plan(poll: Poll, wishes: Wishes) -> Plan | None:
    """Return the schedule's decision after a poll, with its reason."""
    return _decided(poll.feed, wishes, overlap_of(poll.changes))


def _plan_as_stored(feed: Feed, wishes: Wishes, last: PollRecord | None) -> Plan | None:
    """Return the decision that stands, where it can be told: an answer's headers are not kept."""
    overlap = last.overlap if last else None
    return _decided(feed, wishes, None if overlap is None else float(overlap))


def _decided(feed: Feed, wishes: Wishes, overlap: float | None) -> Plan | None:
    if feed.next_poll_at is None or feed.last_poll_at is None:
        return None
    for one in (feed, replace(feed, pushed_until=None)):  # whether the hub was relied on or not
        found = plan_of(one, wishes, overlap=overlap, now=feed.last_poll_at)
        if found.at == feed.next_poll_at:
            return found
    return None


def _parsed(poll: Poll) -> tuple[ParsedFeed | None, tuple[FoundFeed, ...]]:
    """Read the body once more, for what the publisher wrote and what was forgiven."""
    capture = poll.reading.capture
    if not capture.body or poll.feed.page_rules is not None:
        return None, ()
    try:
        found = parse(capture.body, content_type=capture.content_type, url=capture.final_url)
    except NotAFeed:
        return None, find_feeds(capture.body, capture.final_url, capture.content_type)
    return found, ()
