"""When to poll next, from what the feed does, what was asked for and what went wrong.

The law, in this order:

1. The interval is the operator's, else the feed's own: hourly while nothing is known of it, later
   the time in which, by its rhythm, the entries that come will have waited for ``PATIENCE``, all
   their waits added up, or ``WINDOW_SHARE`` of what the feed shows is new, whatever is sooner;
   between ``SHORTEST`` and ``LONGEST``. With a steady rhythm that is ``sqrt(2 PATIENCE / rate)``,
   which makes the mean wait the shortest that so many requests can give. A poll that found little
   or nothing it knew makes the next ones come sooner: the rhythm counts with more entries then.
   While a hub pushes what is new, nobody need be patient: there ``WINDOW_SHARE`` alone counts, so
   that no entry is lost should the hub fall silent. Only where the feed's rhythm is known, and not
   beyond the end of the hub's lease.
2. The publisher's hints (ttl, sy:updatePeriod) lengthen it, unless nothing overlapped.
3. Failures in a row double it, each, up to ``LONGEST``.
4. Cache-Control and Expires say "not before"; more than ``LONGEST`` is cut to that.
5. Retry-After is kept, whatever the rest says (up to ``LONGEST_RETRY``).
6. A jitter of at most a tenth of the interval and ``MOST_JITTER``, taken from a digest of feed and
   moment, is added, so that feeds of one host don't come due at one instant.
7. skipHours and skipDays move the moment into the next hour that is not to be skipped.

Never earlier, but for the jitter: a rhythm with the same habits and fewer entries, one more
failure, a longer wish of the publisher's. See docs/explanation/when-feeds-are-polled.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from math import sqrt

from newsreel.core.rhythm import Rhythm, rates
from newsreel.model.capture import Capture
from newsreel.model.host import HostState

START = timedelta(hours=1)
SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=24)
LONGEST_RETRY = timedelta(days=31)
MOST_JITTER = timedelta(minutes=15)
PATIENCE = timedelta(minutes=30)
ENDLESS = timedelta(days=36500)
WINDOW_SHARE = 1 / 3
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# Hosts: Reddit allows about one request a minute; nobody is known to want less.
LONGEST_GAP = timedelta(minutes=2)
FIRST_GAP = timedelta(seconds=2)
LEAST_REST = timedelta(minutes=1)
GAP_JITTER = 0.2


class Reason(StrEnum):
    """What decided the moment, in words that stay the same."""

    OPERATOR = "operator"
    NEW = "new"
    RHYTHM = "rhythm"
    OVERLAP = "overlap"
    PUSHED = "pushed"
    HINT = "hint"
    FAILURES = "failures"
    MAX_AGE = "max-age"
    SKIPPED_HOURS = "skipped-hours"
    RETRY_AFTER = "retry-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for: ``interval`` by the operator, the rest by the publisher.

    ``skip_hours`` are hours of the day in UTC, ``skip_days`` English names of days.
    """

    interval: timedelta | None = None
    max_age: timedelta | None = None
    retry_after: timedelta | None = None
    ttl: timedelta | None = None
    update_period: timedelta | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """When, and what decided it; ``is_capped``: a longer wait was asked for than we keep."""

    at: datetime
    reason: Reason
    is_capped: bool = False


NO_WISHES = Wishes()


def next_poll_at(
    now: datetime,
    feed_id: int,
    *,
    wishes: Wishes = NO_WISHES,
    rhythm: Rhythm | None = None,
    overlap: float | None = None,
    failures: int = 0,
) -> datetime:
    """Return when to poll next; the law stands at the top of this module."""
    return plan(now, feed_id, wishes=wishes, rhythm=rhythm, overlap=overlap, failures=failures).at


def plan(
    now: datetime,
    feed_id: int,
    *,
    wishes: Wishes = NO_WISHES,
    rhythm: Rhythm | None = None,
    overlap: float | None = None,
    failures: int = 0,
    patience: timedelta = PATIENCE,
    pushed_until: datetime | None = None,
) -> Plan:
    """Return when to poll next, and why then.

    ``overlap`` is the share of the feed's entries that stood in it at the last poll as well (None:
    nothing to compare); ``pushed_until`` how long a hub that can be relied on pushes what is new.
    """
    interval, reason = _own_interval(now, wishes, rhythm, patience)
    if reason is Reason.RHYTHM and overlap == 0:
        reason = Reason.OVERLAP
    elif reason is Reason.RHYTHM and pushed_until is not None:
        pushed = min(_own_interval(now, wishes, rhythm, ENDLESS)[0], pushed_until - now)
        if pushed > interval:
            interval, reason = pushed, Reason.PUSHED
    hint = max(wishes.ttl or timedelta(), wishes.update_period or timedelta())
    if wishes.interval is not None or overlap == 0:
        hint = timedelta()
    if min(hint, LONGEST) > interval:
        interval, reason = min(hint, LONGEST), Reason.HINT
    if failures > 0 and interval < LONGEST:
        interval, reason = min(interval * (1 << min(failures, 10)), LONGEST), Reason.FAILURES
    at = now + interval
    max_age = wishes.max_age or timedelta()
    if now + min(max_age, LONGEST) > at:
        at, reason = now + min(max_age, LONGEST), Reason.MAX_AGE
    retry_after = min(wishes.retry_after or timedelta(), LONGEST_RETRY)
    if now + retry_after > at:
        at, reason = now + retry_after, Reason.RETRY_AFTER
    jitter = _jitter(feed_id, at, interval)
    at += jitter
    allowed = _unskipped(at, wishes.skip_hours, wishes.skip_days)
    if allowed != at:
        at, reason = allowed + jitter, Reason.SKIPPED_HOURS
    asked_later = (wishes.retry_after or timedelta()) > LONGEST_RETRY
    is_capped = asked_later or max(hint, max_age) > LONGEST
    return Plan(at, reason, is_capped)


def host_after(
    state: HostState, capture: Capture, *, now: datetime, least: timedelta
) -> HostState:
    """Return how a host is to be treated after an answer.

    429 and 503 close it for as long as they say and double the gap, as does a 403 of a host that
    limited us before. A 429 that says nothing closes it for a minute; a 503 may be one feed's own
    trouble. Each answer without complaint takes a fiftieth off the gap.
    """
    complains = capture.status in {429, 503} or (
        capture.status == 403 and state.gap > least and capture.fault is not None
    )
    if not complains:
        if state.gap <= least or capture.status is None:
            return state
        gap = state.gap * 0.98
        return HostState(state.host, state.not_before, gap if gap > least else timedelta())
    rest = capture.retry_after or (timedelta() if capture.status == 503 else LEAST_REST)
    not_before = max(now + min(rest, LONGEST_RETRY), state.not_before or now)
    gap = min(max(state.gap * 2, least * 2, FIRST_GAP), LONGEST_GAP)
    return HostState(state.host, not_before, gap)


def rest_of(host: str, gap: timedelta, *, now: datetime) -> timedelta:
    """Return how long a host that was just asked rests: its gap and up to a fifth more.

    Requests as regular as a clock are what guards look for; and whoever else asks it at the same
    pace would do so at the same moment for ever.
    """
    return gap * (1 + GAP_JITTER * _share(f"{host} {now.isoformat()}"))


def _own_interval(
    now: datetime, wishes: Wishes, rhythm: Rhythm | None, patience: timedelta
) -> tuple[timedelta, Reason]:
    if wishes.interval is not None:
        return max(wishes.interval, timedelta(minutes=1)), Reason.OPERATOR
    if rhythm is None:
        return START, Reason.NEW
    expected = rates(rhythm, now, LONGEST)
    interval = due_in(expected, most=rhythm.window * WINDOW_SHARE, patience=patience)
    return min(max(interval, SHORTEST), LONGEST), Reason.RHYTHM


def due_in(rates: Iterable[tuple[float, float]], *, most: float, patience: timedelta) -> timedelta:
    """Return when ``most`` entries have come, or all have waited for ``patience`` together.

    ``rates`` are spans of time: hours, and entries expected an hour. At their end it is due.
    """
    limit = patience / timedelta(hours=1)
    passed = came = waited = 0.0
    for hours, rate in rates:
        left = hours
        if came + rate * hours > most:
            left = max(most - came, 0.0) / rate
        if waited + came * left + rate * left * left / 2 > limit:
            # rate/2 x² + came x = rest, solved in the form that is exact for small rates too
            rest = limit - waited
            left = min(left, 2 * rest / (came + sqrt(came * came + 2 * rate * rest)))
        passed += left
        if left < hours:
            break
        came, waited = came + rate * hours, waited + came * hours + rate * hours * hours / 2
    return timedelta(hours=passed)


def _unskipped(at: datetime, hours: Iterable[int], days: Iterable[str]) -> datetime:
    """Return the moment, or the start of the first hour after it that is not to be skipped."""
    skip_hours = {hour % 24 for hour in hours}  # RSS 0.91 counted to 24
    skip_days = {day.strip().lower() for day in days} & set(WEEKDAYS)
    if len(skip_hours) == 24 or len(skip_days) == 7:
        return at  # nobody means never
    while at.hour in skip_hours or WEEKDAYS[at.weekday()] in skip_days:
        at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return at


def _jitter(feed_id: int, at: datetime, interval: timedelta) -> timedelta:
    share = _share(f"{feed_id} {at.isoformat()}")
    return timedelta(seconds=int(min(interval / 10, MOST_JITTER).total_seconds() * share))


def _share(seed: str) -> float:
    """Return a number from 0 to just below 1 that is the same for the same seed everywhere."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=4).digest(), "big") / 2**32
