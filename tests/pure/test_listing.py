"""What people see: word diffs, plain text, spans, states."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_values import NOON, feed_named
from newsreel.cli.feeds import Interval, feed_row
from newsreel.cli.listing import plain, shown, span
from newsreel.cli.show import word_diff
from newsreel.core.states import Condition, LeftAlone, condition_of, state_of, why_left_alone
from newsreel.model.feed import FeedStatus
from newsreel.model.host import HostState

words = st.text(st.sampled_from("ab <>\n\tż…"), max_size=20)


def test_a_word_diff_shows_what_went_and_what_came() -> None:
    found = word_diff("Ferry may run again", "Ferry runs again today")

    assert click.unstyle(found) == "Ferry [-may run-]{+runs+} again{+ today+}"


def test_tags_are_compared_apart_from_their_words() -> None:
    found = click.unstyle(word_diff("<p>One</p>", "<p>Two</p>"))

    assert found == "<p>[-One</p>-]{+Two</p>+}".replace("</p>-]", "-]").replace("</p>+}", "+}</p>")


@given(words, words)
def test_a_word_diff_holds_both_wordings(old: str, new: str) -> None:
    found = click.unstyle(word_diff(old, new))

    assert re.sub(r"\[-.*?-\]", "", found).replace("{+", "").replace("+}", "") == plain(new)
    assert re.sub(r"\{\+.*?\+\}", "", found).replace("[-", "").replace("-]", "") == plain(old)


@given(words)
def test_equal_wordings_differ_in_nothing(text: str) -> None:
    assert word_diff(text, text) == plain(text)


@given(st.text())
def test_plain_text_can_play_no_tricks_on_a_terminal(text: str) -> None:
    found = plain(text)

    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (12, "12"),
        ([], "–"),
        (["a", "b\x1b[2J"], "a, b [2J"),
        (datetime(2026, 3, 4, 12, 30, 59, tzinfo=UTC), "2026-03-04 12:30"),
        (timedelta(minutes=90), "90m"),
        ("two\nlines", "two lines"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert shown(value) == text


@given(st.integers(1, 31 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)))
def test_a_span_that_is_shown_can_be_given(length: timedelta) -> None:
    assert Interval().convert(span(length), None, None) == length


@pytest.mark.parametrize(
    "text", ["", "5", "h", "0m", "32d", "1.5h", "-1h", "٣h", "9999999m", "1w"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Interval().convert(text, None, None)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "new"),
        ({"last_poll_at": NOON}, "active"),
        ({"last_poll_at": NOON, "is_private": True}, "active, private"),
        ({"failures": 3, "fault": "http-503"}, "backing off: http-503 (3×)"),
        ({"failures": 1, "fault": "challenge"}, "challenged: asked to prove that we are no robot"),
        (
            {"moved_to": "https://b.example/?token=4f9d8a7b6c5e4d3c"},
            "moving to https://b.example/",
        ),
        ({"status": FeedStatus.GONE}, "gone: the publisher ended it (410)"),
        ({"status": FeedStatus.PAUSED, "failures": 2}, "paused"),
        ({"status": FeedStatus.REMOVED}, "removed"),
        ({"status": FeedStatus.ARCHIVED}, "archived"),
    ],
)
def test_a_feeds_state_is_told_in_plain_words(fields: dict[str, object], state: str) -> None:
    told = state_of(replace(feed_named(), **fields))  # type: ignore[arg-type]

    assert told.startswith(state)
    assert "4f9d8a7b6c5e4d3c" not in told


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({}, Condition.NEW),
        ({"last_poll_at": NOON}, Condition.ACTIVE),
        ({"failures": 1, "fault": "dns"}, Condition.BACKING_OFF),
        ({"failures": 1, "fault": "challenge"}, Condition.CHALLENGED),
        ({"last_poll_at": NOON, "moved_to": "https://b.example/"}, Condition.MOVING),
        *(
            ({"status": status}, Condition(status.value))
            for status in FeedStatus
            if status is not FeedStatus.ACTIVE
        ),
    ],
)
def test_what_a_feed_is_up_to_is_one_word(fields: dict[str, object], condition: Condition) -> None:
    assert condition_of(replace(feed_named(), **fields)) is condition  # type: ignore[arg-type]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "closed_until", "expected"),
    [
        ({"status": FeedStatus.PAUSED}, NOON + HOUR, LeftAlone("paused")),
        (
            {},
            NOON + HOUR,
            LeftAlone(f"its host asked us to wait until {shown(NOON + HOUR)}", NOON + HOUR),
        ),
        ({"last_poll_at": NOON}, NOON, LeftAlone("another process has just polled it")),
        (
            {"last_poll_at": NOON - HOUR, "next_poll_at": NOON + HOUR},
            None,
            LeftAlone(
                f"its publisher asked us to wait; next poll {shown(NOON + HOUR)}", NOON + HOUR
            ),
        ),
        (
            {"last_poll_at": NOON - HOUR, "next_poll_at": NOON},
            None,
            LeftAlone("another process is polling it"),
        ),
    ],
)
def test_why_a_feed_is_left_alone_is_told(
    fields: dict[str, object], closed_until: datetime | None, expected: LeftAlone
) -> None:
    feed = replace(feed_named(), **fields)  # type: ignore[arg-type]
    host = HostState(feed.host, closed_until)

    assert why_left_alone(feed, host, asked_at=NOON) == expected


def test_no_row_of_a_listing_holds_a_credential() -> None:
    url = "https://ada:quill-pen@press.example/feed?token=4f9d8a7b6c5e4d3c"

    nameless = feed_row(replace(feed_named(), url=url, site_url=url, title=None))
    called_so = feed_row(replace(feed_named(), url=url, title=url))

    for row in (nameless, called_so):
        assert "quill-pen" not in repr(row)
        assert "4f9d8a7b6c5e4d3c" not in repr(row)
