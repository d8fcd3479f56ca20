"""Hubs that push what a feed publishes: whether to ask one, when to ask again, what to believe.

WebSub (W3C Recommendation of January 2018), once PubSubHubbub 0.4. A lease is the hub's to
choose; it is renewed before its end. A hub that does not answer, or does not confirm, is asked
again after an hour, then later and later, up to a day; one that denied, after a week.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from urllib.parse import urlencode

from newsreel.formats.links import HeaderLink
from newsreel.formats.urls import absolute, has_credential
from newsreel.model.capture import Capture
from newsreel.model.entry import ParsedFeed
from newsreel.model.feed import AS_SET, Feed, FeedStatus
from newsreel.model.hub import Announcement, HubStatus, HubSubscription

LEASE = timedelta(days=10)
"""What a hub is asked for, and taken to have given where it does not say."""

LONGEST_LEASE = timedelta(days=366)
SHORTEST_RENEWAL = timedelta(minutes=10)
FIRST_RETRY = timedelta(hours=1)
LONGEST_RETRY = timedelta(hours=24)
DENIED_FOR = timedelta(days=7)
CLOCK_SLACK = timedelta(minutes=5)
MOST_FAREWELLS = 3
LONGEST_ADDRESS = 2000
SIGNATURES = frozenset(("sha1", "sha256", "sha384", "sha512"))


class Step(StrEnum):
    """What is to be done about a feed's hub."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a hub asks at the callback: whether it was us, or that it denied."""

    mode: str
    topic: str
    lease_seconds: str = ""


def announcement_in(
    links: list[HeaderLink], parsed: ParsedFeed, *, base: str
) -> Announcement | None:
    """Return the hub that an answer names, in its headers or else in its body.

    The topic is what the feed calls its own address, else the one that answered (``base``).
    """
    in_body = parsed.base_url or base
    hubs = [absolute(link.target, base) for link in links if "hub" in link.relations]
    hubs += [absolute(hub, in_body) for hub in parsed.hub_urls]
    own = [absolute(link.target, base) for link in links if "self" in link.relations]
    own.append(absolute(parsed.self_url, in_body))
    hub = next(filter(_is_usable, hubs), None)
    topic = next(filter(_is_usable, own), None) or base
    return Announcement(hub, topic) if hub else None


def _is_usable(url: str | None) -> bool:
    if url is None or len(url) > LONGEST_ADDRESS:
        return False
    return url.lower().startswith(("http://", "https://"))


def announced_by(feed: Feed) -> Announcement | None:
    """Return the hub that a feed named at its last body."""
    hub, topic = feed.hints.get("hub"), feed.hints.get("topic")
    return Announcement(hub, topic) if isinstance(hub, str) and isinstance(topic, str) else None


def wanted_for(feed: Feed) -> Announcement | None:
    """Return the hub to be subscribed to: none that would learn something it must not know.

    Nor one whose pushes would be something else than what a poll reads.
    """
    found = announced_by(feed)
    if found is None or feed.status is not FeedStatus.ACTIVE:
        return None
    is_secret = feed.is_private or has_credential(found.topic) or has_credential(found.hub)
    is_usual = feed.request_options == AS_SET and feed.page_rules is None
    return found if is_usual and not is_secret else None


def step_for(feed: Feed, subscription: HubSubscription | None, *, now: datetime) -> Step | None:
    """Return what is to be done now, None for nothing."""
    wanted = wanted_for(feed)
    if subscription is None:
        return Step.SUBSCRIBE if wanted else None
    # Asked in the future: the clock was set back, and when to ask again means nothing.
    is_due = subscription.next_at <= now or subscription.asked_at > now + CLOCK_SLACK
    if subscription.status is HubStatus.LEAVING:
        if subscription.attempts >= MOST_FAREWELLS and is_due:
            return Step.FORGET
        return Step.UNSUBSCRIBE if is_due else None
    if wanted == subscription.announced:
        return Step.SUBSCRIBE if is_due else None
    until = subscription.lease_until
    return Step.UNSUBSCRIBE if until is not None and until > now else Step.FORGET


def asked(subscription: HubSubscription, step: Step, *, now: datetime) -> HubSubscription:
    """Return a subscription as it stands while a request is under way."""
    status, attempts = subscription.status, subscription.attempts
    if step is Step.UNSUBSCRIBE:
        attempts = attempts if status is HubStatus.LEAVING else 0
        status = HubStatus.LEAVING
    elif status is not HubStatus.VERIFIED:
        status = HubStatus.ASKED
    return replace(
        subscription,
        status=status,
        is_pending=True,
        asked_at=now,
        next_at=now + min(FIRST_RETRY * (1 << min(attempts, 10)), LONGEST_RETRY),
        attempts=attempts + 1,
    )


def answered(subscription: HubSubscription, capture: Capture, *, now: datetime) -> HubSubscription:
    """Return a subscription after the hub's answer to a request: what counts is what it confirms.

    A refusal (4xx) is final for this request; after any other trouble it may still be confirmed.
    """
    fault = capture.fault
    if fault is None:
        return subscription
    is_refused = fault.status is not None and 400 <= fault.status < 500
    wait = min(capture.retry_after or timedelta(), DENIED_FOR)
    return replace(
        subscription,
        is_pending=subscription.is_pending and not is_refused,
        next_at=max(subscription.next_at, now + wait),
        fault=fault.reason,
    )


def request_body(subscription: HubSubscription, step: Step, *, callback: str) -> bytes:
    """Return the form that a hub is sent (WebSub, 5.1); without a secret where there is none."""
    fields = {
        "hub.mode": step.value,
        "hub.topic": subscription.announced.topic,
        "hub.callback": callback,
    }
    if step is Step.SUBSCRIBE:
        if subscription.secret:
            fields["hub.secret"] = subscription.secret
        fields["hub.lease_seconds"] = str(int(LEASE.total_seconds()))
    return urlencode(fields).encode()


def is_ours(subscription: HubSubscription, question: Question) -> bool:
    """Tell whether a question is about what we asked for; a denial may come at any time."""
    if question.topic != subscription.announced.topic:
        return False
    is_leaving = subscription.status is HubStatus.LEAVING
    match question.mode:
        case "subscribe":
            return subscription.is_pending and not is_leaving
        case "unsubscribe":
            return subscription.is_pending and is_leaving
        case _:
            return question.mode == "denied"


def confirmed(
    subscription: HubSubscription, question: Question, *, now: datetime
) -> HubSubscription | None:
    """Return what is left of a subscription after a question of the hub's that is ours.

    None: it has ended, as we wished.
    """
    if subscription.status is HubStatus.LEAVING:
        return None
    settled = replace(subscription, is_pending=False, attempts=0)
    if question.mode == "denied":
        return replace(
            settled,
            status=HubStatus.DENIED,
            next_at=now + DENIED_FOR,
            lease_until=None,
            fault="denied",
        )
    lease = _lease_of(question.lease_seconds)
    return replace(
        settled,
        status=HubStatus.VERIFIED,
        next_at=now + max(_renewal(subscription.feed_id, lease, now), SHORTEST_RENEWAL),
        lease_until=now + lease,
        fault=None,
    )


def _lease_of(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit()):
        return LEASE
    return min(timedelta(seconds=int(text[:12])), LONGEST_LEASE)


def _renewal(feed_id: int, lease: timedelta, now: datetime) -> timedelta:
    """After 70 to 85 % of the lease, so that a hub's feeds don't come back all at once."""
    seed = f"{feed_id} {now.isoformat()}".encode()
    share = int.from_bytes(blake2b(seed, digest_size=4).digest(), "big") / 2**32
    return timedelta(seconds=int(lease.total_seconds() * (0.7 + 0.15 * share)))


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Tell whether a push was signed with our secret (WebSub, 7.1), in constant time."""
    method, _, digest = signature.strip().partition("=")
    if method.lower() not in SIGNATURES:
        return False
    right = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(right.encode(), digest.strip().lower().encode("utf-8", "replace"))


def is_of_topic(subscription: HubSubscription, links: list[HeaderLink]) -> bool:
    """Tell whether a push is about what we asked for, where it says what it is about."""
    topics = [link.target for link in links if "self" in link.relations]
    return not topics or subscription.announced.topic in topics


def state_of(subscription: HubSubscription | None, feed: Feed, *, now: datetime) -> str:
    """Return in plain words how we stand with a feed's hub."""
    if subscription is None:
        return "not subscribed" if wanted_for(feed) else "left alone"
    until = subscription.lease_until
    match subscription.status:
        case HubStatus.VERIFIED if until is not None and until <= now:
            return "lapsed: the lease was not renewed"
        case HubStatus.VERIFIED if not subscription.secret:
            return "verified, pushes are hints"
        case HubStatus.VERIFIED:
            return "pushes" if subscription.pushes else "verified, nothing pushed yet"
        case HubStatus.ASKED:
            return f"asked ({subscription.attempts}×), not confirmed"
        case HubStatus.DENIED:
            return "denied by the hub"
        case HubStatus.LEAVING:
            return "leaving"
