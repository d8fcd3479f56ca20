"""A capture understood."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from archive_values import feed_named
from newsreel.core.reading import read
from newsreel.model.capture import Capture, Fault, FaultKind
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
