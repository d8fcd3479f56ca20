from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.core.schedule import (
    FIRST_GAP,
    LONGEST,
    LONGEST_GAP,
    LONGEST_RETRY,
    MOST_JITTER,
    SHORTEST,
    Reason,
    Rhythm,
    Wishes,
    host_after,
    next_poll_at,
    plan,
)
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.host import HostState

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)  # a Wednesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

spans = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=400))
moments = spans.map(lambda ago: NOW - ago)
wishes = st.builds(
    Wishes,
    interval=st.none() | st.timedeltas(MINUTE, timedelta(days=30)),
    max_age=st.none() | spans,
    retry_after=st.none() | spans,
    ttl=st.none() | spans,
    update_period=st.none() | spans,
    skip_hours=st.lists(st.integers(0, 24), max_size=26).map(tuple),
    skip_days=st.lists(st.sampled_from(["Monday", "sunday", "Noday"]), max_size=4).map(tuple),
)
rhythms = st.builds(
    Rhythm,
    entries_at=st.lists(spans.map(lambda ago: NOW - ago), max_size=40).map(tuple),
    overlap=st.none() | st.floats(0, 1),
    interval=st.none() | spans,
)


def every(span: timedelta, count: int = 20) -> Rhythm:
    return Rhythm(entries_at=tuple(NOW - span * n for n in range(1, count + 1)))


def wait(**of: object) -> timedelta:
    """The planned wait without its jitter, to the quarter of an hour."""
    at = plan(NOW, 1, **of).at  # type: ignore[arg-type]
    return at - NOW


def test_a_new_feed_starts_hourly() -> None:
    found = plan(NOW, 1)

    assert HOUR <= found.at - NOW <= HOUR * 1.1
    assert found.reason is Reason.NEW


@pytest.mark.parametrize(
    ("rhythm", "interval"),
    [
        pytest.param(every(MINUTE), SHORTEST, id="very busy: the floor"),
        pytest.param(every(10 * MINUTE), 30 * MINUTE, id="six an hour"),
        pytest.param(every(2 * HOUR), 6 * HOUR, id="twelve a day"),
        pytest.param(every(3 * DAY), LONGEST, id="rare: the ceiling"),
    ],
)
def test_the_interval_follows_the_rhythm(rhythm: Rhythm, interval: timedelta) -> None:
    found = plan(NOW, 1, rhythm=rhythm)

    assert interval <= found.at - NOW <= interval + min(interval / 10, MOST_JITTER)
    assert found.reason is Reason.RHYTHM


def test_a_feed_that_falls_silent_is_asked_less_and_less() -> None:
    later = [plan(NOW + DAY * n, 1, rhythm=every(HOUR)).at - NOW - DAY * n for n in (0, 3, 30)]

    assert later[0] < later[1] < later[2]


def test_without_overlap_the_next_poll_comes_in_half_the_time() -> None:
    rhythm = Rhythm(entries_at=every(HOUR).entries_at, overlap=0.0, interval=2 * HOUR)

    found = plan(NOW, 1, rhythm=rhythm, wishes=Wishes(ttl=6 * HOUR))

    assert found.reason is Reason.OVERLAP
    assert HOUR <= found.at - NOW <= HOUR * 1.1


@pytest.mark.parametrize("hint", ["ttl", "update_period"])
def test_a_publishers_hint_lengthens_the_interval_up_to_a_day(hint: str) -> None:
    six = plan(NOW, 1, wishes=Wishes(**{hint: 6 * HOUR}))  # type: ignore[arg-type]
    year = plan(NOW, 1, wishes=Wishes(**{hint: 365 * DAY}))  # type: ignore[arg-type]

    assert six.at >= NOW + 6 * HOUR
    assert six.reason is Reason.HINT
    assert year.at <= NOW + LONGEST + MOST_JITTER


def test_max_age_and_expires_mean_not_before() -> None:
    found = plan(NOW, 1, wishes=Wishes(max_age=5 * HOUR))

    assert found.at >= NOW + 5 * HOUR
    assert found.reason is Reason.MAX_AGE
    assert not found.is_capped


def test_a_max_age_of_a_year_is_cut_to_a_day_and_that_is_said() -> None:
    found = plan(NOW, 1, wishes=Wishes(max_age=365 * DAY))

    assert LONGEST <= found.at - NOW <= LONGEST + MOST_JITTER
    assert found.is_capped


def test_the_operators_interval_counts_for_the_feeds_own() -> None:
    often = plan(NOW, 1, wishes=Wishes(interval=5 * MINUTE, ttl=3 * HOUR), rhythm=every(DAY))
    rarely = plan(NOW, 1, wishes=Wishes(interval=7 * DAY), rhythm=every(MINUTE))

    assert 5 * MINUTE <= often.at - NOW <= 5.5 * MINUTE
    assert 7 * DAY <= rarely.at - NOW <= 7 * DAY + MOST_JITTER


def test_the_operators_interval_does_not_break_what_the_publisher_asked_for() -> None:
    asked = Wishes(interval=5 * MINUTE, max_age=HOUR)

    assert next_poll_at(NOW, 1, wishes=asked) >= NOW + HOUR


def test_skipped_hours_are_skipped() -> None:
    found = plan(NOW, 1, wishes=Wishes(skip_hours=(11, 12, 13)))

    assert found.at.hour == 14
    assert found.reason is Reason.SKIPPED_HOURS


def test_skipped_days_are_skipped() -> None:
    found = plan(NOW, 1, wishes=Wishes(skip_days=("Wednesday", "THURSDAY")))

    assert found.at.date().isoformat() == "2026-03-06"


def test_a_feed_that_skips_every_hour_or_day_is_polled_all_the_same() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

    assert wait(wishes=Wishes(skip_hours=tuple(range(24)))) < 2 * HOUR
    assert wait(wishes=Wishes(skip_days=days)) < 2 * HOUR


def test_failures_double_the_interval_up_to_a_day() -> None:
    waits = [plan(NOW, 1, failures=n).at - NOW for n in (0, 1, 2, 3, 4, 5, 99)]

    assert [round(wait / HOUR) for wait in waits] == [1, 2, 4, 8, 16, 24, 24]


def test_feeds_of_one_host_do_not_come_due_at_one_instant() -> None:
    due = {next_poll_at(NOW, feed, wishes=Wishes(max_age=HOUR)) for feed in range(300)}

    assert len(due) > 150


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_a_retry_after_is_never_broken(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm, failures: int
) -> None:
    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert at >= now + min(wishes.retry_after or timedelta(), LONGEST_RETRY)


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_a_poll_is_never_earlier_than_max_age(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm, failures: int
) -> None:
    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert at >= now + min(wishes.max_age or timedelta(), LONGEST)


@given(moments, st.integers(1, 10**9), rhythms, st.integers(0, 50), spans)
def test_a_poll_lies_between_floor_and_ceiling(
    now: datetime, feed: int, rhythm: Rhythm, failures: int, max_age: timedelta
) -> None:
    wishes = Wishes(max_age=max_age)

    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert now + SHORTEST <= at <= now + LONGEST + MOST_JITTER


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_one_more_failure_never_means_an_earlier_poll(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm, failures: int
) -> None:
    once = plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)
    twice = plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures + 1)

    assert twice.at >= once.at - MOST_JITTER


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_the_same_question_gets_the_same_answer(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm, failures: int
) -> None:
    answers = [plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures) for _ in range(2)]

    assert answers[0] == answers[1]


@given(moments, wishes, rhythms, st.integers(0, 50))
def test_a_skipped_hour_is_never_polled_in(
    now: datetime, wishes: Wishes, rhythm: Rhythm, failures: int
) -> None:
    at = next_poll_at(now, 1, wishes=wishes, rhythm=rhythm, failures=failures)

    hours = {hour % 24 for hour in wishes.skip_hours}
    days = {day.lower() for day in wishes.skip_days}
    assert len(hours) == 24 or at.hour not in hours
    assert len(hours) == 24 or at.strftime("%A").lower() not in days


def answer(status: int | None, retry_after: timedelta | None = None) -> Capture:
    fault = None if status in {200, 304} else Fault(FaultKind.HTTP, status=status)
    return Capture(
        url="http://paper.example/",
        final_url="http://paper.example/",
        fetched_at=NOW,
        status=status,
        retry_after=retry_after,
        fault=fault,
    )


FRESH = HostState("paper.example")


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_says_later_is_closed_for_as_long_as_it_says(status: int) -> None:
    after = host_after(FRESH, answer(status, 2 * HOUR), now=NOW, least=timedelta(seconds=1))

    assert after == HostState("paper.example", NOW + 2 * HOUR, FIRST_GAP)


def test_a_host_that_does_not_say_how_long_rests_for_a_minute() -> None:
    after = host_after(FRESH, answer(429), now=NOW, least=timedelta())

    assert after.not_before == NOW + MINUTE


def test_one_feeds_503_does_not_close_the_host() -> None:
    after = host_after(FRESH, answer(503), now=NOW, least=timedelta())

    assert after.not_before == NOW
    assert after.gap == FIRST_GAP


def test_a_shorter_wait_does_not_take_back_a_longer_one() -> None:
    closed = HostState("paper.example", NOW + HOUR, FIRST_GAP)

    after = host_after(closed, answer(429, MINUTE), now=NOW, least=timedelta())

    assert after.not_before == NOW + HOUR


def test_the_gap_grows_with_each_complaint_up_to_a_limit() -> None:
    state, gaps = FRESH, []
    for _ in range(10):
        state = host_after(state, answer(429), now=NOW, least=timedelta(seconds=1))
        gaps.append(state.gap.total_seconds())

    assert gaps[:4] == [2, 4, 8, 16]
    assert gaps[-1] == LONGEST_GAP.total_seconds()


def test_the_gap_shrinks_slowly_without_complaints_and_is_forgotten() -> None:
    state = HostState("paper.example", None, timedelta(seconds=60))
    steps = 0
    while state.gap:
        state = host_after(state, answer(304), now=NOW, least=timedelta(seconds=1))
        steps += 1

    assert 150 < steps < 300


def test_a_403_counts_as_a_complaint_where_the_host_limited_us_before() -> None:
    limited = HostState("paper.example", None, timedelta(seconds=4))

    assert host_after(FRESH, answer(403), now=NOW, least=timedelta(seconds=1)) == FRESH
    after = host_after(limited, answer(403), now=NOW, least=timedelta(seconds=1))
    assert after.gap == timedelta(seconds=8)


def test_a_host_that_cannot_be_reached_is_treated_as_before() -> None:
    limited = HostState("paper.example", None, timedelta(seconds=4))

    assert host_after(limited, answer(None), now=NOW, least=timedelta()) == limited
