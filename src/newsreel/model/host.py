"""What politeness remembers of a host."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class HostState:
    """No request to ``host`` before ``not_before``; at least ``gap`` between two.

    ``asked_at`` is when it was last asked by anybody, to the second, where that is known.
    """

    host: str
    not_before: datetime | None = None
    gap: timedelta = timedelta()
    asked_at: datetime | None = None
