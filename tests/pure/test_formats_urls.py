import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.urls import (
    absolute,
    asked_host_of,
    canonical,
    has_credential,
    host_of,
    origin_of,
    redacted,
)

BASE = "https://example.org/a/b"


@pytest.mark.parametrize(
    ("link", "base", "found"),
    [
        ("https://example.org/x", None, "https://example.org/x"),
        ("/x", BASE, "https://example.org/x"),
        ("c d", BASE, "https://example.org/a/c%20d"),
        ("\n https://example.org/\n  x ", None, "https://example.org/x"),
        ("//cdn.example/x", BASE, "https://cdn.example/x"),
        ("//cdn.example/x", None, "https://cdn.example/x"),
        ("mailto:a@example.org", BASE, "mailto:a@example.org"),
        ("feed://example.org/x", None, "http://example.org/x"),
        ("feed:https://example.org/x", None, "https://example.org/x"),
        ("/x", None, None),
        ("", BASE, None),
        (None, BASE, None),
        ("javascript:alert(1)", BASE, None),
        (" JaVa\tScript:alert(1)", BASE, None),
        ("\x01javascript:alert(1)", None, None),
        ("data:text/html,x", BASE, None),
        ("file:///etc/passwd", BASE, None),
        ("http://[::1", BASE, "http://[::1"),
    ],
)
def test_a_link_is_made_absolute(link: str | None, base: str | None, found: str | None) -> None:
    assert absolute(link, base) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("HTTPS://Example.ORG:443/a/../b?utm_source=x&id=1&fbclid=y#xtor=RSS",
         "https://example.org/b?id=1"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org:8080/?a=1&&b=2", "http://example.org:8080/?a=1&b=2"),
        ("https://example.org/a#part-2", "https://example.org/a#part-2"),
        ("https://example.org/a#:~:text=x", "https://example.org/a"),
        ("https://example.org/%7euser/%c3%a9", "https://example.org/~user/%C3%A9"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://www.google.com/url?sa=t&url=https%3A%2F%2Fexample.org%2Fx%3Futm_medium%3Dy",
         "https://example.org/x"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fx", "https://example.org/x"),
        ("https://example-org.cdn.ampproject.org/c/s/example.org/x", "https://example.org/x"),
        ("https://www.youtube.com/watch?v=abc&feature=youtu.be", "https://www.youtube.com/watch?v=abc"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("http://[::1", "http://[::1"),
    ],
)  # fmt: skip
def test_one_article_has_one_canonical_link(url: str, found: str) -> None:
    assert canonical(url) == found


_URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    st.text("abcXYZ.é-%:@[]", max_size=12),
    st.text("/ab.%4ée?", max_size=15),
    st.text("?&=utm_source%20id", max_size=20),
    st.text("#/!xtor=", max_size=8),
)


@given(_URLS | st.text(max_size=60))
def test_what_is_canonical_stays_as_it_is(url: str) -> None:
    once = canonical(url)

    assert canonical(once) == once


@given(st.text(max_size=60), st.text(max_size=60) | st.none())
def test_no_link_is_harmful_and_none_raises(link: str, base: str | None) -> None:
    found = absolute(link, base)
    host_of(link), asked_host_of(link)

    assert found is None or not found.lower().startswith(("javascript:", "data:", "file:"))


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@example.org/feed",
        "https://example.org/feed?token=abc",
        "https://example.org/feed?api_key=1&x=2",
        "https://example.org/feed?auth=xyz",
        "https://example.org/private/a8f3k2j9dk3l4m5n6b7v/rss",
        "https://example.org/f/9f86d081884c7d659a2feaa0c55ad015.xml",
        "https://example.org/0b9c6f2e-1a2b-4c3d-8e4f-123456789abc/feed",
        "https://example.org/feed?x=Zm9vYmFyYmF6cXV4MTIzNDU2",
    ],
)
def test_a_secret_is_seen_and_blotted_out(url: str) -> None:
    assert has_credential(url)
    assert "REDACTED" in redacted(url)
    assert not has_credential("https://example.org/feed")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/feeds/videos.xml?channel_id=UCXuqSBlHAE6Xw-yeJA0Tunw",
        "https://example.org/2026/01/06/the-ten-best-phones-of-2026-and-why-they-matter",
        "https://example.org/feed/12345678901234567890123",
        "https://example.org/blog/feed.xml?format=rss&category=world-news-and-politics",
        "https://news.google.com/rss/topics/CAAqJggKIiBDQkFTRWdvSUwyMHZNRGx1YlY4U0FtVnVHZ0pWVXlnQVAB",
        "https://example.org/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8-%D0%B4%D0%BD%D1%8F",
        "https://example.org/Internationalisation",
        "",
    ],
)
def test_a_plain_address_holds_no_secret(url: str) -> None:
    assert not has_credential(url)
    assert redacted(url) == url


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://paper.example/feed?a#b", "https://paper.example"),
        ("HTTPS://Ada:pw@Paper.Example:443", "https://paper.example"),
        ("http://paper.example:8080/", "http://paper.example:8080"),
        ("http://paper.example:443/", "http://paper.example:443"),
        ("http://[::1]:80/x", "http://[::1]"),
        ("https://stra\u00dfe.example/", "https://xn--strae-oqa.example"),
        ("https://xn--strae-oqa.example/", "https://xn--strae-oqa.example"),
        ("ftp://paper.example/", ""),
        ("imap://paper.example/", ""),
        ("//paper.example/", ""),
        ("http://", ""),
        ("http://h:99999/", ""),
        ("http://[", ""),
        ("http://\u2460\ufffe/", ""),
        ("", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@given(st.text(max_size=60))
def test_an_origin_is_its_own_origin(text: str) -> None:
    for url in (text, f"http://{text}/", f"https://a{text}:80"):
        assert origin_of(origin_of(url)) == origin_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://bücher.example/feed",
        "https://BÜCHER.example.:443/other",
        "https://xn--bcher-kva.example/feed",
        "http://ada@xn--bcher-kva.example:8080/",
    ],
)
def test_one_host_has_one_name_however_it_is_written(url: str) -> None:
    assert asked_host_of(url) == "xn--bcher-kva.example"
