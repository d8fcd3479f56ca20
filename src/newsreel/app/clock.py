"""Where use cases get the time from, so that a demo or a simulation runs on its own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
