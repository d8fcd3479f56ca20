from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.dates import ReadDate, read_date

# Text, moment in UTC, whether the zone is known.
UNDERSTOOD = [
    ("Tue, 06 Jan 2026 14:03:09 GMT", "2026-01-06T14:03:09", True),
    ("Tue, 6 Jan 26 14:03 +0100", "2026-01-06T13:03:00", True),
    ("Mon, 06 Jan 2026 14:03:09 CEST", "2026-01-06T12:03:09", True),
    ("Tue,06 January 2026 14:03:09 EST", "2026-01-06T19:03:09", True),
    ("Tue, 06 Jan 2026 14:03:09 GMT+0100", "2026-01-06T13:03:09", True),
    ("Tue Jan  6 14:03:09 2026", "2026-01-06T14:03:09", False),
    ("Tue Jan 06 14:03:09 +0200 2026", "2026-01-06T12:03:09", True),
    ("2026-01-06T14:03:09.123Z", "2026-01-06T14:03:09", True),
    ("2026-01-06T14:03:09+05:30", "2026-01-06T08:33:09", True),
    ("2026-01-06 14:03", "2026-01-06T14:03:00", False),
    ("2026-01-06", "2026-01-06T00:00:00", False),
    ("2026-01", "2026-01-01T00:00:00", False),
    ("2026", "2026-01-01T00:00:00", False),
    ("20260106T140309Z", "2026-01-06T14:03:09", True),
    ("2026-W02-2", "2026-01-06T00:00:00", False),
    ("2026-006", "2026-01-06T00:00:00", False),
    ("1767708189", "2026-01-06T14:03:09", True),
    ("1767708189000", "2026-01-06T14:03:09", True),
    ("January 6th, 2026 at 2:03 pm", "2026-01-06T14:03:00", False),
    ("06.01.2026 14:03", "2026-01-06T14:03:00", False),
    ("31/01/2026", "2026-01-31T00:00:00", False),
    ("01/06/2026 2:03 PM", "2026-01-06T14:03:00", False),
    ("mar, 06 janv. 2026 14:03:09 +0100", "2026-01-06T13:03:09", True),
    ("6 de enero de 2026", "2026-01-06T00:00:00", False),
    ("wto, 06 sty 2026 14:03:09 +0100", "2026-01-06T13:03:09", True),
    ("6 января 2026, 14:03", "2026-01-06T14:03:00", False),
    ("Τρι, 06 Ιαν 2026 14:03:09 EET", "2026-01-06T12:03:09", True),
    ("2026-január-6T9:15+01:00", "2026-01-06T08:15:00", True),
    ("2026年1月6日 14時03分", "2026-01-06T14:03:00", False),
    ("2026-01-06 오후 11:03:09", "2026-01-06T14:03:09", False),
    ("2026-01-06T14:03:09-05:00:00", "2026-01-06T19:03:09", True),
    ("2026-01-06T14:03:09:-0500", "2026-01-06T19:03:09", True),
    ("Tue, 06 Jan 2026 14:03:09 \u200e+0100", "2026-01-06T13:03:09", True),
    ("Tue Jan, 6 2026 14:03 GMT", "2026-01-06T14:03:00", True),
    ("2026. január 6. 14:03", "2026-01-06T14:03:00", False),
    ("/Date(1767708189000)/", "2026-01-06T14:03:09", True),
    ("2026-01-06T24:00:00Z", "2026-01-07T00:00:00", True),
    ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59", True),
    ("Wed, 06 Jan 2026 14:03:09 NOWHERE", "2026-01-06T14:03:09", False),
]  # fmt: skip
NONE = [
    None, "", "-", "tomorrow", "yesterday 10:00", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T00:00:00Z", "Sat, 30 Feb 2025 10:00:00 GMT", "2026-13-45T99:99:99Z",
    "Tue, 06 Foo 2026 14:03:09 GMT", "Tue, 06 Jan 20266 14:03:09 GMT", "14:03:09", "6 January",
    "01/06/2026", "https://example.org/2026/01/06", "9" * 5_000, "1:" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment", "has_zone"), UNDERSTOOD, ids=[c[0] for c in UNDERSTOOD]
)
def test_a_date_is_read(text: str, moment: str, *, has_zone: bool) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert read_date(text) == ReadDate(expected, has_zone)


@pytest.mark.parametrize("text", NONE, ids=lambda t: repr(t)[:40])
def test_what_names_no_moment_is_no_date(text: str | None) -> None:
    assert read_date(text) is None


def test_a_missing_zone_can_be_given() -> None:
    cet = timezone(timedelta(hours=1))

    found = read_date("2026-01-06 14:03:09", default_zone=cet)

    assert found == ReadDate(datetime(2026, 1, 6, 13, 3, 9, tzinfo=UTC), has_zone=False)


@given(st.text(max_size=200))
def test_any_text_is_a_date_in_utc_or_none(text: str) -> None:
    found = read_date(text)

    assert found is None or (found.at.tzinfo is UTC and 1900 <= found.at.year <= 2200)


@given(st.integers(-(10**9), 7 * 10**9), st.integers(-14 * 60, 14 * 60))
def test_both_standard_forms_name_the_same_moment(second: int, offset: int) -> None:
    moment = datetime.fromtimestamp(second, timezone(timedelta(minutes=offset)))

    internet = read_date(moment.isoformat())
    mail = read_date(moment.strftime("%a, %d %b %Y %H:%M:%S %z"))

    assert internet == mail == ReadDate(moment.astimezone(UTC), has_zone=True)
