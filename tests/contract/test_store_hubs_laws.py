"""Whatever a hub pushes and whenever a feed is polled: nothing is lost, nothing is invented."""

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from newsreel.app.poll import take_in
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.store import Store, open_store
from polled_world import MINUTE, World, item, rss

WINDOW = 4

# A paper publishes so many entries, edits its newest, is polled (which may fail), or its hub
# pushes so many of its newest entries, its last push once more, or all that stands in the feed.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 5)),
        st.tuples(st.just("edit"), st.just(0)),
        st.tuples(st.just("poll"), st.just(0)),
        st.tuples(st.just("fail"), st.just(0)),
        st.tuples(st.just("push"), st.integers(1, 3)),
        st.tuples(st.just("again"), st.just(0)),
        st.tuples(st.just("push"), st.just(WINDOW)),
    ),
    max_size=25,
)


@dataclass
class Paper:
    """What stands in a feed, newest first; what was shown of it, to whom and in which wording."""

    edits: dict[int, int] = field(default_factory=dict)
    shown: dict[int, list[str]] = field(default_factory=dict)
    known_at_poll: set[int] = field(default_factory=set)
    pushed: bytes = field(default_factory=lambda: rss([]))
    gaps: int = 0

    def window(self, count: int = WINDOW) -> tuple[int, ...]:
        return tuple(sorted(self.edits, reverse=True)[:count])

    def title(self, n: int) -> str:
        return f"Entry {n}, wording {self.edits[n]}"

    def body(self, numbers: tuple[int, ...]) -> bytes:
        return rss([item(f"n{n}", title=self.title(n)) for n in numbers])

    def show(self, numbers: tuple[int, ...]) -> None:
        for n in numbers:
            wordings = self.shown.setdefault(n, [])
            if not wordings or wordings[-1] != self.title(n):
                wordings.append(self.title(n))


async def live(store: Store, steps: list[tuple[str, int]]) -> tuple[World, Feed, Paper]:
    """Live through these steps, once with a body first; return what should have come of them."""
    world, paper = World(store), Paper()
    feed = await world.feed()
    paper.edits[0] = 1
    for verb, count in [("poll", 0), *steps, ("poll", 0)]:
        world.later(MINUTE)
        match verb:
            case "publish":
                first = max(paper.edits) + 1
                paper.edits |= dict.fromkeys(range(first, first + count), 1)
            case "edit":
                paper.edits[max(paper.edits)] += 1
            case "fail":
                await world.fail(feed)
            case "poll":
                await polled(world, feed, paper)
            case "again":
                await pushed(world, feed, paper)  # as it was, though it may have been edited
            case _:
                numbers = paper.window(count)
                paper.pushed = paper.body(numbers)
                paper.known_at_poll |= {*numbers} - {*paper.shown}
                paper.show(numbers)
                await pushed(world, feed, paper)
    return world, feed, paper


async def polled(world: World, feed: Feed, paper: Paper) -> None:
    window = paper.window()
    before = await world.again(feed)
    body = paper.body(window)
    poll = await world.take(feed, body)
    is_same = before.body_digest == sha256(body).digest()
    if not is_same:
        has_overlap = not paper.known_at_poll or bool(paper.known_at_poll & {*window})
        paper.gaps += not has_overlap
        assert len(poll.lost) == len(paper.known_at_poll - {*window})
        paper.known_at_poll = {*window}
    paper.show(window)


async def pushed(world: World, feed: Feed, paper: Paper) -> None:
    leased = await world.store.lease_pushed(feed.id, now=world.now, term=MINUTE)
    assert leased is not None
    body = paper.pushed
    capture = Capture(
        url=feed.url,
        final_url=feed.url,
        fetched_at=world.now,
        body=body,
        digest=sha256(body).digest(),
        is_pushed=True,
    )
    await take_in(leased, capture, world.store, clock=world.clock)


@settings(max_examples=60)
@given(STEPS)
def test_each_wording_that_was_shown_is_kept_once_and_gaps_are_of_polls(
    steps: list[tuple[str, int]],
) -> None:
    async def check() -> None:
        with TemporaryDirectory() as folder:
            store = open_store(str(Path(folder) / "newsreel.sqlite"))
            try:
                world, feed, paper = await live(store, steps)
                entries = await store.entries_of(feed.id, limit=1000)
                gaps = [gap.reason for gap in await store.gaps()]
                days = await store.day_feeds(world.now.date(), is_private=False)
            finally:
                await store.close()
        kept = {
            int((entry.guid or "").removeprefix("press-n")): [
                one.content.title for one in entry.revisions
            ]
            for entry in entries
        }
        assert kept == paper.shown
        assert gaps.count("no-overlap") == paper.gaps
        assert "not-polled" not in gaps
        (day,) = days
        polls = sum(verb in {"poll", "fail"} for verb, _ in steps) + 2
        assert day.polls_expected == polls
        for entry in entries:
            for one in entry.revisions:
                assert one.absent_at is None or one.absent_at < one.seen_at

    asyncio.run(check())
