"""What a poll means for its feed: its new state, its gaps, and when to poll next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsreel.core.rhythm import Rhythm, counted, first_rhythm, learned, watched
from newsreel.core.schedule import LONGEST_RETRY, PATIENCE, Plan, Wishes, plan
from newsreel.formats.urls import asked_host_of, has_credential, origin_of
from newsreel.model.capture import Capture, FaultKind, Validators
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.poll import Changes, Gap, GapReason, Outcome, Poll, Reading

MOVES_AFTER = 3
"""Polls in a row that must name the same new address before it is taken over."""

MOST_MISSED = 10_000


def conclude(
    feed: Feed,
    reading: Reading,
    changes: Changes,
    *,
    window: Sequence[int],
    now: datetime,
    patience: timedelta = PATIENCE,
    is_taken: bool = False,
) -> Poll:
    """Return the poll with all its consequences.

    It counts as made at :func:`polled_at`; the next one goes by the machine's clock. ``window``
    are the ids of the entries that stood in the feed before; ``patience`` is the schedule's;
    ``is_taken`` tells that another feed has the address that it would move to.
    """
    at = polled_at(feed, now)
    if reading.outcome is Outcome.PUSHED:
        return _pushed(feed, reading, changes, at)
    after = _polled(feed, reading, at)
    if reading.outcome is Outcome.FAILED:
        after = _failed(after, reading)
    else:
        moved = _moved(after, reading, is_taken=is_taken)
        after = _told(moved, reading, changes, at)
    lost = _lost(window, changes) if reading.outcome is Outcome.OK else ()
    if reading.outcome is Outcome.OK:
        rhythm = _learned(feed, reading, changes, at, is_full=bool(lost))
        after = replace(after, hints={**after.hints, "rhythm": rhythm.as_json()})
    wishes = wishes_of(after, reading.capture)
    overlap, alone = overlap_of(changes), replace(after, pushed_until=None)
    next_at = unpushed_at = plan_of(alone, wishes, overlap=overlap, now=now, patience=patience).at
    if after.pushed_until is not None and not (changes.new or changes.revised):  # all was pushed
        next_at = plan_of(after, wishes, overlap=overlap, now=now, patience=patience).at
    after = replace(after, next_poll_at=next_at if after.status is FeedStatus.ACTIVE else None)
    missed = _missed(feed, now)
    retry_after = reading.capture.retry_after
    return Poll(
        feed=after,
        reading=reading,
        changes=changes,
        gaps=_gaps(feed, reading, changes, missed, at),
        closes_gap=reading.outcome is not Outcome.FAILED and feed.failures > 0,
        lost=lost,
        expected=_expected(missed, at),
        held_until=now + min(retry_after, LONGEST_RETRY) if retry_after else None,
        is_feed_changed=_facts(feed) != _facts(after),
        unpushed_at=unpushed_at,
    )


def polled_at(feed: Feed, now: datetime) -> datetime:
    """Return when a poll counts as made: a feed's clock never goes back, as the machine's may."""
    return max(now, feed.last_poll_at or feed.added_at, feed.last_push_at or feed.added_at)


def _pushed(feed: Feed, reading: Reading, changes: Changes, at: datetime) -> Poll:
    """What a hub sent is new, or changed. It says nothing of what is not in it.

    Nor of the publisher: validators, failures, gaps and the next poll stay as they were.
    """
    hints = feed.hints
    if rhythm := Rhythm.of_json(hints.get("rhythm")):
        dates = [entry.sighting.content.published_at for entry in changes.new]
        hints = {**hints, "rhythm": counted(rhythm, dates, at).as_json()}
    is_changed = bool(changes.new or changes.revised)
    after = replace(
        feed,
        hints=hints,
        identity_policy=reading.identity_policy,
        last_change_at=at if is_changed else feed.last_change_at,
    )
    return Poll(
        feed=after,
        reading=reading,
        changes=replace(changes, overlap=None),
        is_feed_changed=_facts(feed) != _facts(after),
        pushed_at=at,
    )


def plan_of(
    after: Feed,
    wishes: Wishes,
    *,
    overlap: float | None,
    now: datetime,
    patience: timedelta = PATIENCE,
) -> Plan:
    """Return when a feed that was polled at ``now`` comes again, and why then."""
    return plan(
        now,
        after.id,
        wishes=wishes,
        rhythm=_rhythm_of(after),
        overlap=overlap,
        failures=after.failures,
        patience=patience,
        pushed_until=None if after.failures else after.pushed_until,
    )


def _polled(feed: Feed, reading: Reading, now: datetime) -> Feed:
    if reading.outcome is Outcome.FAILED:
        return replace(feed, last_poll_at=now)
    return replace(feed, last_poll_at=now, last_ok_at=now, failures=0, fault=None)


def _failed(feed: Feed, reading: Reading) -> Feed:
    fault = reading.fault
    is_gone = fault is not None and fault.kind is FaultKind.HTTP and fault.status == 410
    return replace(
        feed,
        failures=feed.failures + 1,
        fault=fault.reason if fault else "unknown",
        status=FeedStatus.GONE if is_gone else feed.status,
    )


def is_moving(feed: Feed, reading: Reading) -> bool:
    """Tell whether a permanent redirect has stayed the same for long enough to be believed."""
    target = reading.capture.permanent_url
    return target is not None and target == feed.moved_to and feed.moved_count + 1 >= MOVES_AFTER


def _moved(feed: Feed, reading: Reading, *, is_taken: bool) -> Feed:
    """A permanent redirect is followed at every poll, and believed once it stayed the same.

    Two feeds never become one: where another has the address, this one is moving for ever.
    """
    target = reading.capture.permanent_url
    if target is None or target == feed.url:
        return replace(feed, moved_to=None, moved_count=0) if feed.moved_to else feed
    count = feed.moved_count + 1 if target == feed.moved_to else 1
    if not is_moving(feed, reading) or is_taken or not _may_move(feed, target):
        return replace(feed, moved_to=target, moved_count=count)
    return replace(
        feed,
        url=target,
        host=asked_host_of(target),
        moved_to=None,
        moved_count=0,
        validators=Validators(),
        is_private=feed.is_private or has_credential(target),
    )


def _may_move(feed: Feed, target: str) -> bool:
    """What a feed is asked with is meant for its origin: it must not be told to another."""
    return not feed.request_options.has_credential or origin_of(target) == origin_of(feed.url)


def _told(feed: Feed, reading: Reading, changes: Changes, now: datetime) -> Feed:
    """Take over what the publisher said: validators after a body was read, the feed's facts."""
    capture, facts = reading.capture, reading.facts
    has_moved = capture.permanent_url is not None and feed.url == capture.permanent_url
    validators = feed.validators
    if not has_moved:
        new = capture.validators
        validators = Validators(
            new.etag or (validators.etag if capture.is_not_modified else None),
            new.last_modified or (validators.last_modified if capture.is_not_modified else None),
        )
    if reading.outcome is Outcome.NOT_MODIFIED:
        return feed if validators == feed.validators else replace(feed, validators=validators)
    is_changed = bool(changes.new or changes.revised)
    return replace(
        feed,
        validators=validators,
        body_digest=None if capture.is_cut else capture.digest,
        title=feed.title if feed.has_own_title else facts.title or feed.title,
        site_url=facts.site_url or feed.site_url,
        language=facts.language or feed.language,
        identity_policy=reading.identity_policy,
        hints=reading.hints or {},
        last_change_at=now if is_changed else feed.last_change_at,
    )


def _facts(feed: Feed) -> tuple[Any, ...]:
    return (
        feed.url,
        feed.title,
        feed.site_url,
        feed.language,
        feed.status,
        feed.identity_policy,
        feed.is_private,
    )


def wishes_of(feed: Feed, capture: Capture | None = None) -> Wishes:
    """Return what is asked of the schedule: by the operator, the feed's last body, an answer."""
    hints: Mapping[str, Any] = feed.hints
    return Wishes(
        interval=feed.interval,
        max_age=capture.max_age if capture else None,
        retry_after=capture.retry_after if capture else None,
        ttl=timedelta(minutes=hints.get("ttl_minutes", 0)),
        update_period=timedelta(minutes=hints.get("update_period_minutes", 0)),
        skip_hours=tuple(hints.get("skip_hours", ())),
        skip_days=tuple(hints.get("skip_days", ())),
    )


def _learned(
    feed: Feed, reading: Reading, changes: Changes, now: datetime, *, is_full: bool
) -> Rhythm:
    """Return the rhythm after a body. A feed shows as much as it may once something fell out."""
    count = len(changes.seen) + len(changes.new)
    former = Rhythm.of_json(feed.hints.get("rhythm"))
    if former is None:
        dates = [found.content.published_at for found in reading.sightings]
        return first_rhythm([at for at in dates if at], now, window=count)
    return learned(
        former,
        [entry.sighting.content.published_at for entry in changes.new],
        now,
        window=count if is_full else max(former.window, count),
        overlap=overlap_of(changes) if is_full else None,
    )


def _rhythm_of(feed: Feed) -> Rhythm | None:
    """Return what is known of a feed's rhythm: what it learned, and the silence since then."""
    rhythm = Rhythm.of_json(feed.hints.get("rhythm"))
    return watched(rhythm, feed.last_ok_at) if rhythm and feed.last_ok_at else rhythm


def overlap_of(changes: Changes) -> float | None:
    """Return the share of a feed's entries that stood in it at the last poll; None: unknown."""
    count = len(changes.seen) + len(changes.new)
    return changes.overlap / count if changes.overlap is not None and count else None


def _missed(feed: Feed, now: datetime) -> tuple[datetime, ...]:
    """The times at which a poll was due and none was made, because nothing ran."""
    if feed.next_poll_at is None or feed.last_poll_at is None or _is_woken(feed):
        return ()
    if feed.next_poll_at >= now:
        return ()
    interval = max(feed.next_poll_at - feed.last_poll_at, timedelta(minutes=15))
    count = min((now - feed.next_poll_at) // interval, MOST_MISSED)
    return tuple(feed.next_poll_at + interval * step for step in range(count))


def _is_woken(feed: Feed) -> bool:
    """Tell whether it was paused or removed: a store lets what it wakes be due since ever."""
    return feed.next_poll_at is not None and feed.next_poll_at < feed.added_at


def _expected(missed: tuple[datetime, ...], now: datetime) -> dict[date, int]:
    expected = {now.astimezone(UTC).date(): 1}
    for at in missed:
        day = at.astimezone(UTC).date()
        expected[day] = expected.get(day, 0) + 1
    return expected


def _gaps(
    feed: Feed, reading: Reading, changes: Changes, missed: tuple[datetime, ...], now: datetime
) -> tuple[Gap, ...]:
    since = feed.last_ok_at or feed.added_at
    if reading.outcome is Outcome.FAILED:
        if feed.failures:
            return ()
        return (
            Gap(
                feed.id,
                min(since, now),
                None,
                reading.fault.reason if reading.fault else "unknown",
            ),
        )
    gaps = []
    is_interrupted = bool(missed) or _is_woken(feed)
    if is_interrupted and not feed.failures and feed.last_poll_at and feed.last_poll_at < now:
        gaps.append(Gap(feed.id, feed.last_poll_at, now, GapReason.NOT_POLLED))
    if reading.outcome is Outcome.OK and changes.overlap == 0 and (changes.new or changes.seen):
        gaps.append(Gap(feed.id, min(since, now), now, GapReason.NO_OVERLAP))
    if reading.outcome is Outcome.OK and reading.is_truncated:
        gaps.append(Gap(feed.id, min(since, now), now, GapReason.TRUNCATED))
    return tuple(gaps)


def _lost(window: Sequence[int], changes: Changes) -> tuple[int, ...]:
    seen = set(changes.seen)
    return tuple(entry_id for entry_id in window if entry_id not in seen)
