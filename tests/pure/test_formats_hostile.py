"""Hostile documents: an answer in linear time, never an exception other than NotAFeed."""

import json
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.errors import NotAFeed
from newsreel.formats.document import parse
from newsreel.formats.html import sanitised
from newsreel.formats.html_text import text_of
from newsreel.model.entry import ParsedFeed

START, END = "<rss><channel><title>F</title><item><guid>1</guid></item>", "</channel></rss>"
N = 50_000
LARGE = {
    "tags that open": "<a " * N,
    "quotes that open": '<a b="' * N,
    "ends": "</a>" * N,
    "elements in elements": "<a>" * N,
    "items in items": "<item>" * N,
    "CDATA that opens": "<a><![CDATA[</a>" * N + "]]>",
    "comments that open": "<!--" * N,
    "instructions that open": "<?x " * N,
    "less-than": "<" * N,
    "ampersands": "&" * N,
    "names of entities": f"<item><title>{'&abc ' * N}</title></item>",
    "references": f"<item><title>{'&#1;' * N}</title></item>",
    "escaped tags": f"<item><title>{'&lt;b&gt;' * N}</title></item>",
    "one author": f"<item><author>{'a@b.c ' * N}</author></item>",
    "dots": f"<item><author>a@{'b.' * N}</author></item>",
    "attributes": "<item " + " ".join(f'a{n}="1"' for n in range(N)) + "/>",
    "namespaces": "<item " + " ".join(f'xmlns:a{n}="u{n}"' for n in range(N // 2)) + "/>",
    "categories": f"<item>{''.join(f'<category>{n}</category>' for n in range(N // 2))}</item>",
    "extras": f"<item>{''.join(f'<x{n}>1</x{n}>' for n in range(N // 2))}</item>",
    "spaces in a date": f"<item><pubDate>Tue, {' ' * N * 10}x</pubDate></item>",
    "digits in a date": f"<item><pubDate>{'1' * N * 10}</pubDate></item>",
}


@pytest.mark.parametrize("inside", LARGE.values(), ids=LARGE.keys())
def test_a_large_document_is_read_in_linear_time(inside: str) -> None:
    began = process_time()
    with suppress(NotAFeed):
        assert parse((START + inside + END).encode()).entries

    assert process_time() - began < 3


def test_a_text_beyond_the_limit_is_cut_and_flagged() -> None:
    body = f"{START}<item><title>{'x' * 9_000_000}</title></item><item><guid>3</guid></item>{END}"

    found = parse(body.encode())

    assert len(found.entries) == 3
    assert found.truncated
    assert "a text of more than 8 MB" in {fault.what for fault in found.forgiven}


def test_json_that_breaks_off_in_a_long_item_keeps_those_before_it() -> None:
    front = '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "😀"},'

    found = parse((front + '{"id": "2", "content_text": "' + "x" * 2_000_000).encode())

    assert [entry.guid for entry in found.entries] == ["1"]
    assert found.truncated


def test_deep_html_is_made_text() -> None:
    assert sanitised("<div>" * 20_000 + "a & b") == "a &amp; b"
    assert text_of("<div>" * 20_000 + "a & b") == "a & b"


PIECES = [
    "<rss>",
    "<channel>",
    "<item>",
    "</item>",
    "<entry>",
    "<feed>",
    "</feed>",
    "<title>",
    "</title>",
    "<link>",
    "<link href='x'/>",
    "<description>",
    "</description>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?xml version='1.0' encoding='",
    "?>",
    "<!DOCTYPE x [",
    "<!ENTITY a 'b'>",
    "]>",
    "&a;",
    "&amp;",
    "&#0;",
    "&#x110000;",
    "<dc:creator>",
    "<a:b xmlns:a='",
    "xml:base='http://[::1'",
    "<guid>",
    "<pubDate>2026-01-06</pubDate>",
    "<content type='xhtml'>",
    "<div>",
    "mode='base64'",
    "\x00",
    "\ufffe",
    "é",
    "{",
    '"items":[',
    "]",
    "}",
    ":",
    "<",
    ">",
    "'",
    '"',
    "/",
    " ",
    "<newsreel-cut/>",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40), st.booleans())
def test_any_heap_of_pieces_is_a_feed_or_none(pieces: list[str], wrap: bool) -> None:
    text = "".join(pieces)
    body = (START + text + END if wrap else text).encode("utf-8", "surrogatepass")

    with suppress(NotAFeed):
        assert_fit(parse(body, url="https://example.org/feed"))


@given(st.binary(max_size=300), st.text(max_size=30) | st.none())
def test_any_bytes_are_a_feed_or_none(body: bytes, content_type: str | None) -> None:
    for whole in (body, START.encode() + body + END.encode(), b"<feed>" + body):
        with suppress(NotAFeed):
            assert_fit(parse(whole, content_type=content_type))


def assert_fit(feed: ParsedFeed) -> None:
    """What was read can be written: no half characters, no NUL."""
    written = repr(feed)
    written.encode()
    assert "\0" not in (feed.title or "")
    assert all("\0" not in (entry.body or "") for entry in feed.entries)


def test_what_a_limit_cuts_of_an_unknown_element_is_marked() -> None:
    many = "".join(f"<x:n>{number}</x:n>" for number in range(600))
    deep = "<x:d>" * 10 + "x" + "</x:d>" * 10
    item = f"<item><title>t</title><x:all>{many}</x:all><x:deep>{deep}</x:deep></item>"
    body = f'<rss xmlns:x="urn:x"><channel><title>f</title>{item}</channel></rss>'.encode()

    (entry,) = parse(body).entries

    assert '"…": true' in json.dumps(entry.extras["?urn:x:all"], ensure_ascii=False)
    assert '"…": true' in json.dumps(entry.extras["?urn:x:deep"], ensure_ascii=False)
