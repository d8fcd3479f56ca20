"""A week of the papers' lives: time passes, what is due is polled, and each day is written."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from newsreel.app.export import Roots, export_days
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.demo.papers import MONDAY, Paper
from newsreel.demo.publisher import Publisher, Visitor
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.model.feed import Feed, NewFeed
from newsreel.model.poll import Outcome, Poll
from newsreel.store import Store

START = MONDAY + timedelta(hours=5)
DAYS = 5
TICK = timedelta(minutes=15)
FOLDERS = {"en": "English", "de": "Deutsch"}
EXPORTED_AT = timedelta(hours=23, minutes=55)


class SimulatedClock:
    """A clock that stands still until it is moved on."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return its time."""
        return self.now


@dataclass(frozen=True, slots=True)
class Happening:
    """Something out of the ordinary, and when."""

    at: datetime
    feed: str
    what: str


@dataclass(slots=True, kw_only=True)
class DayReport:
    """What a simulated day brought. ``late`` entries belong to an earlier day's file.

    ``rewritten`` are days that were written before and had to be written again.
    """

    day: date
    polls: int = 0
    not_modified: int = 0
    failed: int = 0
    new: int = 0
    revised: int = 0
    late: int = 0
    files: int = 0
    rewritten: tuple[date, ...] = ()
    happenings: list[Happening] = field(default_factory=list)

    def count(self, poll: Poll, before: Feed | None) -> None:
        """Take one poll in; ``before`` is the feed as the poll before left it."""
        self.polls += 1
        self.not_modified += poll.reading.outcome is Outcome.NOT_MODIFIED
        self.failed += poll.reading.outcome is Outcome.FAILED
        self.new += len(poll.changes.new)
        self.revised += len(poll.changes.revised)
        # What stood in a feed before it was added is not late: we were.
        self.late += sum(e.day < self.day and e.absent_at is not None for e in poll.changes.new)
        if before is not None and (what := _told(before, poll)):
            at = poll.feed.last_poll_at or poll.reading.capture.fetched_at
            self.happenings.append(Happening(at, poll.feed.display_title, what))


async def live(papers: Sequence[Paper], store: Store, roots: Roots) -> AsyncIterator[DayReport]:
    """Let the papers live through the week, polled and exported all the while.

    Yields each day as it ends. The feeds are added to the store, which should hold nothing else.
    """
    clock = SimulatedClock(START)
    # The papers are the operator's own: no gap between two requests, and loopback is opened.
    policy = FetchPolicy(allow_private=("127.0.0.0/8",), host_gap=timedelta())
    new = [
        NewFeed(url=paper.url, interval=paper.interval, folder=FOLDERS[paper.language[:2]])
        for paper in papers
    ]
    added = await store.add_feeds(new, now=clock.now)
    feeds = {one.feed.id: one.feed for one in added}
    async with (
        Publisher(papers, clock) as publisher,
        Visitor(policy, clock=clock, port=publisher.port) as client,
    ):
        for number in range(DAYS):
            midnight = MONDAY + timedelta(days=number)
            report = DayReport(day=midnight.date())
            await _poll_until(midnight + EXPORTED_AT, feeds, report, store, client, clock)
            clock.now = midnight + EXPORTED_AT
            await _export(report, store, roots, clock)
            yield report


async def _poll_until(
    end: datetime,
    feeds: dict[int, Feed],
    report: DayReport,
    store: Store,
    client: Client,
    clock: SimulatedClock,
) -> None:
    """Poll what is due at every tick of the clock at which something is."""
    while (due := min(_due(feed) for feed in feeds.values())) < end:
        while clock.now < due:
            clock.now += TICK
        async for poll in poll_feeds(store, client, clock=clock, wanted=Wanted()):
            report.count(poll, feeds.get(poll.feed.id))
            feeds[poll.feed.id] = poll.feed


def _due(feed: Feed) -> datetime:
    return feed.next_poll_at or START


async def _export(report: DayReport, store: Store, roots: Roots, clock: SimulatedClock) -> None:
    days = sorted({page.day for page in await store.dirty()})
    report.rewritten = tuple([day for day in days if await store.written(day, is_private=False)])
    report.files = (await export_days(store, roots, clock=clock)).written


def _told(before: Feed, poll: Poll) -> str | None:
    """Return what is out of the ordinary about a poll."""
    after = poll.feed
    if after.url != before.url:
        return "moved: three polls found it at the new address, which is taken over"
    if after.moved_to and after.moved_to != before.moved_to:
        return f"is redirected to {after.moved_to.partition('://')[2]}"
    if after.failures and not before.failures:
        return f"fails: {after.fault}; it is asked less and less often"
    if before.failures and not after.failures:
        since = (before.last_ok_at or before.added_at).astimezone(UTC)
        return f"answers again; not observed since {since:%H:%M}, and the archive says so"
    return None
