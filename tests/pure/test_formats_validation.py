from newsreel.formats.document import parse
from newsreel.formats.elements import as_json
from newsreel.formats.validation import faults_of
from newsreel.formats.xml import read_tree
from newsreel.model.entry import Forgiven


def test_a_faultless_feed_has_no_faults() -> None:
    item = (
        "<item><title>T</title><guid>1</guid><link>http://e.example/1</link>"
        "<pubDate>Tue, 06 Jan 2026 14:03:01 GMT</pubDate></item>"
    )

    assert faults_of(parse(f"<rss><channel><title>F</title>{item}</channel></rss>".encode())) == ()


def test_what_the_values_lack_is_named_once() -> None:
    body = b"""<rss><channel><language>klingonese!</language><pubDate>soon</pubDate>
      <item><title>a</title><guid>1</guid><pubDate>2026-01-06</pubDate></item>
      <item><title>b</title><guid>1</guid><pubDate>tomorrow</pubDate></item>
      <item><link>javascript:x</link></item>
      <item/></channel></rss>"""

    assert faults_of(parse(body)) == (
        Forgiven("a feed without a title", "", "no title"),
        Forgiven("a language that is none: klingonese!", "", "no language"),
        Forgiven("a date that can't be read: soon", "published", "no date"),
        Forgiven("2 × a guid that several entries bear", "entry 1", "the first entry has it"),
        Forgiven("a date without zone", "entry 1", "UTC"),
        Forgiven("a date that can't be read", "entry 2", "no date"),
        Forgiven("2 × an entry without guid", "entry 3", "known by its link"),
        Forgiven("2 × an entry without title and text", "entry 3", "empty"),
        Forgiven("a link that leads nowhere", "entry 3", "no permalink"),
        Forgiven("2 × an entry without date", "entry 3", "dated by when it was first seen"),
    )


def test_extras_are_bounded() -> None:
    root = read_tree(b"<rss>" + b"<x><y a='1'/></x>" * 1000 + b"</rss>").root

    found = as_json(root)

    assert isinstance(found, dict)
    assert found["\u2026"] is True
