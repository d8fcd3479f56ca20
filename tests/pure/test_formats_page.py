"""Pages read as feeds by CSS selectors, and selectors proposed for them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.errors import NoEntries, UsageError
from newsreel.formats.page import (
    MOST_ENTRIES,
    check_rules,
    count_matches,
    is_selector,
    read_page,
)
from newsreel.formats.page_proposals import propose_rules
from newsreel.model.entry import FeedFormat, ParsedEntry, ParsedFeed
from newsreel.model.feed import PageRules

URL = "https://gazette.example/town/"


def page(body: str, head: str = "") -> bytes:
    return (
        f"<!doctype html><html lang=en-GB><head>{head}</head><body>{body}</body></html>".encode()
    )


def read(body: str, head: str = "", **rules: Any) -> ParsedFeed:
    return read_page(page(body, head), PageRules(**rules), url=URL)


def only(feed: ParsedFeed) -> ParsedEntry:
    (entry,) = feed.entries
    return entry


STORY = """<li class=story>
  <a href="/dredging"><img src=a.jpg alt=""></a>
  <h3><a href="/dredging">The harbour is <em>dredged</em> again</a></h3>
  <p>Short.</p><p>The third time since the <a href="/bridge">bridge</a> was built.</p>
  <time datetime="2026-03-04T08:00:00+01:00">this morning</time>
</li>"""


def test_what_pages_usually_do_needs_one_selector() -> None:
    feed = read(f"<ul>{STORY}</ul>", "<title> The\n Gazette </title>", entries="li.story")

    entry = only(feed)
    assert (feed.format, feed.title, feed.link) == (FeedFormat.PAGE, "The Gazette", URL)
    assert feed.language == "en-GB"
    assert entry.title == "The harbour is dredged again"
    assert (entry.link, entry.base_url) == ("/dredging", URL)
    assert entry.published == "2026-03-04T08:00:00+01:00"
    assert entry.summary == ('The third time since the <a href="/bridge">bridge</a> was built.')
    assert entry.guid is None
    assert not feed.forgiven


def test_selectors_say_where_each_part_stands() -> None:
    body = """<article><span class=kicker>Harbour</span>
      <b class=head>Dredged again</b> <a href=/tags/harbour>all</a> <a class=more href=/d>Read</a>
      <i class=when>Posted 4 March 2026</i><time datetime="2020-01-01">old</time>
      <div class=lead>Again <b>and</b> again</div></article>"""

    entry = only(
        read(body, entries="article", title=".head", link=".more", date=".when", summary=".lead")
    )

    assert (entry.title, entry.link) == ("Dredged again", "/d")
    assert entry.published == "Posted 4 March 2026"
    assert entry.summary == "Again <b>and</b> again"


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        ("<a class=card href=/d><h2>Dredged again</h2></a>", "a.card"),
        ("<a href=/d><div class=card><h2>Dredged again</h2></div></a>", "div.card"),
        ("<div class=card><a href=/d><h2>Dredged again</h2></a></div>", ".card"),
        (
            "<li><a href='#top'>up</a><a href='javascript:x()'>js</a><a href=/d>Dredged again</a>",
            "li",
        ),
        ("<li><a href=/d><img alt='Dredged again'></a></li>", "li"),
        ("<li><a href=/d title='Dredged again'><i></i></a></li>", "li"),
    ],
    ids=["is-a-link", "in-a-link", "heading-in-a-link", "no-place-on-the-page", "image", "title"],
)
def test_an_entry_is_found_by_its_link(body: str, entries: str) -> None:
    entry = only(read(body, entries=entries))

    assert (entry.link, entry.title) == ("/d", "Dredged again")


def test_relative_links_go_by_the_base_that_the_page_names() -> None:
    feed = read("<li><a href=d>Dredged</a>", "<base href='/news/'>", entries="li")

    assert only(feed).base_url == "https://gazette.example/news/"


def test_an_address_that_stands_there_twice_is_one_entry_with_what_both_say() -> None:
    body = (
        "<a href=/d><img></a><a href='https://gazette.example/d'>Dredged</a><a href=/e>Else</a>"
        "<a href=/d>Dredged, again</a>"
    )

    feed = read(body, entries="a")

    assert [(entry.link, entry.title) for entry in feed.entries] == [
        ("/d", "Dredged"),
        ("/e", "Else"),
    ]


def test_an_element_without_a_link_is_left_out_and_counted() -> None:
    feed = read("<li><a href=/d>Dredged</a><li>An advertisement<li>Another", entries="li")

    assert len(feed.entries) == 1
    assert feed.extras == {"without_link": 2}
    assert feed.forgiven[0].what == "2 × an entry without a link"


def test_an_entry_inside_an_entry_is_part_of_it() -> None:
    body = (
        "<div class=s><a href=/d>Dredged</a><div class=s><a href=/e>Else</a></div></div>"
        "<div class=s><a href=/f>Flooded</a></div>"
    )

    assert [entry.link for entry in read(body, entries="div.s").entries] == ["/d", "/f"]


def test_a_date_that_cannot_be_read_is_kept_where_it_was_asked_for() -> None:
    body = "<li><a href=/d>Dredged</a> <i>yesterday, at noon</i>"

    assert only(read(body, entries="li", date="i")).published == "yesterday, at noon"
    assert only(read(body, entries="li")).published is None


def test_no_title_is_made_up_where_the_selector_finds_none() -> None:
    entry = only(read("<li><a href=/d>Read on</a>", entries="li", title="h2"))

    assert entry.title is None


def test_a_page_in_another_charset_is_read() -> None:
    body = "<meta charset=windows-1250><li><a href=/d>Łódź pogłębia port</a>".encode("cp1250")

    feed = read_page(body, PageRules(entries="li"), url=URL)

    assert only(feed).title == "Łódź pogłębia port"


@pytest.mark.parametrize(
    ("body", "entries", "told"),
    [
        ("<li>none", "li.story", "nothing on the page is selected by 'li.story'"),
        ("<li>one<li>two", "li", "'li' selects 2 elements without a link"),
        ("<li><a href=/d>x", "li[", "not a CSS selector: 'li['"),
        ("", "li", "nothing on the page"),
    ],
)
def test_rules_that_find_nothing_are_an_error(body: str, entries: str, told: str) -> None:
    with pytest.raises(NoEntries, match=re.escape(told)):
        read(body, entries=entries)


@pytest.mark.parametrize("name", ["entries", "title", "link", "date", "summary"])
def test_a_bad_selector_is_named(name: str) -> None:
    rules = PageRules(**{"entries": "li", name: "li >> a["})

    with pytest.raises(UsageError, match=f"for the {name}: 'li >> a"):
        check_rules(rules)


def test_selectors_are_counted_in_the_entries_that_have_them() -> None:
    body = page("<li><a href=/d><h3>D</h3></a><li><a href=/e>E</a><b>x</b><b>y</b>")

    counts = count_matches(body, PageRules(entries="li", title="h3", date="time", summary="b"))

    assert counts.entries == 2
    assert counts.within == {"title": 1, "date": 0, "summary": 1}


def test_no_limit_is_silent() -> None:
    body = "".join(f"<a href=/{n}>{n}</a>" for n in range(MOST_ENTRIES + 5))

    feed = read(body, entries="a")

    assert len(feed.entries) == MOST_ENTRIES
    assert feed.truncated
    assert feed.forgiven[0].read_as == "the first of them"


def test_a_page_may_be_deep_but_not_so_deep_that_reading_it_takes_for_ever() -> None:
    depths = {depth: "<div>" * depth + "<a href=/d>Dredged</a>" for depth in (2_000, 200_000)}

    assert only(read(depths[2_000], entries="div")).link == "/d"
    with pytest.raises(NoEntries, match="3000 elements in each other"):
        read(depths[200_000], entries="div")


@given(st.binary(max_size=300), st.text(max_size=30))
def test_whatever_the_bytes_and_the_selector_there_are_entries_or_a_reason(
    body: bytes, selector: str
) -> None:
    found: ParsedFeed | str
    try:
        found = read_page(body, PageRules(entries=selector), url=URL)
    except NoEntries as error:
        found = str(error)

    assert found.entries if isinstance(found, ParsedFeed) else found
    assert is_selector(selector) or isinstance(found, str)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=20))
def test_each_address_is_one_entry_in_the_order_of_the_page(names: list[str]) -> None:
    body = "".join(f"<p><a href='/{name}'>{name}</a>" for name in names)

    feed = read(body, entries="p")

    assert [entry.link for entry in feed.entries] == [f"/{name}" for name in dict.fromkeys(names)]


# --- proposals ----------------------------------------------------------------------------------

NAV = "".join(f"<li><a href='/section-{n}'>Section number {n} of ours</a></li>" for n in range(15))
MENU = f"<nav><ul class=menu>{NAV}</ul></nav>"
FOOT = f"<footer><ul>{NAV}</ul></footer>"
TITLES = [f"The harbour is dredged for the {n}th time" for n in range(4, 12)]


def listed(form: str) -> str:
    return "".join(form.format(n=n, title=title) for n, title in enumerate(TITLES, start=1))


CARD = """<a class=Card_x8d href=/n/{n}-harbour><h2>{title}</h2>
    <time datetime=2026-03-0{n}T10:00:00Z>now</time></a>"""
STORY_WITH_TAG = """<li class=story><h3><a href=/2026/03/{n}/harbour.html>{title}</a></h3>
    <p>What the council says about it.</p><span class=when>{n} March 2026</span>
    <a href=/tag/harbour>Harbour</a></li>"""
ROW = "<tr><td>2026-03-0{n}</td><td><a href=release.php?id={n}>{title}</a></td></tr>"
BOX = """<div><div><a href=/posts/on-the-harbour-{n}>{title}</a></div>
    <div>Mar {n}, 2026</div></div>"""
POST = """<article id=post-{n}><header><h2><a href=/archives/{n}00>{title}</a></h2></header>
    <p>A paragraph that leads in.</p></article>"""
LAYOUTS: dict[str, tuple[str, str | None]] = {
    "cards": (f"<div class=grid>{listed(CARD)}</div>", "time"),
    "list-with-tags": (f"<ul class=stories>{listed(STORY_WITH_TAG)}</ul>", ".when"),
    "table": (f"<table><tr><th>Day</th><th>Release</th></tr>{listed(ROW)}</table>", "td"),
    "bare-list": (f"<ul>{listed('<li><a href=n{n}.htm>{title}</a></li>')}</ul>", None),
    "bare-boxes": (f"<div>{listed(BOX)}</div>", "div"),
    "headlines": (listed(POST), None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_first_proposal_reads_the_headlines_and_no_menu(layout: str) -> None:
    main, date = LAYOUTS[layout]
    body = page(f"{MENU}<main>{main}</main>{FOOT}")

    rules = propose_rules(body, url=URL)[0]

    feed = read_page(body, rules, url=URL)
    assert [entry.title for entry in feed.entries] == TITLES
    assert rules.date == date
    assert all((entry.published is not None) == (date is not None) for entry in feed.entries)


@pytest.mark.parametrize(
    "body", ["", "<p>Nothing here", "<a href=/d>One link, and no other</a>", MENU[:80]]
)
def test_nothing_is_proposed_where_nothing_repeats(body: str) -> None:
    assert propose_rules(page(body), url=URL) == ()


@given(
    st.lists(
        st.sampled_from(
            [
                "<div class=a>",
                "</div>",
                "<li>",
                "<a href=/x>word",
                "<a href=/y>words of more",
                "</a>",
                "<time>2026-01-01</time>",
                "<nav>",
            ]
        ),
        max_size=40,
    )
)
def test_what_is_proposed_can_be_used(parts: list[str]) -> None:
    body = page("".join(parts))

    for rules in propose_rules(body, url=URL):
        check_rules(rules)
        assert len(read_page(body, rules, url=URL).entries) >= 3
        assert rules.selectors["entries"] == rules.entries
