"""How much of a day a feed was not observed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from newsreel.model.poll import Gap

DAY = timedelta(days=1)


def start_of(day: date) -> datetime:
    """Return a day's first moment, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def blind_seconds(day: date, gaps: Iterable[Gap], *, until: datetime) -> int:
    """Return how many seconds of a day lie in gaps; what lies in two of them counts once.

    A gap that is open lasts ``until`` the archive's newest poll: of later times nothing is known.
    """
    start = start_of(day)
    spans = sorted(
        (max(gap.from_at, start), min(until if gap.to_at is None else gap.to_at, start + DAY))
        for gap in gaps
    )
    blind, seen_to = timedelta(0), start
    for begin, end in spans:
        begin = max(begin, seen_to)  # noqa: PLW2901 - what an earlier gap covers is counted
        if end > begin:
            blind += end - begin
            seen_to = end
    return blind // timedelta(seconds=1)
