"""What parsers read, feature by feature: python benchmarks/parsing_features.py NAME=COMMAND...

Each COMMAND answers as `newsreel parse --batch` does: paths on stdin, one JSON object a line.
The table of docs/reference/parsing.md is this one's output.
"""

import html
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

Record = dict[str, list[dict[str, object]]]
Test = tuple[bytes, Callable[[Record], bool]]

NAMES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "atom": "http://www.w3.org/2005/Atom",
}
DECLARED = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())


def rss(inside: str, declared: str = DECLARED) -> bytes:
    """Return a feed of one item."""
    item = f"<item><guid>1</guid>{inside}</item>"
    return f"<rss version='2.0'{declared}><channel><title>F</title>{item}</channel></rss>".encode()


def atom(inside: str) -> bytes:
    """Return an Atom feed of one entry."""
    entry = f"<entry><id>1</id>{inside}</entry>"
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>{entry}</feed>'.encode()


def field(name: str, value: object) -> Callable[[Record], bool]:
    """Tell whether the first entry's field has a value."""

    def is_met(record: Record) -> bool:
        found = record["entries"][0].get(name)
        return (html.unescape(found) if isinstance(found, str) else found) == value

    return is_met


def date(text: str) -> Test:
    """Return a test of a date that names 2026-01-06T14:03:09Z."""
    return (
        rss(f"<pubDate>{text}</pubDate>"),
        lambda r: str(r["entries"][0].get("published")).startswith("2026-01-06T14:03:09"),
    )


def count(number: int) -> Callable[[Record], bool]:
    """Tell whether there are so many entries."""
    return lambda record: len(record["entries"]) == number


def body(words: str) -> Callable[[Record], bool]:
    """Tell whether the first entry's summary or content holds words."""
    return lambda r: (
        bool(r["entries"])
        and words
        in json.dumps(
            [r["entries"][0].get("summary"), r["entries"][0].get("content")], ensure_ascii=False
        )
    )


WORDS = "Новости дня: корабль вошёл в гавань"
TESTS: dict[str, Test] = {
    "JSON Feed": (
        b'{"version":"https://jsonfeed.org/version/1.1","title":"F","items":[{"id":"1"}]}',
        count(1),
    ),
    "JSON Feed that breaks off": (
        b'{"version":"https://jsonfeed.org/version/1.1","title":"F","items":[{"id":"1"},{"id',
        count(1),
    ),
    "CDF": (
        b'<CHANNEL HREF="http://e.example/"><ITEM HREF="http://e.example/1"/></CHANNEL>',
        field("link", "http://e.example/1"),
    ),
    "sitemap with news": (
        (
            b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
            b'xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>http://e.example/1'
            b"</loc><n:news><n:title>T</n:title></n:news></url></urlset>"
        ),
        field("title", "T"),
    ),
    "RSS elements in Atom": (
        atom("<pubDate>Tue, 06 Jan 2026 14:03:09 GMT</pubDate>"),
        field("published", "2026-01-06T14:03:09Z"),
    ),
    "Atom in an unknown namespace": (
        b'<feed xmlns="urn:x"><title>F</title><entry><id>1</id><title>T</title></entry></feed>',
        field("title", "T"),
    ),
    "prefix declared nowhere": (
        rss("<dc:creator>Bo</dc:creator>", ""),
        field("author", "Bo"),
    ),
    "bare &": (rss("<title>R&D</title>"), field("title", "R&D")),
    "entities of HTML": (rss("<title>caf&eacute;</title>"), field("title", "café")),
    "element that isn't closed": (
        rss("<title>T</title><description>a<br>b</description></item><item><guid>2</guid>"),
        count(2),
    ),
    "item that isn't closed": (rss("<title>T</title><item><guid>2</guid></item>"), count(2)),
    "document that breaks off": (
        rss("</item><item><guid>2</guid></item><item><title>x")[:-30],
        lambda r: len(r["entries"]) >= 2,
    ),
    "feed inside a page": (b"<html><body>" + rss("") + b"</body></html>", count(1)),
    "charset not declared": (
        rss(f"<title>{WORDS}</title><description>{WORDS}</description>").decode().encode("koi8-r"),
        field("title", WORDS),
    ),
    "UTF-8 called Latin-1": (
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + rss(f"<title>{WORDS}</title>"),
        field("title", WORDS),
    ),
    "one stray byte in UTF-8": (
        rss(f"<title>{WORDS}</title><description>x</description>").replace(b">x<", b">\xe9<"),
        field("title", WORDS),
    ),
    "UTF-8 encoded twice": (
        rss("<title>déjà vu à Noël</title>").decode("latin-1").encode(),
        field("title", "déjà vu à Noël"),
    ),
    "zone +01:00": date("2026-01-06T15:03:09+01:00"),
    "zone CET": date("Tue, 06 Jan 2026 15:03:09 CET"),
    "zone AEST": date("Wed, 07 Jan 2026 00:03:09 AEST"),
    "French month": date("mar., 06 janv. 2026 15:03:09 +0100"),
    "Russian month": date("Вт, 06 янв 2026 17:03:09 +0300"),
    "Unix time": date("1767708189"),
    "no date out of 30 February": (
        rss("<pubDate>Mon, 30 Feb 2026 10:00:00 GMT</pubDate>"),
        field("published", None),
    ),
    "no date made up from a time": (
        rss("<pubDate>14:03:09</pubDate>"),
        field("published", None),
    ),
    "xml:base": (
        atom('<link xml:base="http://e.example/a/" href="b"/>'),
        field("link", "http://e.example/a/b"),
    ),
    "XHTML content": (
        atom(
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><b>x</b></div></content>'
        ),
        body("<b>x</b>"),
    ),
    "content in base64": (
        (
            b'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><id>1</id>'
            b'<content type="text/html" mode="base64">PGI+eDwvYj4=</content></entry></feed>'
        ),
        body("<b>x</b>"),
    ),
    "titles as plain text": (
        rss("<title>a &lt;b&gt;c&lt;/b&gt; &amp;amp; d</title>"),
        field("title", "a c & d"),
    ),
    "media:group": (
        rss('<media:group><media:thumbnail url="http://e.example/t.jpg"/></media:group>'),
        field("thumbnail", "http://e.example/t.jpg"),
    ),
    "itunes:image": (
        rss('<itunes:image href="http://e.example/i.jpg"/>'),
        field("thumbnail", "http://e.example/i.jpg"),
    ),
    "200 levels of elements": (
        rss(f"<description>{'<div>' * 200}x{'</div>' * 200}</description>"),
        body("x"),
    ),
    "scripts taken out": (
        rss("<description>a&lt;script&gt;x()&lt;/script&gt;</description>"),
        lambda r: bool(r["entries"]) and "script" not in json.dumps(r["entries"]),
    ),
}


def main() -> None:
    """Print a table in Markdown."""
    columns = [argument.partition("=")[::2] for argument in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for number, (document, _) in enumerate(TESTS.values()):
            path = Path(directory) / f"{number:03}.xml"
            path.write_bytes(document)
            paths.append(str(path))
        answers = [asked(shlex.split(command), paths) for _, command in columns]
    print("| | " + " | ".join(name for name, _ in columns) + " |")
    print("|---|" + ":-:|" * len(columns))
    for row, (name, (_, is_met)) in enumerate(TESTS.items()):
        marks = ["yes" if holds(is_met, records[row]) else "–" for records in answers]
        print(f"| {name} | " + " | ".join(marks) + " |")


def asked(command: list[str], paths: list[str]) -> list[Record]:
    """Return a parser's answers."""
    done = subprocess.run(
        command, input="\n".join(paths) + "\n", capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def holds(is_met: Callable[[Record], bool], record: Record) -> bool:
    """Tell whether a test holds; an answer without entries fails it."""
    try:
        return is_met(record)
    except (IndexError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    main()
