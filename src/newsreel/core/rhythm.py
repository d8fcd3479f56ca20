"""A feed's own rhythm: how many entries come at which hour of the day, on which day of the week.

Thirty-one slots, one for each hour of the day (UTC) and each day of the week, count the entries
that came and the hours that were watched. Both fade with ``HALF_LIFE``, so that habits may change.
From them:

* the feed's rate is ``(came + FIRST_ENTRIES) / (watched + FIRST_HOURS)``, in entries an hour;
* a slot's share is how much busier it is than that, ``(came + DOUBT) / (rate * watched + DOUBT)``:
  1 while nothing is known of it, and learned within about ``DOUBT`` entries;
* at a moment, entries come at rate x share of its hour x share of its day x ``caution``.

``caution`` is 1, doubled by each poll that found nothing it knew, and fades back to 1: whoever
publishes in bursts is watched more closely. ``window`` is how many entries the feed shows.

All of it is less than a kilobyte of JSON. Silence need not be written down: it is what lies
between the last lesson and the last poll that went well (:func:`watched`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self, cast

from newsreel.model.entry import Json

HALF_LIFE = timedelta(days=14)
CAUTION_HALF_LIFE = timedelta(days=1)
LONGEST_MEMORY = timedelta(days=56)
FIRST_ENTRIES = 1.0
FIRST_HOURS = 1.0
DOUBT = 3.0
TRUSTED = timedelta(days=2)
LITTLE_OVERLAP = 1 / 3
LEAST_WINDOW = 10
MOST_WINDOW = 10_000
MOST_CAUTION = 4.0

_HOUR = 3600.0
_DAY = 24 * _HOUR
_SLOTS = 24 + 7
_NOTHING = (0.0,) * _SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What was learned of a feed until ``until`` (Unix seconds); see the top of this module."""

    until: float
    came: tuple[float, ...] = _NOTHING
    watched: tuple[float, ...] = _NOTHING
    window: int = LEAST_WINDOW
    caution: float = 1.0

    @property
    def rate(self) -> float:
        """Entries an hour, over all hours, without caution."""
        return (sum(self.came[:24]) + FIRST_ENTRIES) / (sum(self.watched[:24]) + FIRST_HOURS)

    def as_json(self) -> dict[str, Json]:
        """Return it as JSON, rounded."""
        return {
            "until": int(self.until),
            "came": [round(value, 2) for value in self.came],
            "watched": [round(value, 1) for value in self.watched],
            "window": self.window,
            "caution": round(self.caution, 2),
        }

    @classmethod
    def of_json(cls, found: Json) -> Self | None:
        """Return what :meth:`as_json` wrote; None where it is something else."""
        if not isinstance(found, dict):
            return None
        try:
            values = cast("Mapping[str, list[float]]", found)
            came, watched = tuple(values["came"]), tuple(values["watched"])
            if len(came) != _SLOTS or len(watched) != _SLOTS:
                return None
            return cls(
                until=cast("float", found["until"]),
                came=came,
                watched=watched,
                window=cast("int", found["window"]),
                caution=cast("float", found["caution"]),
            )
        except (KeyError, TypeError):
            return None


def first_rhythm(entries_at: Iterable[datetime], now: datetime, *, window: int) -> Rhythm:
    """Return what a feed's first body tells: as if watched since the middle one of its dates.

    Not since the oldest, which may be pinned there for years; and the dates being claims, all that
    counts as much as ``TRUSTED`` of watching at most.
    """
    until = now.timestamp()
    stamps = sorted(at.timestamp() for at in entries_at if at <= now)
    middle = stamps[(len(stamps) - 1) // 2] if stamps else until
    begin = max(middle, until - LONGEST_MEMORY.total_seconds())
    came = [datetime.fromtimestamp(at, UTC) for at in stamps if at > begin]
    found = learned(Rhythm(until=begin), came, now, window=max(window, LEAST_WINDOW))
    trust = TRUSTED.total_seconds() / max(until - begin, TRUSTED.total_seconds())
    return replace(found, came=_times(found.came, trust), watched=_times(found.watched, trust))


def learned(
    former: Rhythm,
    entries_at: Iterable[datetime | None],
    now: datetime,
    *,
    window: int,
    overlap: float | None = None,
) -> Rhythm:
    """Return the rhythm after a poll at ``now`` that found new entries, published ``entries_at``.

    An entry whose date does not lie between the two polls came at a time that nobody knows:
    such are spread over the whole span. ``overlap`` is the share of the feed's entries that stood
    in it before (None: it does not matter, as nothing fell out).
    """
    after = watched(former, now)
    came = _with(after.came, _dated(former.until, entries_at, now))
    factor = 1.0 if overlap is None or overlap >= LITTLE_OVERLAP else 1.5 if overlap else 2.0
    return replace(
        after,
        came=came,
        window=min(max(window, 1), MOST_WINDOW),
        caution=min(after.caution * factor, MOST_CAUTION),
    )


def counted(former: Rhythm, entries_at: Iterable[datetime | None], now: datetime) -> Rhythm:
    """Return the rhythm after a hub told of entries: the time since is for the next poll to count.

    Pushes may follow each other in seconds, which would be lost in rounding.
    """
    return replace(former, came=_with(former.came, _dated(former.until, entries_at, now)))


def _dated(begin: float, entries_at: Iterable[datetime | None], now: datetime) -> list[float]:
    """Return when entries came, as far as that can be: between ``begin`` and now."""
    end = max(now.timestamp(), begin)
    stamps = [at.timestamp() if at else begin for at in entries_at]
    dated = [at for at in stamps if begin < at <= end]
    unknown = len(stamps) - len(dated)
    return dated + [begin + (end - begin) * (n + 0.5) / unknown for n in range(unknown)]


def _with(came: tuple[float, ...], dated: Iterable[float]) -> tuple[float, ...]:
    slots = list(came)
    for at in dated:
        slots[_hour_of(at)] += 1
        slots[24 + _day_of(at)] += 1
    return tuple(slots)


def watched(former: Rhythm, now: datetime) -> Rhythm:
    """Return the rhythm after nothing came until ``now``."""
    begin, end = former.until, now.timestamp()
    if end <= begin:
        return former
    kept = 0.5 ** ((end - begin) / HALF_LIFE.total_seconds())
    calmed = 0.5 ** ((end - begin) / CAUTION_HALF_LIFE.total_seconds())
    slots = list(_times(former.watched, kept))
    begin = max(begin, end - LONGEST_MEMORY.total_seconds())
    whole_days = (end - begin) // _DAY
    slots[:24] = [hours + whole_days for hours in slots[:24]]
    for at, seconds in _pieces(begin + whole_days * _DAY, end, _HOUR):
        slots[_hour_of(at)] += seconds / _HOUR
    for at, seconds in _pieces(begin, end, _DAY):
        slots[24 + _day_of(at)] += seconds / _HOUR
    return replace(
        former,
        until=end,
        came=_times(former.came, kept),
        watched=tuple(slots),
        caution=1 + (former.caution - 1) * calmed,
    )


def rates(rhythm: Rhythm, begin: datetime, span: timedelta) -> Iterator[tuple[float, float]]:
    """Yield the hours of a span, cut to it: length in hours, entries expected an hour."""
    rate, came, hours_watched = rhythm.rate, rhythm.came, rhythm.watched
    at = begin.timestamp()
    for start, seconds in _pieces(at, at + span.total_seconds(), _HOUR):
        hour, day = _hour_of(start), 24 + _day_of(start)
        of_hour = (came[hour] + DOUBT) / (rate * hours_watched[hour] + DOUBT)
        of_day = (came[day] + DOUBT) / (rate * hours_watched[day] + DOUBT)
        yield seconds / _HOUR, rate * rhythm.caution * of_hour * of_day


def _pieces(begin: float, end: float, unit: float) -> Iterator[tuple[float, float]]:
    """Yield each hour or day of the clock that a span touches: since when, for how long."""
    while begin < end:
        upto = min((begin // unit + 1) * unit, end)
        yield begin, upto - begin
        begin = upto


def _times(slots: Iterable[float], factor: float) -> tuple[float, ...]:
    return tuple([value * factor for value in slots])


def _hour_of(at: float) -> int:
    return int(at // _HOUR) % 24


def _day_of(at: float) -> int:
    return int(at // _DAY + 3) % 7  # the first of January 1970 was a Thursday
