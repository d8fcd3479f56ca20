from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newsreel.core.rhythm import Rhythm
from newsreel.core.schedule import (
    FIRST_GAP,
    LONGEST,
    LONGEST_GAP,
    LONGEST_RETRY,
    MOST_JITTER,
    PATIENCE,
    SHORTEST,
    Reason,
    Wishes,
    due_in,
    host_after,
    next_poll_at,
    plan,
    rest_of,
)
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.host import HostState

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)  # a Wednesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZERO = timedelta()

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
slots = st.lists(st.floats(0, 5000), min_size=31, max_size=31).map(tuple)
rhythms = st.none() | st.builds(
    Rhythm,
    until=moments.map(datetime.timestamp),
    came=slots,
    watched=slots,
    window=st.integers(1, 200),
    caution=st.floats(1, 4),
)


def every(span: timedelta, **fields: object) -> Rhythm:
    """A feed that was watched for four weeks, and brought an entry in every such span."""
    watched = (28.0,) * 24 + (96.0,) * 7
    came = tuple(hours * (HOUR / span) for hours in watched)
    steady = Rhythm(until=NOW.timestamp(), came=came, watched=watched, window=30)
    return replace(steady, **fields)  # type: ignore[arg-type]


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
        pytest.param(every(15 * MINUTE), 30 * MINUTE, id="four an hour"),
        pytest.param(every(HOUR), HOUR, id="one an hour"),
        pytest.param(every(4 * HOUR), 2 * HOUR, id="a quarter of the entries: twice the time"),
        pytest.param(every(9999 * HOUR), LONGEST, id="rare: the ceiling"),
    ],
)
def test_the_interval_follows_the_rhythm(rhythm: Rhythm, interval: timedelta) -> None:
    found = plan(NOW, 1, rhythm=rhythm)

    assert interval * 0.97 <= found.at - NOW <= interval + min(interval / 10, MOST_JITTER)
    assert found.reason is Reason.RHYTHM


def test_a_small_window_is_not_left_to_fill() -> None:
    wide = due_in([(24.0, 20.0)], most=10, patience=4 * HOUR)
    small = due_in([(24.0, 20.0)], most=5, patience=4 * HOUR)

    assert (wide, small) == (HOUR / 2, HOUR / 4)


def test_quiet_hours_are_slept_through_and_the_poll_comes_after_the_first_entries() -> None:
    night = [(6.0, 0.0)]

    assert due_in([*night, (18.0, 1.0)], most=10, patience=PATIENCE) == 7 * HOUR
    assert due_in([(1.0, 0.5), *night], most=10, patience=PATIENCE) == 1.5 * HOUR


def test_patience_is_the_waits_of_all_entries_added_up() -> None:
    once = due_in([(24.0, 1.0)], most=100, patience=PATIENCE)
    fourfold = due_in([(24.0, 1.0)], most=100, patience=PATIENCE * 4)

    assert (once, fourfold) == (HOUR, 2 * HOUR)


def test_without_overlap_the_publishers_hint_does_not_count_and_that_is_the_reason() -> None:
    found = plan(NOW, 1, rhythm=every(HOUR), overlap=0.0, wishes=Wishes(ttl=6 * HOUR))

    assert found.reason is Reason.OVERLAP
    assert found.at - NOW <= HOUR * 1.1


def test_caution_makes_the_interval_shorter() -> None:
    usual, careful = (
        plan(NOW, 1, rhythm=every(HOUR, caution=caution)).at - NOW for caution in (1.0, 4.0)
    )

    assert careful <= usual * 0.55


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

    assert [wait // HOUR for wait in waits] == [1, 2, 4, 8, 16, 24, 24]


def test_feeds_of_one_host_do_not_come_due_at_one_instant() -> None:
    due = {next_poll_at(NOW, feed, wishes=Wishes(max_age=HOUR)) for feed in range(300)}

    assert len(due) > 150


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_a_retry_after_is_never_broken(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm | None, failures: int
) -> None:
    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert at >= now + min(wishes.retry_after or timedelta(), LONGEST_RETRY)


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_a_poll_is_never_earlier_than_max_age(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm | None, failures: int
) -> None:
    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert at >= now + min(wishes.max_age or timedelta(), LONGEST)


@given(moments, st.integers(1, 10**9), rhythms, st.integers(0, 50), spans)
def test_a_poll_lies_between_floor_and_ceiling(
    now: datetime, feed: int, rhythm: Rhythm | None, failures: int, max_age: timedelta
) -> None:
    wishes = Wishes(max_age=max_age)

    at = next_poll_at(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)

    assert now + SHORTEST <= at <= now + LONGEST + MOST_JITTER


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_one_more_failure_never_means_an_earlier_poll(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm | None, failures: int
) -> None:
    once = plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures)
    twice = plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures + 1)

    assert twice.at >= once.at - MOST_JITTER


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 500), st.floats(0, 500)), max_size=30))
def test_where_more_entries_are_expected_at_any_hour_the_poll_is_never_later(
    hours: list[tuple[float, float, float]],
) -> None:
    calm = due_in([(hour, rate) for hour, rate, _ in hours], most=10, patience=PATIENCE)
    busy = due_in([(hour, rate + more) for hour, rate, more in hours], most=10, patience=PATIENCE)

    assert busy <= calm + timedelta(microseconds=1)


@given(moments, rhythms, st.floats(1, 100), wishes, st.integers(0, 9))
def test_the_same_habits_with_more_entries_are_never_polled_later(
    now: datetime, rhythm: Rhythm | None, factor: float, asked: Wishes, failures: int
) -> None:
    assume(rhythm is not None)
    assert rhythm is not None
    asked = replace(asked, skip_hours=(), skip_days=())
    busier = replace(rhythm, came=tuple(count * factor for count in rhythm.came))

    calm = plan(now, 1, wishes=asked, rhythm=rhythm, failures=failures)
    busy = plan(now, 1, wishes=asked, rhythm=busier, failures=failures)

    assert busy.at <= calm.at + MOST_JITTER


@given(moments, rhythms, st.floats(1, 4), st.integers(0, 200))
def test_more_caution_or_a_smaller_window_is_never_polled_later(
    now: datetime, rhythm: Rhythm | None, factor: float, less: int
) -> None:
    assume(rhythm is not None)
    assert rhythm is not None
    careful = replace(rhythm, caution=rhythm.caution * factor, window=max(rhythm.window - less, 1))

    assert (
        next_poll_at(now, 1, rhythm=careful) <= next_poll_at(now, 1, rhythm=rhythm) + MOST_JITTER
    )


@given(moments, rhythms, wishes, spans)
def test_a_longer_wish_never_means_an_earlier_poll(
    now: datetime, rhythm: Rhythm | None, asked: Wishes, more: timedelta
) -> None:
    asked = replace(asked, skip_hours=(), skip_days=())
    longer = [
        replace(asked, max_age=(asked.max_age or ZERO) + more),
        replace(asked, retry_after=(asked.retry_after or ZERO) + more),
        replace(asked, ttl=(asked.ttl or ZERO) + more),
    ]

    earliest = next_poll_at(now, 1, wishes=asked, rhythm=rhythm) - MOST_JITTER

    assert all(next_poll_at(now, 1, wishes=wish, rhythm=rhythm) >= earliest for wish in longer)


@given(moments, st.integers(1, 10**9), wishes, rhythms, st.integers(0, 50))
def test_the_same_question_gets_the_same_answer(
    now: datetime, feed: int, wishes: Wishes, rhythm: Rhythm | None, failures: int
) -> None:
    answers = [plan(now, feed, wishes=wishes, rhythm=rhythm, failures=failures) for _ in range(2)]

    assert answers[0] == answers[1]


@given(moments, wishes, rhythms, st.integers(0, 50))
def test_a_skipped_hour_is_never_polled_in(
    now: datetime, wishes: Wishes, rhythm: Rhythm | None, failures: int
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


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=1)), moments)
def test_a_host_rests_for_its_gap_and_up_to_a_fifth_more(gap: timedelta, at: datetime) -> None:
    assert gap <= rest_of("paper.example", gap, now=at) <= gap * 1.2


def test_one_gap_is_not_as_long_as_the_next() -> None:
    rests = {rest_of("paper.example", MINUTE, now=NOW + timedelta(seconds=n)) for n in range(50)}

    assert len(rests) > 40
    assert max(rests) - min(rests) > MINUTE / 10
