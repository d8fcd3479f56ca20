"""What a hub promised: to push what a feed publishes (WebSub)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class HubStatus(StrEnum):
    """How we stand with a hub, in words that stay the same."""

    ASKED = "asked"
    VERIFIED = "verified"
    DENIED = "denied"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Announcement:
    """The hub that a feed names, and the address that the feed goes by there."""

    hub: str
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSubscription:
    """What we asked a hub for, and what came of it.

    ``token`` is the last part of the callback's address, ``secret`` what pushes are signed with,
    empty for a hub that is told none; neither stands anywhere but in the database.
    ``is_pending``: a request of ours waits to be confirmed. ``next_at`` is when we ask again, or
    renew; ``attempts`` counts requests since the last that was confirmed. ``ignored`` counts
    pushes that were not taken in; ``fault`` says why the last one was not, or what is wrong with
    the hub.
    """

    feed_id: int
    announced: Announcement
    token: str = field(repr=False)
    secret: str = field(repr=False)
    status: HubStatus
    is_pending: bool = False
    asked_at: datetime
    next_at: datetime
    attempts: int = 0
    lease_until: datetime | None = None
    last_push_at: datetime | None = None
    pushes: int = 0
    ignored: int = 0
    fault: str | None = None
