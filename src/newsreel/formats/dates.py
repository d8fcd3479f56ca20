"""Dates as publishers write them.

A date is read from what stands in the text and from nothing else: no part is taken from today, a
missing zone is reported, an ambiguous order of day and month (``06/07/2026``) gives no date. The
frequent forms (RFC 5322, RFC 3339) have a pattern each; whatever else is taken apart in three
steps: the time, the zone, then the day.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

LONGEST = 120
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A moment in UTC; ``has_zone`` is False where the text named no zone, or an unknown one."""

    at: datetime
    has_zone: bool


def read_date(text: str | None, *, default_zone: tzinfo | None = None) -> ReadDate | None:
    """Return the moment that a publisher's text names, or None.

    Without a zone in the text it is read in ``default_zone``, else as UTC.
    """
    if not text:
        return None
    if (match := _RFC_3339.match(text)) or (match := _RFC_5322.match(text)):
        found = _from_match(match)
    else:
        found = _taken_apart(text)
    if found is None:
        return None
    at, offset = found
    try:
        if offset is None and default_zone is not None:
            at = at.replace(tzinfo=default_zone).astimezone(UTC)
        elif offset:
            at -= timedelta(minutes=offset)
    except OverflowError:
        return None
    return ReadDate(at, offset is not None) if FIRST_YEAR <= at.year <= LAST_YEAR else None


_RFC_3339 = re.compile(
    r"\s*(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:T|"
    r"\ )(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,]\d{1,12})?"
    r"(?P<z>Z|[+-]\d\d:?\d\d)\s*\Z",
    re.ASCII,
)
_RFC_5322 = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\ +)?(?P<d>\d{1,2})\ (?P<m>[A-Za-z]{3})\ (?P<y>\d{4})\ "
    r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)\ (?P<z>[+-]\d{4}|[A-Za-z]{1,5})\s*\Z",
    re.ASCII,
)

# Months by the first letters of their names, accents removed; the longest entry that fits counts.
# English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Russian, Ukrainian,
# Turkish, Hungarian,
# Greek, Finnish, the Scandinavian languages, Romanian, Indonesian.
_MONTH_NAMES = (
    "jan jän gen ene sty led янв січ oca ιαν tammi ian janv styc",
    "feb fév fev lut úno uno únor фев лют şub sub φεβ helmi febb",
    "mar mär mrz maa bře bre mrt берез мар maalis μαρ märz",
    "apr avr abr kwi dub апр квіт nis ápr απρ huhti",
    "may mai mag maj kvě kve май мая трав máj μαι mei touko mayo maio",
    "jun juin giu cze čer cer июн черв haz jún ιουν kes iun juni",
    "jul juil lug lip čvc cvc červenec července июл лип tem júl ιουλ hein iul juli",
    "aug aou août ago sie srp авг серп ağu agu αυγ elo",
    "sep set wrz zář zar сен вер eyl szept σεπ syys",
    "oct okt ott out paź paz říj rij окт жовт eki οκτ loka",
    "nov lis ноя листоп kas noi νοε marras",
    "dec dez dic déc gru pro дек груд ara δεκ joulu des",
)


def _plain(text: str) -> str:
    """Return the text in lower case, without accents, full-width digits made plain."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ı", "i"))
    return "".join(c for c in folded if not unicodedata.combining(c))


_MONTHS = {
    _plain(name): number
    for number, names in enumerate(_MONTH_NAMES, start=1)
    for name in names.split()
}
_SHORT = {
    form: number
    for name, number in _MONTHS.items()
    if len(name) == 3
    for form in (name, name.capitalize(), name.upper())
}

# Minutes east of Greenwich. Where one abbreviation names several zones, the one that feeds use
# most counts.
_ZONES = {
    **dict.fromkeys(("z", "gmt", "ut", "utc", "wet", "etc/gmt", "etc/utc", "zulu", "uct"), 0),
    **dict.fromkeys(("cet", "met", "mez", "west", "bst", "wat", "mewt", "swt", "fwt"), 60),
    **dict.fromkeys(("cest", "mest", "mesz", "eet", "sast", "cat", "mess", "fst", "sst"), 120),
    **dict.fromkeys(("eest", "msk", "eat", "ast-3", "trt", "idt"), 180),
    **dict.fromkeys(("msd", "gst", "samt"), 240),
    "irst": 210,
    "irdt": 270,
    "aft": 270,
    "pkt": 300,
    "uzt": 300,
    "yekt": 300,
    "ist": 330,
    "npt": 345,
    "bdt": 360,
    "omst": 360,
    "ict": 420,
    "wib": 420,
    "krat": 420,
    "mmt": 390,
    **dict.fromkeys(("hkt", "sgt", "myt", "pht", "awst", "wita", "irkt", "cct"), 480),
    **dict.fromkeys(("jst", "kst", "wit", "yakt", "awdt"), 540),
    "acst": 570,
    "aest": 600,
    "vlat": 600,
    "acdt": 630,
    "aedt": 660,
    "magt": 660,
    "nzst": 720,
    "nzt": 720,
    "nzdt": 780,
    "chst": 600,
    "pett": 720,
    "azot": -60,
    "brst": -120,
    "ndt": -150,
    "nst": -210,
    "nt": -210,
    **dict.fromkeys(("brt", "art", "adt", "clst", "uyt", "gft", "pmst"), -180),
    **dict.fromkeys(("ast", "at", "edt", "clt", "bot", "vet", "amt", "pyt"), -240),
    **dict.fromkeys(("est", "et", "cdt", "cot", "pet", "ect", "eastern"), -300),
    **dict.fromkeys(("cst", "ct", "mdt", "central"), -360),
    **dict.fromkeys(("mst", "mt", "pdt", "mountain"), -420),
    **dict.fromkeys(("pst", "pt", "akdt", "pacific"), -480),
    "akst": -540,
    "hadt": -540,
    "hst": -600,
    "hast": -600,
}


def _from_match(match: re.Match[str]) -> tuple[datetime, int | None] | None:
    """Return what one of the two frequent patterns found."""
    year, month, day, hour, minute, second, zone = match.group("y", "m", "d", "H", "M", "S", "z")
    number = _SHORT.get(month) or (int(month) if month.isdecimal() else _month_of(month))
    if not number:
        return None
    at = _moment((int(year), number, int(day)), (int(hour), int(minute), int(second)))
    return None if at is None else (at, _offset_of(zone))


def _moment(day: tuple[int, int, int], time: tuple[int, int, int]) -> datetime | None:
    """Return day and time as if in UTC; 24:00 is the next day, a leap second the one before it."""
    year, month, number = day
    hour, minute, second = time
    try:
        if hour == 24 and minute == second == 0:
            return datetime(year, month, number, tzinfo=UTC) + timedelta(days=1)
        return datetime(year, month, number, hour, minute, second - (second == 60), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _offset_of(zone: str) -> int | None:
    """Return a zone's minutes east of Greenwich; None where nobody knows it."""
    if zone[:1] in "+-":
        digits = zone[1:].replace(":", "")
        if len(digits) <= 2:
            digits = digits.zfill(2) + "00"
        hours, minutes = int(digits[:-2]), int(digits[-2:])
        if hours > 15 or minutes > 59:
            return None
        return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    return _ZONES.get(zone.lower())


def _month_of(word: str) -> int | None:
    word = _plain(word)
    for length in range(min(len(word), 9), 2, -1):
        if number := _MONTHS.get(word[:length]):
            return number
    return None


_TIME = re.compile(
    r"(?<![\d:.+-])(?:(?P<before>오전|오후|上午|下午|午前|午後)\s*)?"
    r"(?P<H>\d{1,2})(?:[:：](?P<M>\d{1,2})(?:[:：](?P<S>\d{1,2})(?:[.,]\d{1,12})?)?|"
    r"(?=\s?[ap]\.?m\b)"
    r"|\s?h\s?(?P<Mh>\d\d)?\b|[시時时]\s*(?P<Mc>\d{1,2})[분分](?:\s*(?P<Sc>\d{1,2})[초秒])?)"
    r"(?![\d:])\s*(?P<after>[ap]\.?m\b\.?)?",
    re.IGNORECASE,
)
_ZONE = re.compile(
    r"\s*\(?(?:(?P<name>etc/[a-z]+|"
    r"[a-z]{1,8})?\s*(?P<offset>[+-]\s?\d{1,2}(?::?\d\d)?)?)(?![\d:])\)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(\d{4})(\d\d)(\d\d)[T ]?(?:(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?)?\Z", re.I
)
_WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?\Z", re.IGNORECASE)
_ORDINAL = re.compile(r"(\d{4}|\d\d)-?(\d{3})\Z")
_YEAR_FIRST = re.compile(
    r"(?<!\d)(\d{4})(?:\s?[-/.]\s?|\s?[年년]\s*)(\d{1,3}|[^\W\d_]{3,})(?:\s?[-/.]\s?|"
    r"\s?[月월]\s*)(\d{1,2})(?!\d)"
)
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|[.ºª])?[\s,./-]*(?:de\s+|"
    r"of\s+)?([^\W\d_]{3,})\b[\s,.'’/-]*(?:de[l]?\s+)?(\d{4}|\d\d)(?!\d)"
)
_MONTH_DAY = re.compile(
    r"([^\W\d_]{3,})\b[\s.,-]*(\d{1,2})(?:st|nd|rd|th)?(?:[\s,]+(?:of\s+)?|-)(\d{4})(?!\d)"
)
_MONTH_DAY_LATER = re.compile(r"([^\W\d_]{3,})\b[\s.]*(\d{1,2})\b.*(?<!\d)(\d{4})(?!\d)")
_YEAR_NAME = re.compile(r"(?<!\d)(\d{4})[.,]?\s+([^\W\d_]{3,})\.?\s+(\d{1,2})(?!\d)")
_DOTTED = re.compile(r"(?<!\d)(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d\d)(?!\d)")
_SLASHED = re.compile(r"(?<!\d)(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?!\d)")
_MONTH_ONLY = re.compile(r"(\d{4})[-/](\d\d)\Z")
_MONTH_YEAR = re.compile(r"([^\W\d_]{3,})[\s,.]+(\d{4})\Z")

# Marks of writing direction, a colon before the zone, seconds in the zone, the frame of ASP.NET.
_NOISE = re.compile(
    r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]|:(?=[+-]\d)|(?<=[+-]\d\d:\d\d):00\Z"
    r"|\A/Date\(|\)/\Z"
)

Day = tuple[int, int, int]
Found = tuple[datetime, int | None] | None


def _taken_apart(text: str) -> Found:
    """Read the rarer forms: a number alone, else the time, the zone and the day in turn."""
    text = " ".join(text[: LONGEST * 4].split())
    if not text or len(text) > LONGEST or "://" in text:
        return None
    text = _NOISE.sub("", unicodedata.normalize("NFKC", text))
    if text.isascii() and text.replace(".", "", 1).replace("-", "").isdecimal():
        return _from_digits(text)
    compact = _COMPACT.match(text)
    if compact:
        return _from_compact(compact)
    time: tuple[int, int, int] = (0, 0, 0)
    offset: int | None = None
    us_style = False
    clock = _TIME.search(text)
    if clock:
        hour = int(clock["H"])
        half = clock["before"] or (clock["after"] or "").lower()
        if half:
            us_style = not clock["before"]
            hour = hour % 12 + (12 if half in {"오후", "下午", "午後"} or half[0] == "p" else 0)
        minute, second = (
            int(clock["M"] or clock["Mh"] or clock["Mc"] or 0),
            int(clock["S"] or clock["Sc"] or 0),
        )
        time = hour, minute, second
        text, offset = _without_time(text, clock)
    day = _day_of(text, us_style=us_style)
    at = None if day is None else _moment(day, time)
    if at is None:
        return None
    if offset is None and _is_korean(text, clock):
        return at - timedelta(hours=9), None
    return at, offset


def _is_korean(day: str, time: re.Match[str] | None) -> bool:
    """Tell whether a date is written in Korean, which is spoken in one zone."""
    half = time["before"] if time is not None else None
    return "년" in unicodedata.normalize("NFC", day) or half in {"오전", "오후"}


def _without_time(text: str, time: re.Match[str]) -> tuple[str, int | None]:
    """Return the text without time and zone, and the zone's offset if one is known."""
    zone = _ZONE.match(text, time.end())
    if zone is None:
        return f"{text[: time.start()]} {text[time.end() :]}", None
    name, shift = zone["name"], (zone["offset"] or "").replace(" ", "")
    known = _ZONES.get(name.lower()) if name else None
    offset = known
    end = zone.end()
    if shift and (name is None or known is not None):
        east = _offset_of(shift)
        offset = None if east is None else east + (known or 0)
    elif name is not None and known is None:
        end = time.end()
    head = text[: time.start()].rstrip()
    if head[-1:] in {"T", "t"} and head[-2:-1].isdigit():
        head = head[:-1]
    return f"{head.rstrip(' ,')} {text[end:].strip()}".strip(), offset


def _from_digits(text: str) -> Found:
    """Read digits, and perhaps dots and hyphens: Unix time, compact dates, ISO 8601."""
    if re.fullmatch(r"\d{9,10}(?:\.\d+)?", text):
        return datetime.fromtimestamp(int(text.partition(".")[0]), UTC), 0
    if re.fullmatch(r"\d{12,13}", text) and not text.startswith("20"):
        return datetime.fromtimestamp(int(text) // 1000, UTC), 0
    if match := _COMPACT.match(text):
        return _from_compact(match)
    day = _day_of(text, us_style=False)
    at = None if day is None else _moment(day, (0, 0, 0))
    return None if at is None else (at, None)


def _from_compact(match: re.Match[str]) -> Found:
    year, month, day, hour, minute, second, zone = match.groups()
    at = _moment(
        (int(year), int(month), int(day)), (int(hour or 0), int(minute or 0), int(second or 0))
    )
    return None if at is None else (at, _offset_of(zone) if zone else None)


def _day_of(text: str, *, us_style: bool) -> Day | None:
    """Return year, month and day that a text without time names."""
    for pattern, order in (
        (_YEAR_FIRST, (1, 2, 3)),
        (_DAY_MONTH, (3, 2, 1)),
        (_MONTH_DAY, (3, 1, 2)),
        (_YEAR_NAME, (1, 2, 3)),
        (_DOTTED, (3, 2, 1)),
        (_MONTH_DAY_LATER, (3, 1, 2)),
    ):
        for match in pattern.finditer(text):
            year, month, day = match.group(*order)
            number = int(month) if month.isdecimal() else _month_of(month)
            if number:
                return _full_year(year), number, int(day)
    slashed = _SLASHED.search(text)
    if slashed:
        return _slashed(slashed, us_style=us_style)
    return _unusual_day(text)


def _full_year(year: str) -> int:
    """Return the year that two digits stand for (RFC 5322, 4.3)."""
    number = int(year)
    return number if len(year) > 2 else number + (2000 if number < 50 else 1900)


def _slashed(match: re.Match[str], *, us_style: bool) -> Day | None:
    """Return the day of ``13/01/2026``; None where either may be the month, unless in US style."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if first > 12:
        return year, second, first
    if second > 12 or us_style or first == second:
        return year, first, second
    return None


def _unusual_day(text: str) -> Day | None:
    """Read ISO weeks, ordinal days, two-digit years and dates that name no day, or no month."""
    try:
        if match := _WEEK.match(text):
            at = datetime.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
            return at.year, at.month, at.day
        if re.fullmatch(r"\d{6}", text):
            return _full_year(text[:2]), int(text[2:4]), int(text[4:])
        if match := _ORDINAL.match(text):
            at = datetime(_full_year(match[1]), 1, 1, tzinfo=UTC) + timedelta(
                days=int(match[2]) - 1
            )
            return (at.year, at.month, at.day) if at.year == _full_year(match[1]) else None
    except (ValueError, OverflowError):
        return None
    if match := _MONTH_ONLY.match(text):
        return int(match[1]), int(match[2]), 1
    if re.fullmatch(r"\d{2}-\d\d(-\d\d)?", text):
        year, month, *rest = text.split("-")
        return _full_year(year), int(month), int(rest[0]) if rest else 1
    if re.fullmatch(r"(?:19|20|21)\d\d", text):
        return int(text), 1, 1
    if (match := _MONTH_YEAR.search(text)) and (number := _month_of(match[1])):
        return int(match[2]), number, 1
    return None
