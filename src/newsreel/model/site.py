"""What is remembered of sites: their icons, and what they ask of robots."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """The robots.txt of an origin (RFC 9309), as it came; not asked for again before ``next_at``.

    ``status`` is that of the answer, None where none came that means something.
    """

    origin: str
    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    fetched_at: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """The icon of a site, or that it has none (``body`` None) and why.

    ``fault`` is a word as those of polls, or ``not-a-picture``: what came may not be shown.

    ``content_type`` is what the bytes are, whatever the server said of them. Not asked for again
    before ``next_at``, found or not.
    """

    site_url: str
    icon_url: str | None = None
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    fetched_at: datetime
    next_at: datetime
    fault: str | None = None
