"""Days as people ask for them: ``2026-01-05``, ``2026-01``, ``5.1.2026``, ``7d``, ``today``."""

import re
from datetime import date, datetime, timedelta

from newsreel.model.query import Days

_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2})(?:T[\d:.Z+-]*)?)?)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_LOCAL = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_AGO = re.compile(r"(\d{1,5})([hdwmy])", re.ASCII)
_UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}
_ONE_DAY = timedelta(days=1)


def days_of(text: str, now: datetime) -> Days | None:
    """Return the days that a text means: one, a month, a year, ``A..B``; None: it means none.

    ``7d`` is the day seven days before ``now``; there are h, d, w, m (30 days) and y (365 days).
    Days are those of UTC.
    """
    if ".." in text:
        first_text, _, last_text = text.partition("..")
        first = days_of(first_text, now) if first_text else Days(None, None)
        last = days_of(last_text, now) if last_text else Days(None, None)
        return Days(first.first, last.last) if first and last and len(text) > 2 else None
    try:
        return _span(text.lower(), now)
    except (ValueError, OverflowError):
        return None


def days_from(text: str, now: datetime) -> Days | None:
    """Return the days from a text's first on."""
    days = days_of(text, now)
    return Days(days.first, None) if days and days.first else None


def days_until(text: str, now: datetime) -> Days | None:
    """Return the days up to a text's last."""
    days = days_of(text, now)
    return Days(None, days.last) if days and days.last else None


def days_before(text: str, now: datetime) -> Days | None:
    """Return the days before a text's first."""
    days = days_of(text, now)
    if not days or not days.first or days.first == date.min:
        return None
    return Days(None, days.first - _ONE_DAY)


def _span(text: str, now: datetime) -> Days | None:
    if text in {"today", "yesterday"}:
        day = now.date() - _ONE_DAY * (text == "yesterday")
        return Days(day, day)
    if ago := _AGO.fullmatch(text):
        day = (now - int(ago[1]) * _UNITS[ago[2]]).date()
        return Days(day, day)
    if local := _LOCAL.fullmatch(text):
        return _days(int(local[3]), int(local[2]), int(local[1]))
    if found := _COMPACT.fullmatch(text) or _DATE.fullmatch(text.upper()):
        return _days(*(int(part) for part in found.groups() if part))
    return None


def _days(year: int, month: int = 0, day: int = 0) -> Days:
    first = date(year, month or 1, day or 1)
    if day:
        return Days(first, first)
    if month and month < 12:
        return Days(first, date(year, month + 1, 1) - _ONE_DAY)
    return Days(first, date(year, 12, 31))
