"""What is decided about hubs: whom to ask, when, and what to believe."""

import hmac
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.core.hubs import (
    LEASE,
    Question,
    Step,
    announced_by,
    announcement_in,
    answered,
    asked,
    confirmed,
    is_of_topic,
    is_ours,
    is_signed,
    request_body,
    state_of,
    step_for,
    wanted_for,
)
from newsreel.core.reading import read
from newsreel.core.rhythm import first_rhythm
from newsreel.core.schedule import LONGEST, MOST_JITTER, Reason, Wishes, plan
from newsreel.formats.document import parse
from newsreel.formats.links import HeaderLink, links_in
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.feed import Feed, FeedStatus, PageRules, RequestOptions
from newsreel.model.hub import Announcement, HubStatus, HubSubscription
from newsreel.model.poll import Outcome
from polled_world import DAY, HOUR, MINUTE, MORNING, PRESS

HUB, TOPIC = "https://hub.example/", "https://press.example/feed"
OURS = Announcement(HUB, TOPIC)
HINTS = {"hub": HUB, "topic": TOPIC}
FEED = Feed(
    id=1, url=PRESS, first_url=PRESS, file_name="press", host="press.example",
    added_at=MORNING, hints=HINTS,
)  # fmt: skip


def subscription(**fields: object) -> HubSubscription:
    usual: dict[str, object] = {
        "feed_id": 1,
        "announced": OURS,
        "token": "t0ken",
        "secret": "s3cret",
        "status": HubStatus.ASKED,
        "asked_at": MORNING,
        "next_at": MORNING + HOUR,
    }
    return HubSubscription(**(usual | fields))  # type: ignore[arg-type]


def verified(**fields: object) -> HubSubscription:
    usual = {"status": HubStatus.VERIFIED, "lease_until": MORNING + 10 * DAY}
    return subscription(**(usual | fields))


def links(**told: str) -> list[HeaderLink]:
    return [HeaderLink(target, frozenset((rel,))) for rel, target in told.items()]


def feed_of(body: str) -> bytes:
    atom = 'xmlns:a="http://www.w3.org/2005/Atom"'
    item = "<item><title>A</title></item>"
    return f'<rss version="2.0" {atom}><channel>{body}{item}</channel></rss>'.encode()


# --- discovery


@pytest.mark.parametrize(
    ("in_headers", "body", "expected"),
    [
        ({}, "", None),
        ({}, f'<a:link rel="hub" href="{HUB}"/>', Announcement(HUB, PRESS)),
        ({"hub": HUB}, "", Announcement(HUB, PRESS)),
        ({"hub": HUB, "self": TOPIC + "?1"}, "", Announcement(HUB, TOPIC + "?1")),
        ({"hub": HUB}, '<a:link rel="hub" href="https://x.example/"/>', Announcement(HUB, PRESS)),
        ({"hub": "/hub"}, "", Announcement("https://press.example/hub", PRESS)),
        ({"hub": "ftp://hub.example/"}, "", None),
        ({"hub": "https://hub.example/" + "x" * 2000}, "", None),
        (
            {},
            f'<a:link rel="hub" href="{HUB}"/><a:link rel="self" href="https://press.example/x"/>',
            Announcement(HUB, "https://press.example/x"),
        ),
        (
            {"self": "https://press.example/y"},
            f'<a:link rel="hub" href="{HUB}"/><a:link rel="self" href="https://press.example/x"/>',
            Announcement(HUB, "https://press.example/y"),
        ),
    ],
)  # fmt: skip
def test_headers_win_over_the_body(
    in_headers: dict[str, str], body: str, expected: Announcement | None
) -> None:
    parsed = parse(feed_of(body), content_type="application/rss+xml", url=PRESS)

    assert announcement_in(links(**in_headers), parsed, base=PRESS) == expected


def test_what_a_poll_announces_is_kept_with_the_feed() -> None:
    head = f"HTTP/1.1 200 OK\r\nLink: <{HUB}>; rel=hub\r\nLink: <{TOPIC}>; rel=self".encode()
    body = feed_of("<ttl>60</ttl>")
    capture = Capture(url=PRESS, final_url=PRESS, fetched_at=MORNING, body=body, head=head)

    reading = read(replace(FEED, hints={}), capture)

    assert reading.outcome is Outcome.OK
    assert reading.hints is not None
    assert announced_by(replace(FEED, hints=reading.hints)) == OURS


def test_what_was_redirected_is_remembered_for_links_in_pushes() -> None:
    head = f"HTTP/1.1 200 OK\r\nLink: <{HUB}>; rel=hub".encode()
    elsewhere = "https://press.example/en/feed"
    capture = Capture(
        url=PRESS, final_url=elsewhere, fetched_at=MORNING, body=feed_of(""), head=head
    )

    reading = read(replace(FEED, hints={}), capture)

    assert reading.hints == {"hub": HUB, "topic": elsewhere, "base": elsewhere}


@pytest.mark.parametrize(
    "changed",
    [
        {"hints": {}},
        {"is_private": True},
        {"status": FeedStatus.PAUSED},
        {"status": FeedStatus.GONE},
        {"page_rules": PageRules(entries="article")},
        {"request_options": RequestOptions(user="me", password="pen")},
        {"hints": {"hub": HUB, "topic": TOPIC + "?token=4f9d8a7b6c5e4d3c2b1a"}},
        {"hints": {"hub": "https://me:pen@hub.example/", "topic": TOPIC}},
        {"hints": {"hub": 1, "topic": TOPIC}},
    ],
)
def test_a_hub_is_told_nothing_that_is_secret(changed: dict[str, object]) -> None:
    feed = replace(FEED, **changed)  # type: ignore[arg-type]

    assert wanted_for(FEED) == OURS
    assert wanted_for(feed) is None
    assert step_for(feed, None, now=MORNING) is None


# --- steps


def test_a_clock_that_was_set_back_puts_off_no_renewal() -> None:
    ahead = MORNING + 365 * DAY
    found = verified(asked_at=ahead, next_at=ahead + 8 * DAY, lease_until=ahead + 10 * DAY)

    assert step_for(FEED, found, now=MORNING) is Step.SUBSCRIBE
    asked_again = asked(found, Step.SUBSCRIBE, now=MORNING)
    assert step_for(FEED, asked_again, now=MORNING + MINUTE) is None


def test_a_feed_with_a_hub_is_subscribed_and_others_are_not() -> None:
    assert step_for(FEED, None, now=MORNING) is Step.SUBSCRIBE
    assert step_for(replace(FEED, hints={}), None, now=MORNING) is None


def test_a_hub_that_does_not_confirm_is_asked_again_later_and_later() -> None:
    found, now, waits = subscription(), MORNING, []
    for _ in range(8):
        found = asked(found, Step.SUBSCRIBE, now=now)
        waits.append((found.next_at - now) / HOUR)
        assert step_for(FEED, found, now=found.next_at - MINUTE) is None
        assert step_for(FEED, found, now=found.next_at) is Step.SUBSCRIBE
        now = found.next_at

    assert waits == [1, 2, 4, 8, 16, 24, 24, 24]


@given(st.integers(3600, 40_000_000))
def test_a_lease_is_renewed_before_its_end(seconds: int) -> None:
    pending = asked(subscription(), Step.SUBSCRIBE, now=MORNING)
    question = Question(mode="subscribe", topic=TOPIC, lease_seconds=str(seconds))

    found = confirmed(pending, question, now=MORNING)

    assert found is not None and found.lease_until is not None  # noqa: PT018 - one thing
    granted = found.lease_until - MORNING
    assert found.status is HubStatus.VERIFIED
    assert granted == min(timedelta(seconds=seconds), 366 * DAY)
    assert 0.69 * granted <= found.next_at - MORNING <= 0.851 * granted
    assert step_for(FEED, found, now=found.next_at) is Step.SUBSCRIBE


@pytest.mark.parametrize("text", ["", "soon", "-5", "١٢"])
def test_a_hub_that_names_no_lease_is_taken_at_our_word(text: str) -> None:
    pending = asked(subscription(), Step.SUBSCRIBE, now=MORNING)

    found = confirmed(
        pending, Question(mode="subscribe", topic=TOPIC, lease_seconds=text), now=MORNING
    )

    assert found is not None
    assert found.lease_until == MORNING + LEASE


def test_a_tiny_lease_is_not_renewed_without_end() -> None:
    pending = asked(subscription(), Step.SUBSCRIBE, now=MORNING)

    found = confirmed(
        pending, Question(mode="subscribe", topic=TOPIC, lease_seconds="0"), now=MORNING
    )

    assert found is not None
    assert found.next_at == MORNING + 10 * MINUTE


def test_renewing_keeps_what_is_verified() -> None:
    found = asked(verified(), Step.SUBSCRIBE, now=MORNING + 8 * DAY)

    assert found.status is HubStatus.VERIFIED
    assert found.lease_until == MORNING + 10 * DAY
    assert (found.token, found.secret) == ("t0ken", "s3cret")


def test_a_feed_that_is_paused_or_names_another_hub_is_unsubscribed() -> None:
    moved = replace(FEED, hints={**HINTS, "hub": "https://new.example/"})

    for feed in (replace(FEED, status=FeedStatus.PAUSED), moved, replace(FEED, hints={})):
        assert step_for(feed, verified(), now=MORNING) is Step.UNSUBSCRIBE
        assert step_for(feed, subscription(), now=MORNING) is Step.FORGET
        assert step_for(feed, verified(), now=MORNING + 11 * DAY) is Step.FORGET


def test_a_hub_that_does_not_let_go_is_left_after_three_times() -> None:
    paused, found, now = replace(FEED, status=FeedStatus.PAUSED), verified(attempts=2), MORNING
    for _ in range(3):
        assert step_for(paused, found, now=now) is Step.UNSUBSCRIBE
        found = asked(found, Step.UNSUBSCRIBE, now=now)
        now = found.next_at

    assert found.status is HubStatus.LEAVING
    assert step_for(paused, found, now=now - MINUTE) is None
    assert step_for(paused, found, now=now) is Step.FORGET


def test_a_refusal_ends_a_request_and_trouble_does_not() -> None:
    pending = asked(subscription(), Step.SUBSCRIBE, now=MORNING)

    def after(fault: Fault | None, retry_after: timedelta | None = None) -> HubSubscription:
        capture = Capture(
            url=HUB, final_url=HUB, fetched_at=MORNING, fault=fault, retry_after=retry_after
        )
        return answered(pending, capture, now=MORNING)

    assert after(None) == pending
    assert not after(Fault(FaultKind.HTTP, "", 404)).is_pending
    assert after(Fault(FaultKind.HTTP, "", 404)).fault == "http-404"
    assert after(Fault(FaultKind.TIMEOUT)).is_pending
    assert after(Fault(FaultKind.HTTP, "", 503)).is_pending
    wait = after(Fault(FaultKind.HTTP, "", 503), retry_after=5 * HOUR)
    assert wait.next_at == MORNING + 5 * HOUR


def test_the_form_says_what_the_standard_wants() -> None:
    assert request_body(subscription(), Step.SUBSCRIBE, callback="https://n.example/hub/t") == (
        b"hub.mode=subscribe&hub.topic=https%3A%2F%2Fpress.example%2Ffeed"
        b"&hub.callback=https%3A%2F%2Fn.example%2Fhub%2Ft&hub.secret=s3cret"
        b"&hub.lease_seconds=864000"
    )
    assert b"secret" not in request_body(subscription(), Step.UNSUBSCRIBE, callback="https://n/")
    without = replace(subscription(), secret="")
    assert b"secret" not in request_body(without, Step.SUBSCRIBE, callback="https://n/")


# --- questions


@pytest.mark.parametrize(
    ("found", "mode", "topic", "expected"),
    [
        (subscription(is_pending=True), "subscribe", TOPIC, True),
        (verified(is_pending=True), "subscribe", TOPIC, True),
        (subscription(), "subscribe", TOPIC, False),
        (verified(), "subscribe", TOPIC, False),
        (subscription(is_pending=True), "subscribe", TOPIC + "x", False),
        (subscription(is_pending=True), "unsubscribe", TOPIC, False),
        (verified(is_pending=True), "unsubscribe", TOPIC, False),
        (verified(), "unsubscribe", TOPIC, False),
        (subscription(status=HubStatus.LEAVING, is_pending=True), "unsubscribe", TOPIC, True),
        (subscription(status=HubStatus.LEAVING, is_pending=True), "subscribe", TOPIC, False),
        (verified(), "denied", TOPIC, True),
        (verified(), "denied", TOPIC + "x", False),
        (subscription(is_pending=True), "", TOPIC, False),
        (subscription(is_pending=True), "publish", TOPIC, False),
    ],
)
def test_only_what_we_asked_for_is_confirmed(
    found: HubSubscription, mode: str, topic: str, *, expected: bool
) -> None:
    assert is_ours(found, Question(mode=mode, topic=topic)) is expected


def test_a_denial_is_taken_for_a_week() -> None:
    found = confirmed(verified(), Question(mode="denied", topic=TOPIC), now=MORNING)

    assert found is not None
    assert (found.status, found.lease_until, found.fault) == (HubStatus.DENIED, None, "denied")
    assert step_for(FEED, found, now=MORNING + 6 * DAY) is None
    assert step_for(FEED, found, now=MORNING + 7 * DAY) is Step.SUBSCRIBE


def test_an_end_that_is_confirmed_leaves_nothing() -> None:
    leaving = subscription(status=HubStatus.LEAVING, is_pending=True)

    assert confirmed(leaving, Question(mode="unsubscribe", topic=TOPIC), now=MORNING) is None


# --- pushes


@given(st.binary(max_size=200), st.sampled_from(["sha1", "sha256", "sha384", "sha512"]))
def test_a_signature_is_believed_and_any_other_is_not(body: bytes, method: str) -> None:
    right = hmac.new(b"s3cret", body, method).hexdigest()

    assert is_signed(body, f"{method}={right}", "s3cret")
    assert is_signed(body, f" {method.upper()}={right.upper()}", "s3cret")
    assert not is_signed(body + b" ", f"{method}={right}", "s3cret")
    assert not is_signed(body, f"{method}={right}", "another")
    assert not is_signed(body, f"{method}={right[:-1]}", "s3cret")


@pytest.mark.parametrize(
    "signature",
    ["", "sha256", "sha256=", "=", "md5=" + "0" * 32, "sha256=ü", "crc=1", "sha256=\ud800"],
)
def test_what_is_no_signature_signs_nothing(signature: str) -> None:
    assert not is_signed(b"", signature, "s3cret")
    assert not is_signed(b"", "md5=" + hmac.new(b"s3cret", b"", "md5").hexdigest(), "s3cret")


def test_a_push_about_something_else_is_told_apart() -> None:
    other = links_in(b"POST\nLink: <https://other.example/>; rel=self")

    assert is_of_topic(verified(), [])
    assert is_of_topic(verified(), links(self=TOPIC, hub=HUB))
    assert not is_of_topic(verified(), other)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "not subscribed"),
        (subscription(attempts=2), "asked (2×), not confirmed"),
        (verified(), "verified, nothing pushed yet"),
        (verified(pushes=3), "pushes"),
        (verified(pushes=3, lease_until=MORNING), "lapsed: the lease was not renewed"),
        (subscription(status=HubStatus.DENIED), "denied by the hub"),
        (subscription(status=HubStatus.LEAVING), "leaving"),
    ],
)
def test_the_state_is_told_in_plain_words(found: HubSubscription | None, expected: str) -> None:
    assert state_of(found, FEED, now=MORNING) == expected


def test_a_private_feed_is_left_alone_and_that_is_told() -> None:
    assert state_of(None, replace(FEED, is_private=True), now=MORNING) == "left alone"


# --- the schedule

HOURLY = first_rhythm([MORNING - n * HOUR for n in range(1, 49)], MORNING, window=30)


def test_a_feed_that_is_pushed_is_polled_when_a_third_of_its_window_is_new() -> None:
    usual = plan(MORNING, 1, rhythm=HOURLY)
    pushed = plan(MORNING, 1, rhythm=HOURLY, pushed_until=MORNING + 10 * DAY)

    assert usual.reason is Reason.RHYTHM
    assert usual.at - MORNING < 80 * MINUTE
    assert pushed.reason is Reason.PUSHED
    assert 8 * HOUR < pushed.at - MORNING < 12 * HOUR


def test_nobody_relies_on_a_hub_beyond_its_lease() -> None:
    found = plan(MORNING, 1, rhythm=HOURLY, pushed_until=MORNING + 3 * HOUR)
    past = plan(MORNING, 1, rhythm=HOURLY, pushed_until=MORNING - HOUR)

    assert found.at - MORNING <= 3 * HOUR + MOST_JITTER
    assert past == plan(MORNING, 1, rhythm=HOURLY)


@given(
    st.integers(0, 500),
    st.integers(1, 200),
    st.integers(-48, 400),
    st.sampled_from([None, 0.0, 0.5]),
    st.sampled_from([Wishes(), Wishes(interval=HOUR), Wishes(ttl=5 * HOUR), Wishes(max_age=DAY)]),
)
def test_a_hub_never_makes_polls_come_sooner_nor_later_than_in_a_day(
    entries: int, window: int, hours: int, overlap: float | None, wishes: Wishes
) -> None:
    rhythm = first_rhythm(
        [MORNING - n * 7 * MINUTE for n in range(entries)], MORNING, window=window
    )

    usual = plan(MORNING, 1, rhythm=rhythm, wishes=wishes, overlap=overlap)
    pushed = plan(
        MORNING,
        1,
        rhythm=rhythm,
        wishes=wishes,
        overlap=overlap,
        pushed_until=MORNING + hours * HOUR,
    )

    assert pushed.at >= usual.at - MOST_JITTER
    assert pushed.at <= MORNING + LONGEST + MOST_JITTER
    if wishes.interval is not None or overlap == 0:
        assert pushed == usual


def test_a_feed_of_which_nothing_is_known_is_polled_as_ever() -> None:
    assert plan(MORNING, 1, pushed_until=MORNING + DAY) == plan(MORNING, 1)
