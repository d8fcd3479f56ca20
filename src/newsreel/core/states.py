"""What a feed is up to, in a word and in plain words; and why one is left alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from newsreel.formats.urls import redacted
from newsreel.model.capture import FaultKind
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.host import HostState


class Condition(StrEnum):
    """What a feed is up to, in words that stay the same."""

    NEW = "new"
    ACTIVE = "active"
    MOVING = "moving"
    BACKING_OFF = "backing-off"
    CHALLENGED = "challenged"
    PAUSED = "paused"
    GONE = "gone"
    REMOVED = "removed"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Why a feed was not polled, and until when, where that is known."""

    why: str
    until: datetime | None = None


def condition_of(feed: Feed) -> Condition:
    """Return what a feed is up to."""
    if feed.status is not FeedStatus.ACTIVE:
        return Condition(feed.status.value)
    if feed.failures:
        is_challenged = feed.fault == FaultKind.CHALLENGE.value
        return Condition.CHALLENGED if is_challenged else Condition.BACKING_OFF
    if feed.moved_to:
        return Condition.MOVING
    return Condition.ACTIVE if feed.last_poll_at else Condition.NEW


def state_of(feed: Feed) -> str:
    """Return a feed's state in plain words, with the reason."""
    match condition_of(feed):
        case Condition.GONE:
            return "gone: the publisher ended it (410)"
        case Condition.CHALLENGED:
            return f"challenged: asked to prove that we are no robot ({feed.failures}×)"
        case Condition.BACKING_OFF:
            return f"backing off: {feed.fault} ({feed.failures}×)"
        case Condition.MOVING:
            return f"moving to {redacted(feed.moved_to or '')}"
        case Condition.ACTIVE:
            return "active" + (", private" if feed.is_private else "")
        case other:
            return other.value


def why_left_alone(feed: Feed, host: HostState | None, *, asked_at: datetime) -> LeftAlone:
    """Return why a feed that was asked for at a moment was not polled then."""
    if feed.status is not FeedStatus.ACTIVE:
        return LeftAlone(state_of(feed))
    if host is not None and host.not_before is not None and host.not_before > asked_at:
        until = host.not_before
        return LeftAlone(f"its host asked us to wait until {_minute(until)}", until)
    if feed.last_poll_at is not None and feed.last_poll_at >= asked_at:
        return LeftAlone("another process has just polled it")
    if feed.next_poll_at is not None and feed.next_poll_at > asked_at:
        until = feed.next_poll_at
        return LeftAlone(f"its publisher asked us to wait; next poll {_minute(until)}", until)
    return LeftAlone("another process is polling it")


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
