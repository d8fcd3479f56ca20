import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.html import sanitised
from newsreel.formats.html_feeds import FoundFeed, find_feeds
from newsreel.formats.html_text import first_text, text_of

BASE = "https://example.org/a/"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (None, ""),
        ("a &amp; b &lt; c", "a & b < c"),
        ("<p>One\n two</p><p>Three<br>four</p>five", "One two\nThree\nfour\nfive"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<img alt='a gull' src=x> flies", "a gull flies"),
        ("before <!-- never closed> after", "before after"),
        ("<b>AT&T</b>", "AT&T"),
    ],
)
def test_html_becomes_text_for_people(html: str | None, text: str) -> None:
    assert text_of(html) == text


def test_the_first_text_ends_after_a_word() -> None:
    assert first_text("<p>The ferry was late again today.</p>", 20) == "The ferry was late…"
    assert first_text("<p>Short</p>", 20) == "Short"


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "<iframe src='javascript:alert(1)'></iframe>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<svg/onload=alert(1)>",
        "<p style='background:url(javascript:alert(1))'>x</p>",
        "<img srcset='javascript:alert(1) 1x'>",
        "<form action='javascript:alert(1)'><input></form>",
        "<style>@import 'javascript:alert(1)'</style>",
        "<base href='javascript:alert(1)//'>",
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<svg><title><style><img src=x onerror=alert(1)></style></title></svg>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<div>" * 100_000 + "<img src=x onerror=alert(1)>",
    ],
    ids=lambda html: html[:40],
)
def test_what_is_sanitised_runs_nothing(html: str) -> None:
    safe = sanitised(html, base=BASE)

    tags = " ".join(re.findall(r"<[^>]*>", safe)).lower()
    assert not re.search(r"<(script|iframe|style|form|base|meta)", tags)
    assert not re.search(r"\bon\w+=|(java|vb)script:", tags)


def test_relative_links_are_resolved() -> None:
    html = '<a href="../x">x</a><img src="y.png" srcset="y.png 1x, /z.png 2x"><a href="#n">n</a>'

    safe = sanitised(html, base=BASE)

    assert 'href="https://example.org/x"' in safe
    assert 'src="https://example.org/a/y.png"' in safe
    assert 'srcset="https://example.org/a/y.png 1x, https://example.org/z.png 2x"' in safe
    assert 'href="#n"' in safe


@given(st.text("<>/=\"'ab &;!-[]script onerjvu:#x", max_size=120))
def test_cleaning_twice_changes_nothing_that_matters(html: str) -> None:
    once = sanitised(html)

    assert "<script" not in once.lower()
    assert "<script" not in sanitised(once).lower()
    assert isinstance(text_of(html), str)


def test_a_page_names_its_feeds_in_order() -> None:
    page = b"""<html><head><base href="https://www.example.org/">
      <link rel="alternate" type="application/rss+xml" title="News" href="/rss">
      <link rel="alternate" type="application/atom+xml" href="/atom">
      <link rel="alternate" type="application/feed+json" href="/feed.json">
      <link rel="alternate" type="application/json" href="/wp-json/x">
      <link rel="alternate" hreflang="de" href="/de"><link rel="stylesheet" href="/rss.css">
      </head><body><a href="/rss">RSS again</a><a href="/blog/feed/">Blog</a>
      <a href="https://share.example/?u=feed">share</a><a href="javascript:feed.rss">no</a>"""

    assert find_feeds(page, "https://example.org/") == (
        FoundFeed("https://www.example.org/rss", "News", "application/rss+xml"),
        FoundFeed("https://www.example.org/atom", None, "application/atom+xml"),
        FoundFeed("https://www.example.org/feed.json", None, "application/feed+json"),
        FoundFeed("https://www.example.org/blog/feed/", "Blog", None),
    )


def test_a_page_of_any_depth_names_its_feeds_in_linear_time() -> None:
    page = b"""<head><base href="https://www.example.org/">
      <link rel="alternate" type="application/rss+xml" title="News" href="/rss"></head>"""
    page += b"<div>" * 100_000 + b"<a href='/blog/feed/'>Blog</a>"
    began = process_time()

    found = find_feeds(page, "https://example.org/")

    assert process_time() - began < 3
    assert found == (
        FoundFeed("https://www.example.org/rss", "News", "application/rss+xml"),
        FoundFeed("https://www.example.org/blog/feed/", None, None),
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_with_some_feeds_or_none(page: bytes) -> None:
    assert isinstance(find_feeds(page, "https://example.org/", None), tuple)
