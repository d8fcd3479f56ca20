"""What the headers of answers say, in our words; their names are in lower case. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from newsreel.model.capture import Validators

# Longer spans than this are nonsense, and large enough ones overflow a date.
LONGEST = timedelta(days=3650)
# Headers by which a guard before the publisher says that it wants to see a browser.
CHALLENGES = ("cf-mitigated", "x-vercel-mitigated", "x-amzn-waf-action")


def validators_of(headers: Mapping[str, str]) -> Validators:
    """Return ETag and Last-Modified as received."""
    return Validators(headers.get("etag") or None, headers.get("last-modified") or None)


def max_age_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return for how long the answer stays fresh (RFC 9111, 4.2), None where nothing is said."""
    directives = _directives(headers.get("cache-control", ""))
    if "no-cache" in directives or "no-store" in directives:
        return None
    if (age := _seconds(directives.get("max-age"))) is not None:
        spent = _seconds(headers.get("age")) or timedelta()
        return max(age - spent, timedelta())
    expires = _date(headers.get("expires"))
    if expires is None:
        return None
    # Measured on the publisher's own clock: ours may differ.
    fresh = expires - (_date(headers.get("date")) or now)
    return min(fresh, LONGEST) if fresh > timedelta() else None


def retry_after_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long to wait (RFC 9110, 10.2.3), given in seconds or as a date."""
    text = headers.get("retry-after")
    if text is None:
        return None
    if (wait := _seconds(text)) is not None:
        return wait
    until = _date(text)
    if until is None:
        return None
    return min(max(until - (_date(headers.get("date")) or now), timedelta()), LONGEST)


def is_challenge(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether a guard before the publisher took us for a robot it does not want."""
    if any("challenge" in headers.get(name, "").lower() for name in CHALLENGES):
        return True
    return status == 403 and "html" in headers.get("content-type", "").lower()


def _directives(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(text: str | None) -> timedelta | None:
    digits = (text or "").strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return min(timedelta(seconds=int(digits[:12])), LONGEST)


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
