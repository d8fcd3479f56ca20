"""What politeness remembers of a host."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class HostState:
    """No request to ``host`` before ``not_before``; at least ``gap`` between two."""

    host: str
    not_before: datetime | None = None
    gap: timedelta = timedelta()
