"""Tokens: what a text becomes for search, and where in it they stand."""

import sqlite3
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsreel.core.spans import spans_of
from newsreel.core.stems import LANGUAGES, inflections_of
from newsreel.core.terms import LONGEST, index_text, query_tokens

# Pieces that fold to another length, join their neighbours, or part them.
PIECES = st.sampled_from([
    *"ażßæþıİΣςσйёїґـٱעםéｶﾞÅ가東かกิน้🎉🇵½™²’“‘«„…-–_+#.,:'\"&@ \t\n",
    "c++", "C#", "\u0301", "\u0300", "\u0345", "\u00ad", "\u200b", "\u200d", "\ufe0f", "\u1100",
    "\u1161", "\u11a8", "ﬁ", "Ⅳ", "ﷺ", "\ud800", "\x00", "\U0001f3fd", "\u0e4d\u0e32", "\u0e33",
    "\u093c", "\u0901", "\u3099", "\u212a", "\U000e0100", "\U0010ffff", "\ufdd0",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The Café’s “C++” and C#: F# too", "the cafe s cplusplus and csharp fsharp too"),
        ("C+, a#b, #c, c##, C+++", "c a b c c c"),
        ("AT&T US$5.4 2.5% COVID-19", "at t us 5 4 2 5 covid 19"),
        ("STRASSE Straße ﬁnal Œuvre", "strasse strasse final oeuvre"),
        ("İstanbul ISPARTA ısı", "istanbul isparta isi"),
        ("Σίσυφος ΣΊΣΥΦΟΣ", "σισυφοσ σισυφοσ"),
        ("ёлка мой їжак ґанок", "елка мой їжак ганок"),
        ("мо\u0438\u0306", "мой"),
        ("العـــربيةُ أإآٱ كي کی ٢٠٢٦", "العربيه اااا كي كي 2026"),
        ("שָׁלוֹם צה״ל", "שלומ צה ל"),
        ("ज़रूरी चाँद", "जरूरी चांद"),
        ("東京都", "東京 京都 都"),
        ("ｶﾞｽ", "ガス ス"),
        ("AI時代2026年", "ai 時代 代 2026 年"),
        ("น้ำตา", "น้ํา าต ตา า"),
        ("한국 뉴스", "한국 국 뉴스 스"),
        ("so\u00adft\u200d\u200bware", "software"),
        ("Samsung™ 1½ m²", "samsung 1 1 2 m2"),
        ("👍🏽🎉 🇵🇱☀\ufe0f", "👍 🎉 🇵 🇱 ☀"),
        ("e\u0301te\u0301 été", "ete ete"),
        ("x" * 70, "x" * LONGEST),
        ("ж" * 70, "ж" * LONGEST),
        ("\ud800\x00\U0010ffff", ""),
        ("", ""),
    ],
)
def test_text_becomes_tokens(text: str, tokens: str) -> None:
    assert index_text(text) == tokens


@given(TEXTS)
def test_tokens_hold_only_what_they_may(text: str) -> None:
    for token in index_text(text).split(" "):
        assert len(token) <= LONGEST
        assert token.isascii() is False or token == "" or token.isalnum()
        assert token == token.lower() or not token.isascii()
        for char in token:
            assert char <= "\x7f" or unicodedata.category(char)[0] in "LNMSC"
            assert unicodedata.category(char) not in {"Cc", "Cs", "Cf", "Zs"}
        assert len(token.split()) <= 1


@given(st.lists(TEXTS, max_size=4))
def test_databases_keep_tokens_whole(texts: list[str]) -> None:
    """FTS5's own tokenizer finds the tokens that we made, in the same places."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize = 'ascii')")
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
    for rowid, text in enumerate(texts):
        connection.execute("INSERT INTO t (rowid, x) VALUES (?, ?)", (rowid, index_text(text)))

    rows = connection.execute("SELECT doc, offset, term FROM v ORDER BY doc, offset").fetchall()
    connection.close()

    assert rows == [
        (rowid, offset, token)
        for rowid, text in enumerate(texts)
        for offset, token in enumerate(index_text(text).split())
    ]


@given(TEXTS)
@example("İA++")
@example("A++İ")
@example("\u0e19\u0e49\u0e33")
def test_spans_are_those_of_the_index(text: str) -> None:
    spans = spans_of(text)

    assert [span.token for span in spans] == index_text(text).split()
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    starts = [span.start for span in spans]
    assert starts == sorted(starts)


@given(TEXTS, st.data())
def test_wanted_spans_are_all_there(text: str, data: st.DataObject) -> None:
    spans = spans_of(text)
    wanted = data.draw(st.sets(st.sampled_from([*(span.token for span in spans), "a", "c"])))

    found = spans_of(text, wanted)

    assert [span for span in found if span.token in wanted] == [
        span for span in spans if span.token in wanted
    ]


@given(TEXTS)
def test_spans_hold_what_their_token_was_made_of(text: str) -> None:
    for span in spans_of(text):
        assert span.token in index_text(text[span.start : span.end]).split()


def test_spans_are_fine_where_words_are_quoted_or_have_no_blanks() -> None:
    text = "„Straße“—ﬁnal 東京都"

    assert [(span.token, text[span.start : span.end]) for span in spans_of(text)] == [
        ("strasse", "Straße"),
        ("final", "ﬁnal"),
        ("東京", "東京"),
        ("京都", "京都"),
        ("都", "都"),
    ]


@given(TEXTS, TEXTS)
def test_what_is_around_a_word_does_not_change_it(text: str, other: str) -> None:
    both = index_text(f"{text} {other}").split()

    assert both == index_text(text).split() + index_text(other).split()


@given(TEXTS)
def test_composed_or_not_is_the_same(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)

    assert index_text(unicodedata.normalize("NFD", composed)) == index_text(composed)


@pytest.mark.parametrize(
    ("text", "tokens", "is_prefix"),
    [
        ("東京都", ("東京", "京都"), False),
        ("東", ("東",), True),
        ("猫 猫", ("猫", "猫"), True),
        ("猫猫", ("猫猫",), False),
        ("東京 tower", ("東京", "京", "tower"), False),
        ("tower", ("tower",), False),
        ("น้ำ", ("น้ํา",), False),
        ("", (), False),
        ("…", (), False),
    ],
)
def test_what_is_asked_may_go_on(text: str, tokens: tuple[str, ...], is_prefix: bool) -> None:
    assert query_tokens(text) == (tokens, is_prefix)


@given(TEXTS, st.sampled_from(["東京都民", "한국어", "ภาษาไทย", "字"]))
def test_each_part_of_a_run_is_found(text: str, run: str) -> None:
    haystack = f" {index_text(f'{text}|{run}|')} "
    for start in range(len(run)):
        for end in range(start + 1, len(run) + 1):
            tokens, is_prefix = query_tokens(run[start:end])
            if not unicodedata.category(run[start]).startswith("M") and (
                end == len(run) or not unicodedata.category(run[end]).startswith("M")
            ):
                assert f" {' '.join(tokens)}{'' if is_prefix else ' '}" in haystack


# --- other forms of words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "language", "form"),
    [
        ("election", "en", "elections"),
        ("cities", "en", "city"),
        ("vote", "en", "voting"),
        ("stop", "en", "stopped"),
        ("Häuser", "de", "haus"),
        ("cheval", "fr", "chevaux"),
        ("élection", "fr", "elections"),
        ("canción", "es", "canciones"),
        ("eleição", "pt", "eleicoes"),
        ("ragazzo", "it", "ragazzi"),
        ("verkiezing", "nl", "verkiezingen"),
        ("val", "sv", "valet"),
        ("valg", "nb", "valget"),
        ("valg", "da", "valget"),
        ("wybory", "pl", "wyborow"),
        ("volby", "cs", "volbach"),
        ("выборы", "ru", "выборов"),
        ("вибори", "uk", "виборів"),
        ("εκλογές", "el", "εκλογων"),
        ("seçim", "tr", "secimler"),
        ("ház", "hu", "hazak"),
        ("casă", "ro", "case"),
        ("الحكومة", "ar", "حكومه"),
        ("حكومة", "ar", "والحكومه"),
        ("ממשלה", "he", "הממשלה"),
        ("किताब", "hi", "किताबें"),
    ],
)
def test_words_have_other_forms(word: str, language: str, form: str) -> None:
    (found,) = inflections_of(word, (language,))

    assert found.language == language
    assert form in found.tokens
    assert index_text(word) not in found.tokens


@pytest.mark.parametrize(
    ("word", "language", "other"),
    [
        ("university", "en", "universe"),
        ("car", "en", "care"),
        ("car", "en", "cara"),
        ("Kind", "de", "kino"),
    ],
)
def test_other_words_are_no_forms(word: str, language: str, other: str) -> None:
    assert all(other not in found.tokens for found in inflections_of(word, (language,)))


@pytest.mark.parametrize("word", ["no", "1250", "3d", "AT&T", "東京", "x" * 40, "…", ""])
def test_some_words_have_no_other_forms(word: str) -> None:
    assert list(inflections_of(word, sorted(LANGUAGES))) == []


def test_scripts_have_their_languages() -> None:
    assert {found.language for found in inflections_of("выборы", sorted(LANGUAGES))} == {
        "ru",
        "uk",
    }
    assert list(inflections_of("выборы", ("xx", ""))) == []


@given(TEXTS)
def test_forms_are_single_tokens_and_few(text: str) -> None:
    for found in inflections_of(text, sorted(LANGUAGES)):
        assert 0 < len(found.tokens) <= 60
        assert all(index_text(token) == token for token in found.tokens)
