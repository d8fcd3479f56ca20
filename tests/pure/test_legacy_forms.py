import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats import legacy_json, legacy_markdown
from newsreel.formats.imports import understand
from newsreel.formats.legacy_archive import (
    LegacyDocument,
    is_storable,
    paired,
    read_json,
    read_markdown,
    with_tags_of,
)
from newsreel.formats.legacy_names import clean, day_of_path, is_harmless, name_of_path, safe_name
from newsreel.formats.legacy_records import legacy_of, seen_at_of
from newsreel.model.entry import Content, Doubt

GOLDEN = Path(__file__).parent.parent / "golden" / "legacy"
FILES = sorted(GOLDEN.rglob("*_entries.*"))
BEFORE, SINCE = date(2024, 1, 23), date(2024, 1, 24)


def document(body: bytes | str) -> LegacyDocument:
    found = understand(body.encode() if isinstance(body, str) else body)
    assert isinstance(found, LegacyDocument)
    return found


def golden(pattern: str) -> LegacyDocument:
    path = min(GOLDEN.rglob(pattern))
    return document(path.read_bytes())


def written(found: LegacyDocument) -> bytes:
    writer = found.writer
    return writer.write(
        (record.content, writer.leftover_of(record.values, record.content))
        for record in found.records
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GOLDEN).as_posix()[8:])
def test_a_file_of_every_period_is_written_again_byte_for_byte(path: Path) -> None:
    body = path.read_bytes()

    assert written(document(body)) == body


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GOLDEN).as_posix()[8:])
def test_rows_give_the_file_though_only_what_the_digest_covers_is_theirs(path: Path) -> None:
    found = document(path.read_bytes())
    writer = found.writer
    rows = []
    for record in found.records:
        told = record.content
        bare = Content(
            title=told.title, permalink=told.permalink, summary=told.summary, author=told.author
        )
        rows.append((bare, writer.leftover_of(record.values, bare, is_pinned_only=True)))

    assert writer.write(rows) == found.body


@pytest.mark.parametrize(
    ("day", "layout"),
    [
        ("2022-12-21", "2022-09-05"),
        ("2020-05-04", "2020"),
        ("2024-06-10", "2024-03-28"),
        ("2024-09-19", "2024-09-19"),
        ("2024-11-25", "2024-11-25"),
        ("2024-12-09", "2024-12-09"),
        ("2025-04-14", "2025-04-14"),
    ],
)
def test_a_period_is_named_and_not_spelt_out(day: str, layout: str) -> None:
    (path, *_) = sorted(GOLDEN.rglob(f"{day}/*_entries.json"))

    assert document(path.read_bytes()).form["keys"] == layout


def test_a_row_keeps_only_what_neither_its_wording_nor_the_form_tells() -> None:
    found = golden("2025-04-14/*.json")
    record = found.records[0]

    assert found.writer.leftover_of(record.values, record.content) == {
        "date_created": "2025-04-14T12:00:00.123456+00:00",
    }
    assert legacy_of(record.content) == {
        "id": 1079,
        "page_rating": 27,
        "page_rating_contents": 82,
        "source__id": 17,
    }


@pytest.mark.parametrize(
    ("source", "before", "since"),
    [
        ("https://a.example/rss/4", "https.a.examplerss4", "https...a.example.rss.4"),
        ("http://a.example/x.xml?id=U_1&b=2", "http.a.examplex.xml.id.U_1&b.2",
         "http...a.example.x.xml.id.U_1&b.2"),
        ("a\\b,c@d$'+%", "ab,c@d$'+%", "a.b,c@d$'+%"),
    ],
    ids=["slashes", "query", "the rest stays"],
)  # fmt: skip
def test_names_follow_the_rule_of_their_time(source: str, before: str, since: str) -> None:
    assert clean(source, BEFORE) == before
    assert clean(source, SINCE) == since


@given(st.text(max_size=400))
def test_a_name_of_ours_never_leaves_its_directory(source: str) -> None:
    name = safe_name(source, SINCE)

    assert is_harmless(name)
    assert "/" not in name
    assert len(f"{name}_entries.json".encode("utf-8", "replace")) <= 255


def test_a_taken_name_is_marked_with_the_digest_of_the_address() -> None:
    name = safe_name("https://a.example/b", SINCE, is_taken=True)

    assert name.startswith("https...a.example.b~")
    assert len(name) == len("https...a.example.b~") + 8


def test_day_and_name_come_from_directory_and_file() -> None:
    path = "03.zip/03/2022-03-17/https.a.example_entries.md"

    assert day_of_path(path) == date(2022, 3, 17)
    assert name_of_path(path) == "https.a.example"
    assert name_of_path("x/_entries.json") == ""
    assert name_of_path("x/seed.md") is None
    assert day_of_path("2022-02-30/a.md") is None
    assert day_of_path("x/2022-03-17") is None


def test_the_header_is_read_from_the_right() -> None:
    found = document(
        "# Source:Ropes, URL: a novel, URL:https://r.example/f, language:en\n\n"
        "## One\n - [https://r.example/1](https://r.example/1)\n"
        " - RSS feed: https://r.example/f\n - date published: 2023-05-05 00:00:00+00:00\n"
        "\nText\n\n"
    )

    assert found.title == "Ropes, URL: a novel"
    assert found.url == "https://r.example/f"


def test_a_description_may_look_like_a_headline() -> None:
    found = golden("2020-05-04/https.harbourpost*.md")

    assert [record.content.title for record in found.records] == [
        "Ferry to the islands runs again",
        "Lighthouse “keeper” retires\nafter forty years",
        "Tide tables, corrected",
    ]


def test_none_in_markdown_is_no_value_and_an_empty_text_is_one() -> None:
    found = golden("2025-01-27/*.md")
    leftovers = [found.writer.leftover_of(r.values, r.content) for r in found.records]

    assert [record.content.summary for record in found.records] == ["About gulls.", None, None]
    assert leftovers == [{}, {}, {"description": ""}]


def test_the_slip_hides_the_feed_and_the_header_names_it() -> None:
    found = golden("2025-01-27/*.md")

    assert found.form["feed"] == legacy_markdown.SLIP
    assert {record.source for record in found.records} == {"https://harbourpost.example/feed"}


def test_sourceless_markdown_names_no_source() -> None:
    found = golden("2024-10-13/*.md")

    assert found.url is None
    assert {record.source for record in found.records} == {None}


def test_tags_that_stand_only_in_the_markdown_are_taken_over() -> None:
    twin = golden("2022-12-21/*.md")

    tagged = with_tags_of(golden("2022-12-21/*.json"), twin)

    assert legacy_of(tagged.records[0].content) == {"tags": ["glass", "work"], "user": "ada"}
    assert legacy_of(tagged.records[1].content) == {}
    assert all(paired(twin, tagged))


def test_an_edited_twin_is_another_wording() -> None:
    found = golden("2022-12-21/*.json")
    body = golden("2022-12-21/*.md").body.replace(b"Polished.", b"Polished twice.")

    assert [record is None for record in paired(document(body), found)] == [False, True]


@pytest.mark.parametrize(
    ("text", "raw", "tag"),
    [("en-gb", "en-gb", "en-GB"), ("jp", "jp", "ja"), ("None", "None", None), ("pl", None, "pl")],
)
def test_a_language_is_normalised_and_its_original_kept(
    text: str, raw: str | None, tag: str | None
) -> None:
    (record,) = document(json.dumps([{"title": "a", "link": "b", "language": text}])).records

    assert record.content.language == tag
    assert record.content.extras.get("language_raw") == raw


def dated(*dates: str, created: str | None = None) -> list[frozenset[Doubt]]:
    rows = [
        {"source": "s", "title": "t", "link": str(n), "date_published": at}
        | ({"date_created": created} if created else {})
        for n, at in enumerate(dates)
    ]
    found = document(json.dumps(rows)).records
    return [record.doubts - {Doubt.IMPORTED} for record in found]


def test_microseconds_betray_the_time_of_the_fetch() -> None:
    assert dated("2022-03-02 10:11:12.345678+00:00") == [{Doubt.FETCH_STAMPED}]


def test_a_shared_second_betrays_it_unless_it_is_a_full_minute() -> None:
    assert dated(*["2022-03-02 10:11:12+00:00"] * 2) == [{Doubt.FETCH_STAMPED}] * 2
    assert dated(*["2022-03-02 10:11:00+00:00"] * 9) == [set()] * 9


def test_created_within_seconds_after_published_betrays_it() -> None:
    created = "2026-01-05T10:00:05.5+00:00"

    assert dated("2026-01-05T10:00:00+00:00", created=created) == [{Doubt.FETCH_STAMPED}]


def test_a_feed_whose_least_lag_is_hours_lost_its_zone() -> None:
    dates = [f"2026-01-05T0{hour}:10:00+00:00" for hour in (1, 2, 3)]

    assert dated(*dates, created="2026-01-05T08:00:00+00:00") == [{Doubt.NO_ZONE}] * 3
    assert dated(*dates[:2], created="2026-01-05T08:00:00+00:00") == [set()] * 2


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2022-13-40", "0001-01-01T00:00:00+14:00", "None"]
)
def test_a_broken_date_is_kept_as_text_and_doubted(text: str) -> None:
    (doubts,) = dated(text)

    assert Doubt.NO_DATE in doubts


def test_a_description_of_999_characters_was_cut() -> None:
    rows = [{"title": "t", "link": "l", "description": "ą" * 999}]

    assert Doubt.TRUNCATED in document(json.dumps(rows)).records[0].doubts


def test_an_imported_wording_was_seen_when_created_else_when_the_day_was_written() -> None:
    with_time = golden("2025-04-14/*.json").records[0]
    without = golden("2025-01-27/*.md").records[0]

    assert str(seen_at_of(with_time, date(2025, 4, 14))) == "2025-04-14 12:00:00.123456+00:00"
    assert str(seen_at_of(without, date(2025, 1, 27))) == "2025-01-28 00:00:00+00:00"


def test_lone_surrogates_are_replaced_and_the_form_given_up() -> None:
    found = document(rb'[{"title": "a\ud83d", "link": "https://a.example/1"}]')
    (record,) = found.records
    leftover = found.writer.leftover_of(record.values, record.content)

    assert record.content.title == "a\ufffd"
    assert not is_storable([leftover])


def test_bytes_that_are_no_utf_8_are_read_and_doubted() -> None:
    body = golden("2025-01-27/*.md").body.replace(b"Gulls", b"G\xfclls")
    found = document(body)

    assert found.records[0].content.title == "G\ufffdlls"
    assert Doubt.RECODED in found.records[0].doubts
    assert written(found) != body


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)  # fmt: skip
KEYS = [*legacy_json.LAYOUTS["2025-04-14"], "source", "user", "artist", "odd"]
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(KEYS), JSON_VALUES, max_size=8).map(
        lambda record: {"link": "https://a.example/1", "title": "t"} | record
    ),
    max_size=4,
)


@given(RECORDS, st.sampled_from([None, 4]), st.booleans(), st.booleans())
def test_whatever_stands_in_records_comes_back(
    records: list[dict[str, object]], indent: int | None, is_sorted: bool, is_ascii: bool
) -> None:
    text = json.dumps(records, indent=indent, sort_keys=is_sorted, ensure_ascii=is_ascii)
    found = read_json(text.encode(), json.loads(text))

    assert found is not None
    rewritten = json.loads(written(found))
    cleaned = json.loads(text.replace("\\u0000", "\\ufffd")) if "\\u0000" in text else records
    assert rewritten in (records, cleaned)
    if not any(isinstance(value, dict | list) for record in records for value in record.values()):
        assert written(found).decode() == text


LINE = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=9)


@given(st.lists(st.tuples(LINE, LINE, LINE), min_size=1, max_size=3), st.booleans())
def test_any_markdown_of_the_template_comes_back(
    items: list[tuple[str, str, str]], is_joined: bool
) -> None:
    texts = [
        f"## {title}\n - [https://a.example/{n}](https://a.example/{n})\n - RSS feed: $source\n"
        f" - date published: {at}\n\n{told}\n"
        for n, (title, at, told) in enumerate(items)
    ]  # fmt: skip
    body = "\n".join(texts).encode() if is_joined else "".join(t + "\n" for t in texts).encode()
    found = read_markdown(body)

    assert found is not None
    assert written(found) == body
