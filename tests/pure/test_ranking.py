"""What is found, in its order, and what is shown of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.core.matching import prepare_query
from newsreel.core.ranking import rank
from newsreel.core.snippets import MOST_CHARS, hit_of
from newsreel.formats.query import parse_query
from newsreel.model.query import Candidate, Order, Query, Snippet, TextField

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def wording(name: str, *, age: timedelta = timedelta(), **values: object) -> Candidate:
    plain = Candidate(
        entry_id=1,
        public_id=name,
        feed_id=1,
        revision=1,
        is_current=True,
        day=(NOW - age).date(),
        moment=NOW - age,
        language="en",
    )
    return replace(plain, **values)  # type: ignore[arg-type]


def asked(text: str) -> Query:
    return prepare_query(parse_query(text, NOW), ("en", "de"))


def best_first(text: str, *candidates: Candidate, order: Order = Order.RELEVANCE) -> list[str]:
    ranked = rank(asked(text), candidates, order=order, now=NOW)
    turned = rank(asked(text), candidates[::-1], order=order, now=NOW)
    assert ranked == turned
    return [candidate.public_id for candidate, _ in ranked]


def shown(snippet: Snippet) -> str:
    """Return a snippet with its marks as brackets and its cuts as dots."""
    text, at = "", 0
    for start, end in snippet.marks:
        text += f"{snippet.text[at:start]}[{snippet.text[start:end]}]"
        at = end
    text += snippet.text[at:]
    return f"{'…' * snippet.is_cut_before}{text}{'…' * snippet.is_cut_after}"


# --- order ------------------------------------------------------------------------------------


def test_title_counts_more_than_author_more_than_body() -> None:
    assert best_first(
        "harbour",
        wording("body", body="the harbour"),
        wording("author", author="Ann Harbour"),
        wording("title", title="The harbour"),
    ) == ["title", "author", "body"]


def test_the_word_itself_counts_more_than_its_other_forms() -> None:
    assert best_first(
        "election",
        wording("form", title="Elections now"),
        wording("word", title="Election now"),
    ) == ["word", "form"]


def test_other_forms_count_only_in_their_language() -> None:
    (english, polish) = rank(
        asked("election"),
        [wording("en", title="Elections"), wording("pl", title="Elections", language="pl")],
        now=NOW,
    )

    assert (english[0].public_id, polish[0].public_id) == ("en", "pl")
    assert english[1] > polish[1] == 0


def test_words_together_count_more_than_words_apart() -> None:
    far = "harbour " + "and other things " * 30 + "bridge"
    assert best_first(
        "harbour bridge",
        wording("far", body=far),
        wording("near", body="bridge of a harbour " + "and other things " * 30),
        wording("beside", body="harbour bridge " + "and other things " * 30),
    ) == ["beside", "near", "far"]


def test_rare_alternatives_count_more() -> None:
    commons = [wording(f"common {n}", title="harbour", age=n * DAY) for n in range(5)]

    assert best_first("harbour OR lighthouse", *commons, wording("rare", title="lighthouse"))[
        0
    ] == "rare"  # fmt: skip


def test_fresh_entries_count_more_but_relevance_wins() -> None:
    assert best_first(
        "harbour",
        wording("old", title="harbour", age=100 * DAY),
        wording("new in passing", body="harbour"),
        wording("new", title="harbour", age=DAY),
    ) == ["new", "old", "new in passing"]


def test_old_wordings_count_less() -> None:
    assert best_first(
        "harbour",
        wording("old", title="harbour", is_current=False),
        wording("current", title="harbour"),
    ) == ["current", "old"]


def test_excluded_words_do_not_count() -> None:
    ranked = rank(asked("harbour -bridge"), [wording("a", title="harbour bridge")], now=NOW)
    plain = rank(asked("harbour"), [wording("a", title="harbour bridge")], now=NOW)

    assert ranked == plain


def test_what_is_equal_is_ordered_by_age_then_id() -> None:
    old = wording("a", title="harbour", age=DAY)
    candidates = (wording("c", title="x"), wording("b", title="x"), old)

    assert best_first("lang:en", *candidates) == ["b", "c", "a"]
    assert best_first("harbour", *candidates, order=Order.NEWEST) == ["b", "c", "a"]


def test_future_dates_gain_nothing() -> None:
    ranked = rank(
        asked("harbour"),
        [wording("future", title="harbour", age=-400 * DAY), wording("now", title="harbour")],
        now=NOW,
    )

    assert ranked[0][1] == ranked[1][1]


def test_nothing_is_ranked_as_nothing() -> None:
    assert rank(asked("harbour"), [], now=NOW) == []


# --- snippets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("strasse", "Die „Straße“ ist lang", "Die „[Straße]“ ist lang"),
        ("zolw", "Żółw i żółwie", "[Żółw] i żółwie"),
        ("ete", "un e\u0301te\u0301 long", "un [e\u0301te\u0301] long"),
        ("election", "Elections, election", "[Elections], [election]"),
        ("elec*", "Elections elected", "[Elections] [elected]"),
        ('"old harbour"', "The old, old harbour", "The old, [old harbour]"),
        ("harbour harbours", "harbour Harbours", "[harbour] [Harbours]"),
        ("C++", "“C++”, C and C#", "“[C++]”, C and C#"),
        ("AT&T", "the AT&T way", "the [AT&T] way"),
        ("東京タワー", "新しい東京タワーが", "新しい[東京タワー]が"),
        ("猫", "犬と猫が好き", "犬と[猫]が好き"),
        ("猫", "犬と猫", "犬と[猫]"),
        ("ｶﾞｽ", "都市ガス料金", "都市[ガス]料金"),
        ("gas", "ＧＡＳ料金", "[ＧＡＳ]料金"),
        ("istanbul", "İSTANBUL’da", "[İSTANBUL]’da"),
        ("👍", "so 👍🏽🎉", "so [👍🏽]🎉"),
        ("author:harbour", "harbour", "harbour"),
        ("-bridge harbour", "harbour", "[harbour]"),
    ],
)
def test_titles_are_marked_where_they_match(query: str, text: str, marked: str) -> None:
    assert shown(hit_of(asked(query), wording("a", title=text)).title) == marked


def test_passage_is_where_most_of_the_words_are() -> None:
    body = (
        "A harbour. " + "Nothing happens here. " * 30 + "The harbour bridge is old. " + "x " * 200
    )

    (snippet,) = hit_of(asked("harbour bridge"), wording("a", body=body)).snippets

    assert "[harbour] [bridge] is old" in shown(snippet)
    assert shown(snippet).startswith("…")
    assert shown(snippet).endswith("…")
    assert len(snippet.text) <= MOST_CHARS


def test_words_far_apart_have_a_passage_each() -> None:
    body = "A harbour. " + "Nothing happens here. " * 30 + "The bridge is old."

    snippets = hit_of(asked("harbour bridge"), wording("a", body=body)).snippets

    assert [snippet.text[slice(*snippet.marks[0])] for snippet in snippets] == [
        "harbour",
        "bridge",
    ]


def test_body_begins_where_nothing_in_it_matches() -> None:
    hit = hit_of(asked("title:harbour"), wording("a", title="harbour", body="One harbour. " * 40))

    (snippet,) = hit.snippets
    assert snippet.marks == ()
    assert snippet.text.startswith("One harbour.")
    assert (snippet.is_cut_before, snippet.is_cut_after) == (False, True)


def test_author_and_categories_are_shown_where_they_match() -> None:
    candidate = wording("a", author="Ann Harbour", categories=("Bridges", "Harbour"))

    snippets = hit_of(asked("author:harbour category:harbour"), candidate).snippets

    assert [(snippet.field, shown(snippet)) for snippet in snippets] == [
        (TextField.AUTHOR, "Ann [Harbour]"),
        (TextField.CATEGORY, "Bridges, [Harbour]"),
    ]


def test_hit_names_its_wording() -> None:
    candidate = wording("a", revision=3, is_current=False, title="harbour")

    hit = hit_of(asked("harbour"), candidate, 2.5)

    assert (hit.revision, hit.is_current, hit.score) == (3, False, 2.5)


PIECES = st.sampled_from(
    [
        "harbour",
        "Straße",
        "東京",
        "猫",
        "น้ำ",
        "e\u0301",
        "👍🏽",
        "👩\u200d🚒",
        "ﬁ",
        " ",
        "\n",
        "ａ",
        "x" * 90,
    ]
)


@given(st.lists(PIECES, max_size=80).map("".join), st.sampled_from(
    ["harbour", "strasse", "東京", "猫", "น้ำ", "e", "👍", "fi*", "a OR 京", "harbour 猫 fi"]
))  # fmt: skip
def test_passages_are_pieces_of_the_text(body: str, query: str) -> None:
    hit = hit_of(asked(query), wording("a", title=body, body=body))
    plain = body.replace("\n", " ")

    for snippet in (hit.title, *hit.snippets):
        assert snippet.text in plain
        ends = [place for mark in snippet.marks for place in mark]
        assert ends == sorted(ends)
        assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.marks)
    for snippet in hit.snippets:
        assert snippet.text == snippet.text.strip()
        assert snippet.text[:1] not in {"\u0301", "\u200d", "\U0001f3fd", "\u0e49"}


def test_long_bodies_are_cut_in_time() -> None:
    body = "東京都が" * 100_000

    hit = hit_of(asked("東京"), wording("a", body=body))

    assert hit.snippets[0].is_cut_after
    assert date(2026, 1, 20) == hit.day
