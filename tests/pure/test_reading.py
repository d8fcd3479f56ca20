"""A capture understood."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from archive_values import feed_named
from newsreel.core.reading import read
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.entry import Json
from newsreel.model.feed import PageRules
from newsreel.model.poll import Outcome
from polled_world import item, rss

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
FEED = feed_named()


def capture_of(body: bytes, **fields: object) -> Capture:
    usual = Capture(
        url=FEED.url,
        final_url=FEED.url,
        fetched_at=NOW,
        status=200,
        body=body,
        digest=sha256(body).digest(),
    )
    return replace(usual, **fields)  # type: ignore[arg-type]


def test_a_feed_is_read_with_its_facts_and_its_sightings() -> None:
    body = rss([item("a"), item("b")], title=" The \n Press ")

    reading = read(FEED, capture_of(body))

    assert reading.outcome is Outcome.OK
    assert reading.fault is None
    assert reading.facts.title == "The Press"
    assert [found.guid for found in reading.sightings] == ["press-a", "press-b"]


def test_a_fault_of_the_exchange_is_a_failure() -> None:
    fault = Fault(FaultKind.TIMEOUT, "not done within 30 s")

    reading = read(FEED, capture_of(b"", status=None, fault=fault))

    assert (reading.outcome, reading.fault) == (Outcome.FAILED, fault)
    assert reading.hints is None


def test_304_and_the_body_of_last_time_are_not_modified() -> None:
    body = rss([item("a")])
    feed = replace(FEED, body_digest=sha256(body).digest())

    unmodified = replace(capture_of(b"", status=304), body=None, digest=None)
    assert read(FEED, unmodified).outcome is Outcome.NOT_MODIFIED
    assert read(feed, capture_of(body)).outcome is Outcome.NOT_MODIFIED
    assert read(feed, capture_of(rss([item("b")]))).outcome is Outcome.OK


def test_what_is_no_feed_is_a_failure_with_the_reason() -> None:
    reading = read(FEED, capture_of(b"<html><p>Welcome</p></html>"))

    assert reading.outcome is Outcome.FAILED
    assert reading.fault is not None
    assert reading.fault.kind is FaultKind.NOT_A_FEED
    assert reading.fault.detail


def test_no_link_inherits_user_and_password_of_the_feeds_address() -> None:
    url = "https://ada:quill-pen@press.example/feed"
    body = rss([item("a", link="/n/1")]).replace(b"<item>", b"<link>/home</link><item>")

    reading = read(FEED, capture_of(body, url=url, final_url=url))

    (found,) = reading.sightings
    assert found.content.permalink == "https://press.example/n/1"
    assert reading.facts.site_url == "https://press.example/home"
    assert "quill" not in repr(replace(reading, capture=capture_of(b"")))


def test_no_link_inherits_the_token_of_an_address_that_a_public_feed_was_redirected_to() -> None:
    body = rss([item("a", link="#a")]).replace(b"<item>", b"<link>?home</link><item>")
    secret = "https://cdn.example/t/new?apikey=quill-pen-48213"

    reading = read(FEED, capture_of(body, final_url=secret))

    (found,) = reading.sightings
    assert found.content.permalink == FEED.url + "#a"
    assert "quill" not in repr(replace(reading, capture=capture_of(b"")))


def test_an_entry_in_which_a_body_was_cut_off_is_left_for_the_next_poll() -> None:
    body = rss([item("a"), item("b"), item("c")])
    cut = body[: body.index(b"press-c") + 60]

    whole = read(FEED, capture_of(body))
    short = read(FEED, capture_of(cut, is_cut=True))

    assert [one.guid for one in whole.sightings] == ["press-a", "press-b", "press-c"]
    assert [one.guid for one in short.sightings] == ["press-a", "press-b"]
    assert (whole.is_truncated, short.is_truncated) == (False, True)


def test_hints_hold_what_the_publisher_wishes_and_nothing_else() -> None:
    body = rss([item("a")])
    wish = b"<ttl>90</ttl><skipHours><hour>3</hour></skipHours><item>"

    told = read(FEED, capture_of(body.replace(b"<item>", wish))).hints
    silent = read(FEED, capture_of(rss([]))).hints

    assert told is not None
    assert (told["ttl_minutes"], told["skip_hours"]) == (90, [3])
    assert "skip_days" not in told
    assert silent == {}


PAGE = b"<title>The Town</title><li><a href=/a>A bridge</a><li><a href=/b>A boat</a>"


def test_a_feed_with_selectors_is_read_as_a_page() -> None:
    feed = replace(FEED, page_rules=PageRules(entries="li"))

    reading = read(feed, capture_of(PAGE))

    assert reading.outcome is Outcome.OK
    assert (reading.facts.title, reading.facts.site_url) == ("The Town", FEED.url)
    assert [found.content.title for found in reading.sightings] == ["A bridge", "A boat"]
    assert reading.hints is not None
    assert reading.hints["page_rules"] == {"entries": "li"}


def test_selectors_that_find_nothing_are_a_failure_of_their_own() -> None:
    feed = replace(FEED, page_rules=PageRules(entries="article"))

    reading = read(feed, capture_of(PAGE))

    assert reading.outcome is Outcome.FAILED
    assert reading.fault is not None
    assert reading.fault.kind is FaultKind.NO_ENTRIES
    assert "'article'" in reading.fault.detail


@pytest.mark.parametrize(
    ("former", "rules", "is_anew"),
    [
        ({"entries": "li"}, PageRules(entries="li"), False),
        ({"entries": "a"}, PageRules(entries="li"), True),
        ({"entries": "li", "title": "a"}, PageRules(entries="li"), True),
        (None, PageRules(entries="li"), True),
        ({"entries": "li"}, None, True),
        (None, None, False),
    ],
)
def test_the_same_body_is_read_again_by_other_selectors(
    former: dict[str, Json] | None, rules: PageRules | None, is_anew: bool
) -> None:
    body = PAGE if rules is not None else rss([item("a")])
    hints: dict[str, Json] = {"page_rules": {**former}} if former is not None else {}
    feed = replace(FEED, page_rules=rules, hints=hints, body_digest=sha256(body).digest())

    reading = read(feed, capture_of(body))

    assert feed.is_read_anew is is_anew
    assert reading.outcome is (Outcome.OK if is_anew else Outcome.NOT_MODIFIED)


def test_a_cut_page_is_read_without_its_last_entry() -> None:
    feed = replace(FEED, page_rules=PageRules(entries="li"))

    reading = read(feed, capture_of(PAGE[:-8], is_cut=True))

    assert [found.content.title for found in reading.sightings] == ["A bridge"]
    assert reading.is_truncated
