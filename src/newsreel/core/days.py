"""Which day an entry belongs to."""

from datetime import UTC, date, datetime

from newsreel.model.entry import Doubt


def day_of(
    published_at: datetime | None, doubts: frozenset[Doubt], *, first_seen_at: datetime
) -> date:
    """Return the UTC date of ``published_at`` where it can be trusted, else of ``first_seen_at``.

    Fixed at first sight, whatever is restamped later. A date without a zone is taken as UTC and
    stays flagged.
    """
    if published_at is None or Doubt.FUTURE_DATE in doubts:
        return first_seen_at.astimezone(UTC).date()
    return published_at.astimezone(UTC).date()
