"""What of a wording is searched, and where it stands among the others."""

from datetime import UTC, date, datetime, time

from newsreel.formats.html import text_of
from newsreel.model.entry import Content


def body_text(content: Content) -> str:
    """Return the summary, then the body, as text; what says the same twice is returned once."""
    if not content.body or content.body == content.summary:
        return text_of(content.summary)
    if not content.summary:
        return text_of(content.body)
    summary, body = text_of(content.summary), text_of(content.body)
    return body if body.startswith(summary) else f"{summary}\n{body}"


def has_image(content: Content) -> bool:
    """Tell whether it comes with a thumbnail or an image file."""
    return bool(content.thumbnail) or any(
        (found.type or "").startswith("image/") for found in content.enclosures
    )


def moment_of(day: date, *, published_at: datetime | None, first_seen_at: datetime) -> datetime:
    """Return when an entry of a day was published where that is its day, else first seen.

    Neither may be (an entry without a date, in an old archive): then the day's beginning.
    """
    for moment in (published_at, first_seen_at):
        if moment is not None and moment.astimezone(UTC).date() == day:
            return moment
    return datetime.combine(day, time(), UTC)
