"""A feed's own rhythm: what is learned of it, and what polling by it comes to."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_values import feed_named
from newsreel.core.conclude import conclude
from newsreel.core.normalize import sightings_of
from newsreel.core.rhythm import (
    LEAST_WINDOW,
    MOST_CAUTION,
    TRUSTED,
    Rhythm,
    first_rhythm,
    learned,
    rates,
    watched,
)
from newsreel.core.schedule import LONGEST, MOST_JITTER, next_poll_at
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.entry import FeedFormat, ParsedEntry, ParsedFeed, Sighting
from newsreel.model.feed import Feed, IdentityPolicy
from newsreel.model.poll import Changes, NewEntry, Outcome, Reading

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)  # a Wednesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEDNESDAY = 24 + 2

times = st.timedeltas(-30 * DAY, 400 * DAY).map(lambda ago: NOW - ago)
lessons = st.lists(
    st.tuples(
        st.timedeltas(MINUTE, 90 * DAY),
        st.lists(st.none() | times, max_size=30),
        st.integers(0, 10**6),
        st.none() | st.floats(0, 1),
    ),
    max_size=8,
)


def taught(lessons: list[tuple[timedelta, list[datetime | None], int, float | None]]) -> Rhythm:
    now, rhythm = NOW, first_rhythm([], NOW, window=0)
    for wait, entries_at, window, overlap in lessons:
        now += wait
        rhythm = learned(rhythm, entries_at, now, window=window, overlap=overlap)
    return rhythm


def expected(rhythm: Rhythm, begin: datetime, span: timedelta = HOUR) -> float:
    return sum(hours * rate for hours, rate in rates(rhythm, begin, span))


def test_an_entry_counts_for_its_hour_of_the_day_and_its_day_of_the_week() -> None:
    before = Rhythm(until=(NOW - HOUR).timestamp())

    after = learned(before, [NOW - 30 * MINUTE], NOW, window=30)

    assert after.came[9] == after.came[WEDNESDAY] == 1
    assert sum(after.came) == 2


def test_what_was_watched_counts_by_the_minute() -> None:
    after = watched(Rhythm(until=(NOW - 2 * HOUR).timestamp()), NOW)

    assert [round(after.watched[hour], 3) for hour in (8, 9, 10, 11)] == [0.667, 1, 0.333, 0]
    assert after.watched[WEDNESDAY] == pytest.approx(2)


def test_weeks_of_silence_count_for_all_hours_and_days_alike() -> None:
    after = watched(Rhythm(until=(NOW - 14 * DAY).timestamp()), NOW)

    assert after.watched[:24] == pytest.approx([14] * 24)
    assert after.watched[24:] == pytest.approx([48] * 7)


def test_entries_of_no_or_an_impossible_date_are_spread_over_the_time_between_the_polls() -> None:
    before = Rhythm(until=(NOW - 4 * HOUR).timestamp())

    after = learned(before, [None, NOW - DAY, NOW + DAY, NOW - 90 * DAY], NOW, window=30)

    assert after.came[6:11] == (1, 1, 1, 1, 0)


def test_a_feed_that_publishes_by_day_is_expected_to_do_so_tomorrow() -> None:
    rhythm, now = first_rhythm([], NOW, window=30), NOW
    for _ in range(24 * 14):
        now += HOUR
        new = [now - 30 * MINUTE] * 2 if 8 <= now.hour < 18 else []
        rhythm = learned(rhythm, new, now, window=30)

    noon, night = (now.replace(hour=hour, minute=0) + DAY for hour in (12, 3))

    assert expected(rhythm, noon) == pytest.approx(2, rel=0.25)
    assert expected(rhythm, night) < 0.25


def test_a_feed_that_rests_on_sundays_is_expected_to_rest() -> None:
    rhythm, now = first_rhythm([], NOW, window=30), NOW
    for _ in range(24 * 28):
        now += HOUR
        new = [] if now.weekday() == 6 else [now - MINUTE]
        rhythm = learned(rhythm, new, now, window=30)

    sunday = now.replace(hour=0) + (6 - now.weekday()) * DAY

    assert expected(rhythm, sunday, DAY) < 4
    assert expected(rhythm, sunday + DAY, DAY) > 18


def test_habits_of_long_ago_fade() -> None:
    busy = learned(Rhythm(until=(NOW - DAY).timestamp()), [None] * 240, NOW, window=30)

    week, year = watched(busy, NOW + 7 * DAY), watched(busy, NOW + 365 * DAY)

    assert busy.rate > 9
    assert 0.5 < week.rate < 2
    assert year.rate < 0.01


def test_the_first_body_tells_by_its_middle_date_whatever_is_pinned_below() -> None:
    recent = [NOW - n * HOUR for n in range(10)]

    plain = first_rhythm(recent, NOW, window=10)
    pinned = first_rhythm([*recent, NOW - 2000 * DAY], NOW, window=11)

    assert plain.rate == pytest.approx(1)
    assert pinned.rate == pytest.approx(1)


def test_the_dates_of_a_first_body_are_worth_two_days_of_watching_at_most() -> None:
    rare = first_rhythm([NOW - n * 10 * DAY for n in range(10)], NOW, window=10)
    ancient = first_rhythm([NOW - 4000 * DAY] * 10, NOW, window=10)

    assert sum(rare.watched[:24]) * HOUR <= TRUSTED * 1.001
    assert sum(ancient.watched[:24]) * HOUR <= TRUSTED * 1.001
    assert next_poll_at(NOW, 1, rhythm=ancient) < NOW + 12 * HOUR


@pytest.mark.parametrize("dates", [[], [NOW], [NOW + DAY]], ids=["none", "now", "to come"])
def test_a_first_body_without_usable_dates_leaves_it_at_an_hour(dates: list[datetime]) -> None:
    rhythm = first_rhythm(dates, NOW, window=3)

    assert HOUR <= next_poll_at(NOW, 1, rhythm=rhythm) - NOW <= 1.2 * HOUR
    assert rhythm.window == LEAST_WINDOW


@pytest.mark.parametrize(("overlap", "caution"), [(0.0, 2.0), (0.1, 1.5), (0.9, 1.0), (None, 1.0)])
def test_the_less_a_poll_recognised_the_more_careful_the_next(
    overlap: float | None, caution: float
) -> None:
    before = Rhythm(until=NOW.timestamp())

    assert learned(before, [], NOW, window=30, overlap=overlap).caution == caution


def test_caution_has_an_end_and_passes() -> None:
    rhythm = Rhythm(until=NOW.timestamp())
    for _ in range(9):
        rhythm = learned(rhythm, [], NOW, window=30, overlap=0.0)

    assert rhythm.caution == MOST_CAUTION
    assert watched(rhythm, NOW + 7 * DAY).caution < 1.1


@given(lessons)
def test_what_was_learned_fits_in_a_kilobyte_and_is_read_back(
    lessons: list[tuple[timedelta, list[datetime | None], int, float | None]],
) -> None:
    rhythm = taught(lessons)

    written = json.dumps(rhythm.as_json())
    read = Rhythm.of_json(json.loads(written))

    assert len(written) < 900
    assert read is not None
    assert read.as_json() == rhythm.as_json()
    assert read.rate == pytest.approx(rhythm.rate, abs=0.2)


@given(lessons)
def test_whatever_was_learned_the_next_poll_lies_within_a_day(
    lessons: list[tuple[timedelta, list[datetime | None], int, float | None]],
) -> None:
    rhythm = taught(lessons)
    now = datetime.fromtimestamp(rhythm.until, UTC)

    assert all(value >= 0 for value in rhythm.came + rhythm.watched)
    assert now < next_poll_at(now, 1, rhythm=rhythm) <= now + LONGEST + MOST_JITTER


@given(lessons, times)
def test_a_clock_that_was_set_back_unlearns_nothing(
    lessons: list[tuple[timedelta, list[datetime | None], int, float | None]], now: datetime
) -> None:
    rhythm = taught(lessons)

    after = learned(rhythm, [], now, window=rhythm.window)

    assert after.until == max(rhythm.until, now.timestamp())
    assert sum(after.watched) >= 0


@given(st.integers(0, 30), st.integers(0, 30))
def test_more_silence_never_means_an_earlier_poll(less: int, more: int) -> None:
    rhythm = learned(Rhythm(until=(NOW - 7 * DAY).timestamp()), [None] * 70, NOW, window=30)
    short, long = (NOW + 7 * DAY * weeks for weeks in sorted((less, less + more)))

    waits = [next_poll_at(at, 1, rhythm=watched(rhythm, at)) - at for at in (short, long)]

    assert waits[1] >= waits[0] - MOST_JITTER


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"until": 1, "came": [1], "watched": [2], "window": 3, "caution": 1},
        {"until": 1, "came": 5, "watched": 5, "window": 3, "caution": 1},
    ],
    ids=["nothing", "a list", "empty", "too short", "numbers"],
)
def test_what_is_no_rhythm_is_as_good_as_none(found: object) -> None:
    assert Rhythm.of_json(found) is None  # type: ignore[arg-type]


# Through a poll's conclusions ---------------------------------------------------------------


def sightings(*published_at: datetime) -> tuple[Sighting, ...]:
    parsed = ParsedFeed(
        format=FeedFormat.RSS,
        entries=tuple(
            ParsedEntry(guid=f"{at.timestamp():.0f}", title="T", published=at.isoformat())
            for at in published_at
        ),
    )
    return sightings_of(
        parsed, url="https://p.example/", fetched_at=NOW, policy=IdentityPolicy.GUID
    )[0]


def polled(
    feed: Feed,
    now: datetime,
    new: tuple[Sighting, ...] = (),
    kept: range = range(0),
    **was: object,
) -> Feed:
    """Poll a feed in which ``new`` stands beside the entries numbered by ``kept``."""
    before = was.get("before", kept)
    assert isinstance(before, range)
    outcome = was.get("outcome", Outcome.OK if new else Outcome.NOT_MODIFIED)
    fault = Fault(FaultKind.TIMEOUT, "") if outcome is Outcome.FAILED else None
    capture = Capture(url=feed.url, final_url=feed.url, fetched_at=now, status=200, fault=fault)
    reading = Reading(capture=capture, outcome=Outcome(str(outcome)), fault=fault, sightings=new)
    entries = tuple(
        NewEntry(sighting=one, public_id="", day=now.date(), first_seen_at=now, absent_at=None)
        for one in new
    )
    changes = Changes(new=entries, seen=tuple(kept), overlap=len(kept) if before else None)
    return conclude(feed, reading, changes, window=before, now=now).feed


def rhythm_in(feed: Feed) -> Rhythm:
    rhythm = Rhythm.of_json(feed.hints["rhythm"])
    assert rhythm is not None
    return rhythm


FEED = feed_named(added_at=NOW - DAY)


def test_a_first_poll_learns_from_all_that_stands_in_the_feed() -> None:
    after = polled(FEED, NOW, sightings(*(NOW - n * HOUR for n in range(20))))

    assert rhythm_in(after).window == 20
    assert rhythm_in(after).rate == pytest.approx(1)


def test_later_polls_learn_from_what_is_new() -> None:
    first = polled(FEED, NOW, sightings(*(NOW - n * HOUR for n in range(20))))

    second = polled(first, NOW + HOUR, sightings(NOW + 30 * MINUTE), range(20))

    assert rhythm_in(second).came[10] == pytest.approx(rhythm_in(first).came[10] + 1, abs=0.02)
    assert rhythm_in(second).until == (NOW + HOUR).timestamp()


def test_the_window_is_known_once_something_fell_out_of_it() -> None:
    first = polled(FEED, NOW, sightings(NOW - HOUR))
    growing = polled(first, NOW + HOUR, sightings(NOW + MINUTE), range(11), before=range(11))
    full = polled(growing, NOW + 2 * HOUR, sightings(NOW + HOUR), range(4, 11), before=range(11))

    assert [rhythm_in(feed).window for feed in (first, growing, full)] == [LEAST_WINDOW, 12, 8]


def test_a_poll_without_overlap_is_followed_sooner_than_one_with() -> None:
    first = polled(FEED, NOW, sightings(*(NOW - n * HOUR for n in range(20))))
    new = sightings(*(NOW + n * MINUTE for n in range(20)))

    alone = polled(first, NOW + HOUR, new, range(0), before=range(20))
    beside = polled(first, NOW + HOUR, new, range(20))

    assert alone.next_poll_at is not None
    assert beside.next_poll_at is not None
    assert rhythm_in(alone).caution == 2
    assert alone.next_poll_at < beside.next_poll_at


def test_unchanged_bodies_write_nothing_and_lengthen_the_interval_all_the_same() -> None:
    feed = first = polled(FEED, NOW, sightings(*(NOW - n * HOUR for n in range(20))))
    waits = []
    for _ in range(12):
        now = feed.next_poll_at
        assert now is not None
        feed = polled(feed, now)
        assert feed.next_poll_at is not None
        waits.append(feed.next_poll_at - now)

    assert feed.hints == first.hints
    assert waits[-1] > waits[0] * 1.5


def test_failed_polls_are_no_silence() -> None:
    first = polled(FEED, NOW, sightings(*(NOW - n * HOUR for n in range(20))))
    away = replace(first, failures=0, last_poll_at=NOW + 9 * DAY)

    failed = polled(away, NOW + 10 * DAY, outcome=Outcome.FAILED)

    assert failed.next_poll_at is not None
    assert failed.next_poll_at - (NOW + 10 * DAY) < 3 * HOUR  # twice the interval of before


def test_a_feed_of_bursts_is_captured_whole_sooner_and_with_fewer_requests_once_it_is_known() -> (
    None
):
    """Two weeks of a feed of ten entries that brings fifteen within three hours, once a day."""
    came = [
        NOW.replace(hour=7, minute=0) + day * DAY + n * 12 * MINUTE
        for day in range(14)
        for n in range(15)
    ]

    ours, first_day = lived(came, by_rhythm=True), lived(came[:15], by_rhythm=True)
    hourly = lived(came, by_rhythm=False)

    assert ours.missed == first_day.missed <= 5
    assert hourly.missed == 0
    assert ours.requests < hourly.requests * 0.7
    assert ours.delay < hourly.delay * 0.9


def test_a_rare_feed_is_captured_whole_with_a_fifth_of_the_requests() -> None:
    came = [NOW + day * DAY for day in range(0, 28, 3)]

    ours, hourly = lived(came, by_rhythm=True), lived(came, by_rhythm=False)

    assert ours.missed == 0
    assert ours.requests < hourly.requests / 5


class lived:  # noqa: N801
    """Polls of one feed until its last entry is captured: how many, and what they cost."""

    def __init__(self, came: list[datetime], *, by_rhythm: bool, window: int = 10) -> None:
        self.requests = self.missed = 0
        self.delay = timedelta()
        feed, now, low, high = FEED, NOW - DAY, 0, 0
        while high < len(came):
            upto = sum(1 for at in came if at <= now)
            first = max(upto - window, 0)
            fresh = range(max(first, high), upto)
            self.requests += 1
            self.missed += max(first - high, 0)
            self.delay += sum((now - came[n] for n in fresh), timedelta())
            new = sightings(*(came[n] for n in fresh))
            outcome = Outcome.OK if new or not feed.last_poll_at else Outcome.NOT_MODIFIED
            feed = polled(
                feed, now, new, range(first, high), before=range(low, high), outcome=outcome
            )
            assert feed.next_poll_at is not None
            now = feed.next_poll_at if by_rhythm else now + HOUR
            low, high = first, upto
