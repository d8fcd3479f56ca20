"""What a poll means for its feed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_values import feed_named
from newsreel.core.conclude import MOVES_AFTER, conclude, polled_at
from newsreel.core.schedule import LONGEST_RETRY
from newsreel.model.capture import Capture, Fault, FaultKind, Validators
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.poll import Changes, FeedFacts, Gap, GapReason, Outcome, Poll, Reading

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEED = feed_named(last_poll_at=NOW - HOUR, last_ok_at=NOW - HOUR, next_poll_at=NOW)
TAGS = Validators('"1"', "Tue, 06 Jan 2026 12:00:00 GMT")
BROKEN = Fault(FaultKind.HTTP, "no", 500)


def capture(**fields: object) -> Capture:
    usual = Capture(url=FEED.url, final_url=FEED.url, fetched_at=NOW, status=200, digest=b"1" * 32)
    return replace(usual, **fields)  # type: ignore[arg-type]


def polled(
    feed: Feed = FEED,
    outcome: Outcome = Outcome.OK,
    changes: Changes | None = None,
    *,
    now: datetime = NOW,
    facts: FeedFacts | None = None,
    fault: Fault | None = None,
    window: tuple[int, ...] = (),
    **fields: object,
) -> Poll:
    reading = Reading(
        capture=capture(fault=fault, **fields),
        outcome=Outcome.FAILED if fault else outcome,
        fault=fault,
        facts=facts or FeedFacts(),
    )
    return conclude(feed, reading, changes or Changes(), window=window, now=now)


def test_a_good_poll_ends_all_failures() -> None:
    poll = polled(replace(FEED, failures=3, fault="timeout"))

    assert (poll.feed.failures, poll.feed.fault) == (0, None)
    assert poll.feed.last_poll_at == poll.feed.last_ok_at == NOW
    assert poll.closes_gap


def test_a_failure_counts_and_opens_a_gap_from_the_last_good_poll() -> None:
    poll = polled(fault=BROKEN)

    assert (poll.feed.failures, poll.feed.fault) == (1, "http-500")
    assert poll.feed.last_ok_at == NOW - HOUR
    assert poll.gaps == (Gap(1, NOW - HOUR, None, "http-500"),)
    assert not poll.closes_gap


def test_a_further_failure_opens_no_further_gap() -> None:
    assert polled(replace(FEED, failures=1), fault=BROKEN).gaps == ()


def test_the_first_failure_of_a_new_feed_opens_a_gap_from_when_it_was_added() -> None:
    feed = feed_named(added_at=NOW - HOUR)

    assert polled(feed, fault=BROKEN).gaps == (Gap(1, NOW - HOUR, None, "http-500"),)


def test_410_means_gone_and_404_does_not() -> None:
    gone = polled(fault=replace(BROKEN, status=410)).feed
    lost = polled(fault=replace(BROKEN, status=404)).feed

    assert (gone.status, gone.next_poll_at) == (FeedStatus.GONE, None)
    assert lost.status is FeedStatus.ACTIVE
    assert lost.next_poll_at is not None


def test_a_permanent_redirect_is_believed_once_it_stayed_the_same() -> None:
    feed, moved = FEED, "https://moved.example/feed"
    seen = []
    for _ in range(MOVES_AFTER):
        poll = polled(feed, permanent_url=moved, validators=TAGS)
        feed = poll.feed
        seen.append((feed.url, feed.moved_count, poll.is_feed_changed))

    assert seen == [(FEED.url, 1, False), (FEED.url, 2, False), (moved, 0, True)]
    assert feed.host == "moved.example"
    assert feed.first_url == FEED.first_url
    assert not feed.validators


def test_a_redirect_that_wavers_is_not_believed() -> None:
    feed = FEED
    for target in ("https://a.example/", "https://b.example/", None, "https://b.example/"):
        feed = polled(feed, permanent_url=target).feed

    assert feed.url == FEED.url
    assert feed.moved_count == 1


def test_a_failure_moves_nothing() -> None:
    feed = replace(FEED, moved_to="https://a.example/", moved_count=2)

    assert polled(feed, permanent_url="https://a.example/", fault=BROKEN).feed.url == FEED.url


def test_a_feed_that_moves_to_a_secret_address_becomes_private() -> None:
    target = "https://a.example/feed?token=4f9d8a7b6c5e4d3c"
    feed = replace(FEED, moved_to=target, moved_count=2)

    poll = polled(feed, permanent_url=target)

    assert poll.feed.is_private
    assert poll.is_feed_changed


def test_validators_are_those_of_the_last_body() -> None:
    feed = replace(FEED, validators=TAGS)
    newer = Validators('"2"')

    assert polled(feed, validators=newer).feed.validators == newer
    assert polled(feed).feed.validators == Validators()
    assert polled(feed, fault=BROKEN).feed.validators == TAGS


def test_304_may_renew_a_validator_and_drops_none() -> None:
    feed = replace(FEED, validators=TAGS)

    poll = polled(feed, Outcome.NOT_MODIFIED, status=304, validators=Validators('"2"'))

    assert poll.feed.validators == Validators('"2"', TAGS.last_modified)


def test_the_publishers_facts_are_taken_over_and_silence_overwrites_nothing() -> None:
    told = polled(facts=FeedFacts(title="New", site_url="https://s.example/", language="pl"))
    silent = polled(told.feed)

    assert (told.feed.title, told.feed.site_url, told.feed.language) == (
        "New",
        "https://s.example/",
        "pl",
    )
    assert told.is_feed_changed
    assert silent.feed.title == "New"
    assert not silent.is_feed_changed


def test_a_title_of_the_operators_stays() -> None:
    feed = replace(FEED, title="Ours", has_own_title=True)

    assert polled(feed, facts=FeedFacts(title="Theirs")).feed.title == "Ours"


def test_what_was_lost_is_what_stood_there_and_does_no_longer() -> None:
    changes = Changes(seen=(2, 3), overlap=2)

    assert polled(changes=changes, window=(1, 2, 3, 4)).lost == (1, 4)
    assert polled(outcome=Outcome.NOT_MODIFIED, window=(1, 2)).lost == ()


def test_no_overlap_is_a_gap_and_an_empty_feed_is_none() -> None:
    torn = polled(changes=Changes(seen=(9,), overlap=0))
    empty = polled(changes=Changes(overlap=0))
    first = polled(changes=Changes(seen=(9,), overlap=None))

    assert torn.gaps == (Gap(1, NOW - HOUR, NOW, GapReason.NO_OVERLAP),)
    assert empty.gaps == first.gaps == ()


def test_polls_that_were_missed_are_counted_in_their_days() -> None:
    feed = replace(FEED, last_poll_at=NOW - 25 * HOUR, next_poll_at=NOW - 24 * HOUR)

    poll = polled(replace(feed, last_ok_at=feed.last_poll_at))

    assert sum(poll.expected.values()) == 25
    assert {day.day: count for day, count in poll.expected.items()} == {5: 12, 6: 13}
    assert poll.gaps == (Gap(1, NOW - 25 * HOUR, NOW, GapReason.NOT_POLLED),)


def test_a_poll_on_time_misses_nothing() -> None:
    assert polled().expected == {NOW.date(): 1}
    assert polled().gaps == ()


def test_while_it_fails_a_feeds_gap_is_open_and_no_other_is_needed() -> None:
    feed = replace(FEED, failures=2, next_poll_at=NOW - 24 * HOUR)

    assert polled(feed).gaps == ()


def test_what_was_paused_was_not_observed_nor_expected() -> None:
    feed = replace(FEED, next_poll_at=datetime(1970, 1, 1, tzinfo=UTC))

    poll = polled(feed)

    assert poll.expected == {NOW.date(): 1}
    assert poll.gaps == (Gap(1, NOW - HOUR, NOW, GapReason.NOT_POLLED),)


def test_retry_after_holds_a_feed_but_not_for_ever() -> None:
    assert polled(retry_after=3 * HOUR).held_until == NOW + 3 * HOUR
    assert polled(retry_after=timedelta(days=4000)).held_until == NOW + LONGEST_RETRY
    assert polled().held_until is None


def test_the_feeds_clock_never_goes_back_but_its_schedule_follows_the_machines() -> None:
    earlier = NOW - timedelta(days=300)

    poll = polled(now=earlier)

    assert polled_at(FEED, earlier) == FEED.last_poll_at
    assert poll.feed.last_poll_at == FEED.last_poll_at
    assert poll.feed.next_poll_at is not None
    assert earlier < poll.feed.next_poll_at < earlier + timedelta(days=2)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.booleans(),
    st.integers(0, 5),
)
def test_whatever_the_clock_does_gaps_run_forward(
    now: datetime, is_broken: bool, failures: int
) -> None:
    feed = replace(FEED, failures=failures)

    poll = polled(
        feed, now=now, fault=BROKEN if is_broken else None, changes=Changes(seen=(1,), overlap=0)
    )

    assert poll.feed.last_poll_at is not None
    assert poll.feed.last_poll_at >= NOW - HOUR
    assert all(gap.to_at is None or gap.from_at <= gap.to_at for gap in poll.gaps)
    assert poll.feed.next_poll_at is not None
    assert poll.feed.next_poll_at > now


@pytest.mark.parametrize("outcome", Outcome)
def test_the_last_change_is_the_last_poll_that_brought_something(outcome: Outcome) -> None:
    feed = replace(FEED, last_change_at=NOW - 9 * HOUR)

    poll = polled(feed, outcome, fault=BROKEN if outcome is Outcome.FAILED else None)

    assert poll.feed.last_change_at == NOW - 9 * HOUR
