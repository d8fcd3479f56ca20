"""What of a wording is searched, and where it stands among the others."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from newsreel.core.matching import host_of
from newsreel.core.terms import index_text
from newsreel.formats.html_text import text_of
from newsreel.model.entry import Content
from newsreel.model.query import Has


@dataclass(frozen=True, slots=True)
class Searchable:
    """The tokens of a wording, and what it is filtered by.

    ``linked`` are hosts that its links lead to, where they are others than its ``site``.
    """

    title: str
    body: str
    author: str
    site: str
    linked: tuple[str, ...]
    language: str | None
    has: tuple[Has, ...]


def searchable_of(content: Content, *, url: str, language: str | None) -> Searchable:
    """Return what is searched of a wording in the feed of this address and language."""
    site = host_of(content.permalink or url)
    links = (content.link, content.canonical_link)
    linked = {host_of(link) for link in links if link and link != content.permalink}
    has: list[Has] = []
    if has_image(content):
        has.append(Has.IMAGE)
    if content.enclosures:
        has.append(Has.ENCLOSURE)
    if content.body:
        has.append(Has.FULLTEXT)
    author = index_text(content.author) if content.author else ""
    if categories := index_text(" ".join(content.categories)) if content.categories else "":
        author += " #" + categories.replace(" ", " #")
    return Searchable(
        title=index_text(content.title or ""),
        body=index_text(body_text(content)),
        author=author,
        site=site,
        linked=tuple(sorted(linked - {site})),
        language=(content.language or language or "").lower() or None,
        has=tuple(has),
    )


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
