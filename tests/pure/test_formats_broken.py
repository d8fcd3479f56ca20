"""Broken documents: whatever is readable is read, and what was forgiven is named."""

import pytest

from newsreel.errors import NotAFeed
from newsreel.formats.document import parse
from newsreel.model.entry import ParsedFeed

START = '<rss version="2.0"><channel><title>Feed</title><link>http://e.example/</link>'
END = "</channel></rss>"


def item(number: int, inside: str = "") -> str:
    return (
        f"<item><title>Item {number}</title><link>http://e.example/{number}</link>"
        f"<guid>g{number}</guid>{inside}</item>"
    )


def first(inside: str) -> str:
    """A feed of three items, the first with something in it."""
    return START + item(1, inside) + item(2) + item(3) + END


ITEMS = item(1) + item(2) + item(3)
WHOLE = START + ITEMS + END
THREE = {
    "control characters": first("<description>a\x0b\x00b</description>"),
    "entities of HTML": first("<x>&eacute;&nbsp;&nope;</x>"),
    "references to nothing": first("<x>&#x1F;&#xFFFF;&#99999999;&#x;</x>"),
    "bare less-than": first("<description>a < b <= c <3</description>"),
    "tags that overlap": first("<description><b><i>x</b></i></description>"),
    "bare ampersand in an address": first('<enclosure url="http://e.example/?a=1&b"/>'),
    "less-than in an attribute": first('<enclosure url="http://e.example/<b>"/>'),
    "end of CDATA twice": first("<x><![CDATA[a]]>]]></x>"),
    "CDATA without end": (
        START
        + item(1, "<description><![CDATA[a</description>")
        + item(2, "<x><![CDATA[b]]></x>")
        + item(3)
        + END
    ),
    "comment without end": START + item(1) + "<!-- x " + item(2) + item(3) + END,
    "comment with hyphens": START + "<!-- a -- b -->" + ITEMS + END,
    "declaration later": "\n \x0c<?xml version='1.0'?>" + WHOLE,
    "declaration without quotes": "<?xml version=1.0 encoding=utf-8?>" + WHOLE,
    "something after the root": WHOLE + "<!-- x --><script>a && b</script> & more",
    "capitals": (
        WHOLE.upper()
        .replace("ITEM ", "Item ")
        .replace("FEED<", "Feed<")
        .replace(">G", ">g")
        .replace("HTTP://E.EXAMPLE", "http://e.example")
    ),
    "a prefix on everything": (
        WHOLE.replace("</", "\0")
        .replace("<", "<n:")
        .replace("\0", "</n:")
        .replace("<n:rss", '<n:rss xmlns:n="urn:x"')
    ),
    "no rss element": WHOLE[19:-6],
    "no channel": WHOLE.replace("<channel>", "").replace("</channel>", ""),
    "title without end": WHOLE.replace("Item 2</title>", "Item 2"),
    "wrong end": WHOLE.replace("Item 1</title>", "Item 1</titel>"),
    "ends without start": first("</description></p>"),
    "item without end": WHOLE.replace("g1</guid></item>", "g1</guid>"),
    "attribute without quotes": first("<enclosure url=http://e.example/a length=1 />"),
    "attribute without value": WHOLE.replace("<guid>", "<guid isPermaLink>"),
    "tag without end": first("<category>a</category"),
    "prefix that nobody declares": first('<dc:creator x:y="1">Bo</dc:creator>'),
    "prefix for nothing": WHOLE.replace("<rss", '<rss xmlns:a=""'),
    "in an HTML page": f"<html><body><pre>{WHOLE}</pre></body></html>",
    "in an XHTML page": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{WHOLE}</body></html>',
    "as text in a page": (
        "<html><pre>" + WHOLE.replace("<", "&lt;")
        .replace(">", "&gt;") + "</pre></html>"
    ),
    "a DOCTYPE of HTML": "<!DOCTYPE html>" + WHOLE,
    "PHP": "<?php echo 1 ?>" + START + item(1) + "<?php x ?>" + item(2) + item(3) + END,
    "an item in an item": START + item(1, item(2)) + item(3) + END,
    "items in items": START + f"<items>{ITEMS}</items>" + END,
    "two channels": START + item(1) + "</channel><channel>" + item(2) + item(3) + END,
    "two roots": START + item(1) + END + START + item(2) + item(3) + END,
    "channel ends early": START + item(1) + END + item(2) + item(3) + END,
    "words between items": START + item(1) + "a & b < c" + item(2) + item(3) + END,
    "two marks": "\ufeff\ufeff" + WHOLE,
    "no end": START + ITEMS,
}  # fmt: skip


def read(text: str) -> ParsedFeed:
    return parse(text.encode())


@pytest.mark.parametrize("text", THREE.values(), ids=THREE.keys())
def test_every_entry_survives(text: str) -> None:
    found = read(text)

    assert found.title == "Feed"
    assert [(e.title, e.guid, e.link) for e in found.entries] == [
        (f"Item {n}", f"g{n}", f"http://e.example/{n}") for n in (1, 2, 3)
    ]


def test_every_complete_entry_survives_wherever_a_document_breaks_off() -> None:
    body = ("<?xml version='1.0'?>" + WHOLE).encode()

    for end in range(body.index(b"</channel>")):
        try:
            found = parse(body[:end])
        except NotAFeed:
            assert end < 100
            continue
        complete = body[:end].count(b"</item>")
        assert [e.guid for e in found.entries][:complete] == ["g1", "g2", "g3"][:complete]
        assert len(found.entries) <= complete + 1
        for entry in found.entries:
            assert entry.link in {None, *(f"http://e.example/{n}" for n in (1, 2, 3))}
        assert found.truncated


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"Service unavailable",
        b"<!DOCTYPE html><html><head><title>404</title></head><body><p>x<br></body></html>",
        b"<html><body><item>x</item><rss></rss></body></html>",
        b"<opml version='1.0'><body><outline xmlUrl='http://e.example/'/></body></opml>",
        b"<?xml version='1.0'?><error><code>AccessDenied</code></error>",
        b"<urlset><url><loc>http://e.example/</loc></url></urlset>",
        b"{}",
        b"[1, 2]",
        b'{"items": 1}',
        b"{" * 100_000,
        bytes(range(256)) * 10,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        parse(body)


def test_entities_are_not_expanded_but_short_ones() -> None:
    doctype = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'

    found = read(doctype + START + item(1, "<description>&a; &b; &f;</description>") + END)

    assert found.entries[0].summary == "ha &b; &f;"


def test_json_that_breaks_off_has_its_complete_items() -> None:
    text = '{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{"id":"1"},{"id":"2'

    found = read(text)

    assert (found.title, [e.guid for e in found.entries], found.truncated) == ("T", ["1"], True)


def test_half_characters_of_json_are_dropped() -> None:
    text = '{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","title":"a\\ud800\\u0000b"}]}'

    assert read(text).entries[0].title == "ab"


def test_what_is_forgiven_is_named() -> None:
    faults = read(START + item(1, "<x>&amp &eacute;</x><dc:creator>B</dc:creator>") + END).forgiven

    assert {fault.what.partition(":")[0] for fault in faults} == {
        "1 × bare &",
        "1 × entities of HTML or of a DOCTYPE",
        "not well-formed",
        "undeclared prefix",
    }
