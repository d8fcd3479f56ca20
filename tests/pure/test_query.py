"""The search language: what a text asks for, what is said about it, and that any text is valid."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filter_rules import is_language_meant, is_on_site
from newsreel.core.matching import (
    MOST_INFLECTED,
    begins_link,
    host_of,
    prepare_query,
)
from newsreel.formats.query import (
    MOST_CHARS,
    MOST_DEPTH,
    MOST_TERM_CHARS,
    MOST_TERMS,
    parse_query,
    text_of,
)
from newsreel.model.query import (
    And,
    Days,
    Filter,
    FilterKind,
    Form,
    Has,
    Node,
    Not,
    Or,
    Phrase,
    TextField,
    Word,
)

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
A, B, C = Word("a"), Word("b"), Word("c")

PIECES = st.sampled_from([
    "title:", "author:(", 'feed:"', "site:", "lang:de", "is:unread", "has:image", "day:", "story:",
    "2026-01", "7d", "after:", "before:", "0001-01-01", "9999", "..", "OR", "AND", "NOT", "|", "&",
    "-", "--", "–", "-(", "(", ")", '"', "“", "»", "「", "*", "C#", 'צה"ל', "é", "東京", "。",
    "foo", "bar", "it’s", "!!", "title=", "link==", "date_published>", "https://a.b/", "HTTP://(",
    "\ud800", "\x00", "\n", "\u3000", " ", " ", " ", "  ", "A", ".title:x", "f(x)", "1,000", ":",
    "//", "=", ">", "/", "~", "+", "#", "'", ";",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join))


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("a", A),
        ("a b", And((A, B))),
        ("a a", A),
        ("a OR b", Or((A, B))),
        ("a OR b c", And((Or((A, B)), C))),
        ("a b OR c", And((A, Or((B, C))))),
        ("(a b) OR c", Or((And((A, B)), C))),
        ("a | b || c", Or((A, B, C))),
        ("a AND b & c", And((A, B, C))),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("-(-a)", A),
        ("-(a OR b)", Not(Or((A, B)))),
        ("a OR -b", Or((A, Not(B)))),
        ('"a b"', Phrase("a b")),
        ('"a b"*', Phrase("a b", is_prefix=True)),
        ("a*", Word("a", is_prefix=True)),
        ("“a  b”", Phrase("a b")),
        ("title:a", Word("a", TextField.TITLE)),
        ("title: a", Word("a", TextField.TITLE)),
        ('-title:"a b"', Not(Phrase("a b", TextField.TITLE))),
        (
            "author:(a OR body:b)",
            Or((Word("a", TextField.AUTHOR), Word("b", TextField.BODY))),
        ),
        ("site:x.example", Filter(FilterKind.SITE, "x.example")),
        ("lang:pt_BR", Filter(FilterKind.LANGUAGE, "pt-br")),
        ("feed:(x OR y)", Or((Filter(FilterKind.FEED, "x"), Filter(FilterKind.FEED, "y")))),
        ("has:images", Filter(FilterKind.HAS, Has.IMAGE)),
        ("is:revised", Filter(FilterKind.HAS, Has.REVISION)),
        ("US$5.4, (C++)", And((Word("US$5.4"), Word("C++")))),
        ("10:30", Word("10:30")),
        ("f(x)", Word("f/x")),
        ("", And(())),
        ("!!!", Or(())),
        ('""', Or(())),
    ],
)  # fmt: skip
def test_text_is_read(text: str, root: Node) -> None:
    assert parse_query(text, NOW).root == root


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("day:2026-01-05", date(2026, 1, 5), date(2026, 1, 5)),
        ("day:5.1.2026", date(2026, 1, 5), date(2026, 1, 5)),
        ("day:20260105", date(2026, 1, 5), date(2026, 1, 5)),
        ("day:2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("day:2025-12", date(2025, 12, 1), date(2025, 12, 31)),
        ("day:2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("day:today", date(2026, 1, 20), date(2026, 1, 20)),
        ("day:yesterday", date(2026, 1, 19), date(2026, 1, 19)),
        ("day:2026-01-05..2026-01-07", date(2026, 1, 5), date(2026, 1, 7)),
        ("day:..2025", None, date(2025, 12, 31)),
        ("after:2026-01", date(2026, 1, 1), None),
        ("before:2026-01", None, date(2025, 12, 31)),
        ("until:2026-01", None, date(2026, 1, 31)),
        ("after:7d", date(2026, 1, 13), None),
        ("after:2w", date(2026, 1, 6), None),
        ("before:13h", None, date(2026, 1, 18)),
        ("date_published>2026-01-05", date(2026, 1, 5), None),
        ("date_published < 2026-01-05", None, date(2026, 1, 4)),
        ("date_published<=2026-01-05T10:00", None, date(2026, 1, 5)),
        ("date_created=2026-01-05", date(2026, 1, 5), date(2026, 1, 5)),
    ],
)
def test_days_are_read(text: str, first: date | None, last: date | None) -> None:
    assert parse_query(text, NOW).root == Days(first, last)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("is:unread a", "“is:unread” needs accounts, which are not there yet: it changes nothing"),
        ("story:7 a", "“story:7” needs stories, which are not there yet: it changes nothing"),
        ("has:bogus", "“has:bogus” was not understood: searched as words"),
        ("day:2026-02-30", "“day:2026-02-30” was not understood: searched as words"),
        ("before:0001", "“before:0001” was not understood: searched as words"),
        ("after:99999y", "“after:99999y” was not understood: searched as words"),
        ("lang:!!", "“lang:!!” was not understood: searched as words"),
        ("foo:bar", "“foo:” is no field and was searched as a word"),
        ('"a', "a quotation mark is not closed: the phrase goes to the end"),
        ('"', "a phrase without words was left out"),
        ('a "" b', "a phrase without words was left out"),
        ('a title:" ', "a phrase without words was left out"),
        ("(a", "a parenthesis is not closed"),
        ("a)", "a parenthesis closes nothing"),
        ("a OR", "“OR” has nothing after it and was left out"),
        ("OR a", "“OR” has nothing before it and was left out"),
        ("a !!!", "“!!!” holds no letters or digits and was left out"),
        ("http://x.de", "“http://x.de” is searched as the beginning of an entry's link"),
        ("(" * 9 + "a", f"parentheses more than {MOST_DEPTH} deep were left out"),
        ("a" * 300, f"only the first {MOST_TERM_CHARS} characters of “{'a' * 40}…” count"),
        ("a " * MOST_CHARS, f"only the first {MOST_CHARS} characters were read"),
        (" ".join(map(str, range(33))), "only the first 32 words, phrases and filters count"),
        ("\x1b[31m!:x", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, note: str) -> None:
    notes = parse_query(text, NOW).notes

    assert note in notes if note else notes == ()


def test_words_without_letters_are_said_to_be_left_out() -> None:
    query = prepare_query(parse_query("a …", NOW))

    assert query.notes == ("“…” holds no letters or digits and was left out",)
    assert query.root == Word("a", forms=(Form(("a",)),))


def test_nothing_left_to_look_for_finds_nothing() -> None:
    assert prepare_query(parse_query("…", NOW)).root == Or(())
    assert prepare_query(parse_query("", NOW)).root == And(())


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("AT&T", (("at", "t"),)),
        ("U.S.", (("u", "s"), ("us",))),
        ("US", (("us",), ("u", "s"))),
        ("us", (("us",),)),
        ("e-mail", (("e", "mail"), ("email",))),
        ("O’Neill", (("o", "neill"), ("oneill",))),
        ("it's", (("it", "s"),)),
        ("Anna's", (("anna", "s"), ("anna",))),
        ("1,250,000", (("1", "250", "000"), ("1250000",))),
        ("1250000", (("1250000",), ("1", "250", "000"))),
        ("2026", (("2026",),)),
        ("5.4", (("5", "4"),)),
        ("10.000,50", (("10", "000", "50"),)),
        ("COVID-19", (("covid", "19"), ("covid19",))),
    ],
)
def test_words_have_other_spellings(text: str, forms: tuple[tuple[str, ...], ...]) -> None:
    root = prepare_query(parse_query(text, NOW)).root

    assert isinstance(root, Word)
    assert tuple(form.tokens for form in root.forms) == forms


def test_forms_are_those_of_the_language_that_is_asked_for() -> None:
    words = [
        prepare_query(parse_query(text, NOW), languages).root
        for text, languages in (("elections", ("en", "fr")), ("elections lang:fr", ("en",)))
    ]

    assert isinstance(words[0], Word)
    assert [found.language for found in words[0].inflections] == ["en", "fr"]
    assert isinstance(words[1], And)
    assert isinstance(words[1].parts[0], Word)
    assert [found.language for found in words[1].parts[0].inflections] == ["fr"]


@pytest.mark.parametrize("text", ["-e-mail", "-US", "-(Anna's OR 1250000)", '"US"'])
def test_what_is_excluded_or_quoted_has_no_other_spellings(text: str) -> None:
    for node in nodes_of(prepare_query(parse_query(text, NOW)).root):
        assert not isinstance(node, Word | Phrase) or len(node.forms) == 1


@pytest.mark.parametrize("text", ["-elections", '"elections"', "elections*", "AT&T"])
def test_what_must_stand_as_it_is_has_no_other_forms(text: str) -> None:
    for node in nodes_of(prepare_query(parse_query(text, NOW), ("en",)).root):
        assert not isinstance(node, Word) or node.inflections == ()


def test_other_forms_are_bounded() -> None:
    words = " ".join(f"{stem}ing{stem}tion" for stem in "abcdefghijklmnopqrstuvwxyz")
    query = prepare_query(parse_query(words, NOW), ("en", "de", "fr", "es", "it", "nl") * 5)

    found = [node for node in nodes_of(query.root) if isinstance(node, Word)]
    assert sum(len(word.inflections) for word in found) <= MOST_INFLECTED


# --- any text ---------------------------------------------------------------------------------


def nodes_of(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from nodes_of(part)
        case Not(part):
            yield from nodes_of(part)
        case _:
            pass


def depth_of(node: Node) -> int:
    match node:
        case And(parts) | Or(parts):
            return 1 + max(map(depth_of, parts), default=0)
        case Not(part):
            return 1 + depth_of(part)
        case _:
            return 0


@given(TEXTS)
@example("AFTER:TITLE:0")
@example('"0:\u3000{')
def test_any_text_is_a_query(text: str) -> None:
    query = parse_query(text, NOW)
    prepared = prepare_query(query, ("en", "pl"))

    for node in nodes_of(query.root):
        assert not isinstance(node, And | Or) or len(node.parts) != 1
    terms = [node for node in nodes_of(query.root) if not isinstance(node, And | Or | Not)]
    assert len(terms) <= MOST_TERMS
    assert depth_of(query.root) <= 3 * MOST_DEPTH + 3
    assert all(note.isprintable() and len(note) < 200 for note in prepared.notes)
    for node in nodes_of(prepared.root):
        assert not isinstance(node, Word | Phrase) or all(form.tokens for form in node.forms)
        if isinstance(node, Filter):
            node.value.encode()
            assert "\x00" not in node.value


@given(TEXTS)
@example("AFTER:TITLE:0")
@example('"0:\u3000{')
@example("HTTP://(")
@example("f(x) (f(x) OR g)")
def test_query_as_text_is_the_same_query(text: str) -> None:
    root = parse_query(text, NOW).root
    again = text_of(parse_query(text, NOW))

    assert parse_query(again, NOW).root == root
    assert text_of(parse_query(again, NOW)) == again


def calls_of(text: str) -> int:
    """Return how many functions of Python are called to read and prepare a query."""
    count = 0

    def called(_frame: FrameType, event: str, _value: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        prepare_query(parse_query(text, NOW))
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "piece",
    ["(", "((a", "f(", "a(b", ")", 'a"', 'א"', "-", "-a ", "x:", "title:(", "a_", "title =", "|",
     "OR ", "!a ", "https://a ", "1,000", "a's", "day:1..", "..", "東", "\ud800", "a OR (b "],
)  # fmt: skip
def test_work_grows_with_the_text_and_no_more(piece: str) -> None:
    short, long = (calls_of(piece * (chars // len(piece))) for chars in (1500, 3000))

    assert long < 2.5 * short + 1000
    assert calls_of(piece * 20_000) < 150 * MOST_CHARS


# --- what filters mean ------------------------------------------------------------------------


def test_sites_are_hosts_or_domains_above() -> None:
    assert is_on_site("paper.example", "https://user@news.Paper.example:8080/x?y#z")
    assert is_on_site("https://www.paper.example/a", "http://www.paper.example/b")
    assert not is_on_site("aper.example", "https://paper.example/")
    assert not is_on_site("paper.example", "https://else.example/?u=https://paper.example/")
    assert not is_on_site("", "https://paper.example/")
    assert not is_on_site("paper.example", None)
    assert host_of("https://paper.example\\@else.example/") == "paper.example"


def test_links_begin_without_scheme_and_www() -> None:
    assert begins_link("http://Paper.example/a", "https://www.paper.example/a/b")
    assert not begins_link("paper.example/b", "https://paper.example/a/b")
    assert not begins_link("", "https://paper.example/")
    assert not begins_link("paper", None)


def test_languages_are_matched_by_their_beginning() -> None:
    assert is_language_meant("pt", "pt-BR")
    assert is_language_meant("pt-br", "pt-BR")
    assert not is_language_meant("pt-br", "pt")
    assert not is_language_meant("p", "pt")
    assert not is_language_meant("pt", None)
