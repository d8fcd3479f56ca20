"""What every store must keep of polls: the log, the feed's state, gaps and days."""

from dataclasses import replace
from datetime import timedelta

import pytest

from newsreel.app.poll import take_in
from newsreel.errors import LeaseLost
from newsreel.model.capture import Capture, Validators
from newsreel.model.day import WriteReason
from newsreel.model.feed import FeedStatus, RequestOptions
from newsreel.model.poll import Gap, GapReason, Outcome
from newsreel.store import Store
from polled_world import DAY, HOUR, MINUTE, MORNING, PRESS, World, item, rss

TAGS = Validators('W/"1"', "Wed, 04 Mar 2026 08:00:00 GMT")


async def test_each_poll_is_one_line_of_the_log_newest_first(world: World) -> None:
    feed, second = await world.feed(), await world.feed("https://second.example/")
    await world.poll(feed, item("a"), item("b"), elapsed=timedelta(milliseconds=120))
    world.later()
    await world.unmodified(feed)
    world.later()
    await world.fail(feed, 503)
    await world.poll(second, item("a"))

    newest, failed, same, first = await world.store.polls()

    assert newest.feed_id == second.id
    assert (failed.outcome, failed.status, failed.reason) == (Outcome.FAILED, 503, "http-503")
    assert failed.polled_at == MORNING + 2 * HOUR
    assert (same.outcome, same.status, same.reason) == (Outcome.NOT_MODIFIED, 304, None)
    assert (first.outcome, first.status, first.new, first.revised) == (Outcome.OK, 200, 2, 0)
    assert first.elapsed_ms == 120
    assert first.body_bytes == len(rss([item("a"), item("b")]))
    assert first.capture == world.polls[0].reading.capture.digest
    assert first.next_poll_at == world.polls[0].feed.next_poll_at
    assert await world.store.polls(feed_id=feed.id) == [failed, same, first]
    assert await world.store.polls(feed_id=feed.id, limit=1) == [failed]


async def test_a_feed_remembers_what_its_poll_said(world: World) -> None:
    feed = await world.feed()

    poll = await world.poll(feed, item("a"), validators=TAGS, title="The Press")

    found = await world.again(feed)
    assert found == replace(poll.feed, entry_count=1)
    assert found.validators == TAGS
    assert found.title == "The Press"
    assert found.body_digest == poll.reading.capture.digest
    assert found.last_poll_at == found.last_ok_at == found.last_change_at == MORNING


async def test_a_failure_opens_one_gap_and_a_success_closes_it(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later()
    await world.fail(feed, 500)
    world.later()
    await world.fail(feed, 404)
    open_gaps = await world.store.gaps(feed_id=feed.id)
    until = world.later()

    await world.unmodified(feed)

    assert open_gaps == [Gap(feed.id, MORNING, None, "http-500")]
    assert await world.store.gaps() == [Gap(feed.id, MORNING, until, "http-500")]
    assert (await world.again(feed)).failures == 0


async def test_two_failures_that_are_parted_by_a_success_are_two_gaps(world: World) -> None:
    feed = await world.feed()
    await world.fail(feed)
    world.later()
    await world.poll(feed, item("a"))
    world.later()
    await world.fail(feed, 404)

    gaps = await world.store.gaps(feed_id=feed.id)

    assert [(gap.reason, gap.to_at is None) for gap in gaps] == [
        ("http-404", True),
        ("http-500", False),
    ]


async def test_a_window_without_an_entry_in_common_leaves_a_gap(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    world.later()
    await world.poll(feed, item("b"), item("c"))
    before = world.now
    world.later()

    await world.poll(feed, item("d"), item("e"))

    assert await world.store.gaps() == [Gap(feed.id, before, world.now, GapReason.NO_OVERLAP)]
    assert [record.overlap for record in await world.store.polls()] == [0, 1, None]


async def test_polls_that_were_due_and_not_made_leave_a_gap(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later(5 * DAY)

    await world.poll(feed, item("a"), item("b"))

    assert await world.store.gaps() == [Gap(feed.id, MORNING, world.now, GapReason.NOT_POLLED)]
    (line,) = await world.store.day_feeds(MORNING.date() + 2 * DAY, is_private=False)
    assert line.polls_expected > 0
    assert line.polls_made == 0


async def test_a_paused_feed_leaves_a_gap_but_no_poll_was_expected(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await world.store.save_feed(replace(await world.again(feed), status=FeedStatus.PAUSED))
    world.later(10 * DAY)
    await world.store.save_feed(replace(await world.again(feed), status=FeedStatus.ACTIVE))

    poll = await world.poll(feed, item("a"), item("b"))

    assert poll.expected == {world.now.date(): 1}
    assert await world.store.gaps() == [Gap(feed.id, MORNING, world.now, GapReason.NOT_POLLED)]
    assert (await world.store.days())[0].day == MORNING.date()


async def test_half_a_body_leaves_a_gap(world: World) -> None:
    feed = await world.feed()

    await world.take(feed, rss([item("a")]), is_cut=True)

    assert [gap.reason for gap in await world.store.gaps()] == [GapReason.TRUNCATED]
    assert len(await world.entries(feed)) == 1


async def test_polls_are_counted_by_day(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    world.later()
    await world.fail(feed)
    world.later()
    await world.unmodified(feed)

    (line,) = await world.store.day_feeds(MORNING.date(), is_private=False)

    assert (line.polls_made, line.polls_expected) == (2, 3)
    assert (line.entries, line.revisions) == (1, 0)


async def test_a_poll_makes_its_days_manifest_dirty_and_new_entries_their_page(
    world: World,
) -> None:
    feed = await world.feed()

    await world.poll(feed, item("a"))

    assert [(page.feed_id, page.reason) for page in await world.store.dirty()] == [
        (0, WriteReason.POLLS),
        (feed.id, WriteReason.NEW),
    ]


async def test_an_entry_that_comes_late_makes_its_own_day_dirty(world: World) -> None:
    feed = await world.feed()

    await world.poll(feed, item("late", date="Mon, 02 Mar 2026 23:30:00 -0100"), item("new"))

    marks = [(p.day.day, p.feed_id, p.reason) for p in await world.store.dirty() if p.feed_id]
    assert marks == [(3, feed.id, WriteReason.LATE_ENTRIES), (4, feed.id, WriteReason.NEW)]


async def test_a_poll_that_brings_nothing_new_makes_no_page_dirty(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await clean(world)
    world.later()

    await world.poll(feed, item("a"), title="Another")

    assert [page.feed_id for page in await world.store.dirty()] == [0]


async def test_a_page_that_changed_while_it_was_written_stays_dirty(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))
    read = await world.store.dirty()
    world.later()
    await world.poll(feed, item("a"), item("b"))

    await world.store.save_written([], day=MORNING.date(), is_private=False, done=read)

    assert [page.feed_id for page in await world.store.dirty()] == [0, feed.id]


async def test_a_header_bears_the_title_of_its_day(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), title="The Press")
    world.later(DAY)
    await world.poll(feed, item("a"), item("b", date=None), title="The New Press")

    old = await world.store.pages(MORNING.date(), is_private=False)
    new = await world.store.pages(world.now.date(), is_private=False)

    assert [page.title for page in old + new] == ["The Press", "The New Press"]


async def test_a_feed_that_is_gone_is_polled_no_more(world: World) -> None:
    feed = await world.feed()

    await world.fail(feed, 410)

    found = await world.again(feed)
    assert (found.status, found.next_poll_at) == (FeedStatus.GONE, None)
    assert await world.lease(is_forced=True) == []


async def test_a_poll_under_way_does_not_wake_what_the_operator_stopped(world: World) -> None:
    feed = await world.feed()
    (leased,) = await world.lease()
    await world.store.save_feed(replace(feed, status=FeedStatus.REMOVED))
    await world.store.release([leased.id])

    assert await world.lease(is_forced=True) == []


async def test_the_store_counts_what_it_holds(world: World) -> None:
    feed, failing = await world.feed(), await world.feed("https://failing.example/")
    paused = await world.feed("https://paused.example/")
    await world.store.save_feed(replace(paused, status=FeedStatus.PAUSED))
    await world.poll(feed, item("a"), item("b"))
    world.later(MINUTE)
    await world.poll(feed, item("a", title="Changed"), item("b"))
    await world.fail(failing)

    counts = await world.store.counts(now=world.now)

    assert (counts.feeds, counts.active, counts.failing, counts.due) == (3, 2, 1, 0)
    assert (counts.entries, counts.revisions, counts.polls) == (2, 3, 3)
    assert (counts.dirty_days, counts.open_gaps) == (1, 1)
    assert counts.schema >= 1


async def test_both_stores_of_a_database_see_each_others_commits(
    world: World, other: Store
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"))

    assert await other.feed(feed.id) == await world.again(feed)
    assert await other.entries_of(feed.id) == await world.entries(feed)


@pytest.mark.parametrize("status", [404, 500])
async def test_a_failed_poll_forgets_no_validators(world: World, status: int) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), validators=TAGS)
    world.later()

    await world.fail(feed, status)

    found = await world.again(feed)
    assert found.validators == TAGS
    assert (found.failures, found.fault) == (1, f"http-{status}")


async def clean(world: World) -> None:
    for page in await world.store.dirty():
        await world.store.save_written([], day=page.day, is_private=False, done=[page])


async def test_what_the_operator_changes_while_a_feed_is_polled_stays(world: World) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), title="The Press")
    (leased,) = await world.lease(feed, is_forced=True)
    hidden = replace(leased, is_private=True, title="Mine", has_own_title=True)
    await world.store.save_feed(hidden)

    body = rss([item("a")], title="The Press, renamed")
    capture = Capture(url=PRESS, final_url=PRESS, fetched_at=world.now, status=200, body=body)
    await take_in(leased, capture, world.store, clock=world.clock)

    found = await world.again(feed)
    assert found.is_private
    assert (found.title, found.has_own_title) == ("Mine", True)


async def test_a_feed_that_is_paused_while_it_is_polled_is_not_due(world: World) -> None:
    feed = await world.feed()
    (leased,) = await world.lease(feed, is_forced=True)
    await world.store.save_feed(replace(leased, status=FeedStatus.PAUSED))

    capture = Capture(url=PRESS, final_url=PRESS, fetched_at=world.now, status=200, body=rss([]))
    await take_in(leased, capture, world.store, clock=world.clock)

    found = await world.again(feed)
    assert (found.status, found.next_poll_at) == (FeedStatus.PAUSED, None)
    assert found.last_poll_at == world.now


async def test_a_feed_that_is_led_to_another_one_s_address_keeps_its_own(world: World) -> None:
    old, new = await world.feed("http://press.example/feed"), await world.feed(PRESS)
    await world.poll(new, item("a"))

    for _ in range(5):
        world.later()
        await world.poll(old, item("a"), permanent_url=PRESS, final_url=PRESS, validators=TAGS)

    found = await world.again(old)
    assert (found.url, found.moved_to) == ("http://press.example/feed", PRESS)
    assert found.validators == TAGS
    assert (await world.again(new)).url == PRESS


async def test_no_feed_moves_that_was_given_a_password_while_it_was_polled(world: World) -> None:
    feed, there = await world.feed(), "https://elsewhere.example/feed"
    for _ in range(2):
        await world.poll(feed, item("a"), permanent_url=there, final_url=there)
    (leased,) = await world.lease(feed, is_forced=True)
    secret = RequestOptions(user="ada", password="quill")
    await world.store.save_feed(replace(leased, request_options=secret))

    capture = Capture(
        url=PRESS,
        final_url=there,
        fetched_at=world.now,
        status=200,
        body=rss([item("a")]),
        permanent_url=there,
    )
    with pytest.raises(LeaseLost):
        await take_in(leased, capture, world.store, clock=world.clock)

    assert (await world.again(feed)).url == PRESS
