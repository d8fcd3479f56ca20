"""Files and messages as items of a feed."""

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.document import parse
from newsreel.formats.local_feed import feed_document, file_link, html_of_text, item_of
from newsreel.formats.local_files import LARGEST_TEXT, is_read, item_of_file
from newsreel.formats.mail import item_of_message
from newsreel.formats.urls import absolute
from newsreel.model.entry import Enclosure, ParsedEntry

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def read(*items: Any) -> tuple[ParsedEntry, ...]:
    return parse(feed_document("Letters", items)).entries


def letter(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = '"Ada Quill" <ada@press.example>'
    message["Date"] = "Wed, 04 Mar 2026 07:00:00 +0100"
    message["Message-ID"] = "<one@press.example>"
    for name, value in headers.items():
        message[name] = value
    return message


def test_a_message_says_who_what_and_when() -> None:
    message = letter(Subject="Grüße vom Hafen")
    message.set_content("Dear all,\n\nthe harbour\nis <open>.\n")

    (entry,) = read(item_of_message(message.as_bytes(), identity="1.1"))

    assert entry.guid == "<one@press.example>"
    assert (entry.title, entry.authors) == ("Grüße vom Hafen", ("Ada Quill",))
    assert entry.published == "Wed, 04 Mar 2026 07:00:00 +0100"
    assert entry.body == "<p>Dear all,</p>\n<p>the harbour<br>\nis &lt;open&gt;.</p>"
    assert entry.enclosures == ()


def test_html_goes_before_plain_text_and_attachments_are_names() -> None:
    message = letter(Subject="Plans")
    message.set_content("plain")
    message.add_alternative("<p>The <b>plan</b></p>", subtype="html")
    message.add_attachment(
        b"%PDF-" * 10, maintype="application", subtype="pdf", filename="a b.pdf"
    )

    (entry,) = read(item_of_message(message.as_bytes(), identity="1.1"))

    assert entry.body == "<p>The <b>plan</b></p>"
    assert entry.enclosures == (Enclosure("a b.pdf", "application/pdf", 50),)
    assert "%PDF" not in str(entry)


def test_a_message_without_an_id_and_a_date_has_those_of_its_place() -> None:
    raw = b"Subject: Hello\r\n\r\nText\r\n"

    item = item_of_message(raw, identity="7.12", received="04 Mar 2026 07:00:00 +0000")

    assert (item["id"], item["date_published"]) == ("7.12", "04 Mar 2026 07:00:00 +0000")
    assert "truncated" not in item


def test_a_message_that_was_cut_says_so() -> None:
    item = item_of_message(b"Subject: Long\r\n\r\nBegins", identity="1", is_cut=True)

    assert item["truncated"] is True


def test_a_message_without_headers_is_its_text() -> None:
    assert item_of_message(b"\r\nText\r\n", identity="1")["content_html"] == "<p>Text</p>"


def test_a_charset_that_is_not_what_is_said_is_guessed() -> None:
    raw = b"Subject: x\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nGr\xc3\xbc\xc3\x9fe"

    assert item_of_message(raw, identity="1")["content_html"] == "<p>Grüße</p>"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"Subject: =?utf-8?b?%%%?=\r\nFrom: <<>>,;:\r\nDate: never\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx",
        b"Content-Type: text/html; charset=\xff\xfe\r\n\r\n<p>x",
        b"Content-Type: multipart/" + b"mixed; boundary=" + b"b" * 5000 + b"\r\n\r\nx",
        b"From: " + b"(" * 5000 + b"\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n@@@@",
        b"Message-ID: <" + b"[" * 500 + b"\r\n\r\nx",
    ],
)
def test_hostile_messages_are_read_as_far_as_they_go(raw: bytes) -> None:
    assert read(item_of_message(raw, identity="7.1"))[0].guid


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"a@b.example, " * 80_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain" + b"; a=b" * 100_000 + b"\r\n\r\nx",
        b"Subject: " + b"=?utf-8?q?a?= " * 70_000 + b"\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
        b"Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\n" * 1_990,
        b"".join(
            b"Content-Type: multipart/a; boundary=%d\n\n--%d\n" % (n, n) for n in range(1990)
        ),
    ],
    ids=["senders", "parameters", "words", "parts", "same", "depth"],
)
def test_a_megabyte_of_malice_is_read_in_a_moment(raw: bytes) -> None:
    started = process_time()

    item_of_message(raw, identity="7.1")

    assert process_time() - started < 2


@given(st.binary(max_size=400))
def test_any_bytes_make_a_message(raw: bytes) -> None:
    item = item_of_message(raw, identity="7.1")

    assert json.loads(feed_document("x", [item]))["items"][0]["id"]


def test_one_identity_is_one_item() -> None:
    items = [item_of("a", title="first"), item_of("a", title="second"), item_of("b", title="b")]

    assert [entry.title for entry in read(*items)] == ["first", "b"]


@pytest.mark.parametrize(
    ("name", "content", "title", "body"),
    [
        (
            "a.md",
            b"\n# The Garden #\n\nSoil.",
            "The Garden",
            "<p># The Garden #</p>\n<p>Soil.</p>",
        ),
        ("a.md", b"No heading", "a", "<p>No heading</p>"),
        ("in/notes.v2.TXT", b"a & b\nc", "notes.v2", "<p>a &amp; b<br>\nc</p>"),
        ("p.html", b"<title> A\npage</title><body><p>x</p>", "A page", "<p>x</p>"),
        ("p.htm", b"<p>no title", "p", "<p>no title</p>"),
    ],
)
def test_texts_and_pages_are_read(name: str, content: bytes, title: str, body: str) -> None:
    (entry,) = read(item_of_file(name, content, size=len(content), modified_at=NOON))

    assert (entry.guid, entry.title, entry.body) == (name, title, body)
    assert entry.updated == "2026-03-04T12:00:00+00:00"
    assert entry.link is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.pdf", None),
        ("image.txt", b"GIF\0\0"),
        ("deep.html", b"<div>" * 1000),
        ("huge.txt", None),
        (".hidden", None),
    ],
)
def test_other_files_are_entries_by_their_names(name: str, content: bytes | None) -> None:
    (entry,) = read(item_of_file(name, content, size=77, modified_at=NOON))

    assert (entry.guid, entry.title, entry.body) == (name, name, None)
    assert [(file.url, file.length) for file in entry.enclosures] == [(name, 77)]


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("a.md", 5, True),
        ("a.MD", LARGEST_TEXT, True),
        ("a.md", LARGEST_TEXT + 1, False),
        ("a.pdf", 5, False),
        ("md", 5, False),
        ("cur/1700.host:2,S", 5, True),
        ("box/new/1700.host", 5, True),
        ("news/1700.host", 5, False),
    ],
)
def test_only_some_files_are_opened(name: str, size: int, told: bool) -> None:
    assert is_read(name, size) is told


def test_a_message_in_a_maildir_stays_the_same_when_it_is_read() -> None:
    raw = b"Subject: x\r\n\r\ny"
    names = ("new/17.a", "cur/17.a:2,", "cur/17.a:2,RS", "box/cur/17.a:2,", "box/17.a.eml")

    items = [item_of_file(name, raw, size=1, modified_at=NOON) for name in names]

    assert [item["id"] for item in items] == ["17.a"] * 3 + ["box/17.a", "box/17.a.eml"]


@given(st.text())
def test_a_name_of_a_file_is_no_address(name: str) -> None:
    link = absolute(file_link(name), "https://paper.example/news/")

    assert link is not None
    assert link.startswith("https://paper.example/news/") or link == "https://paper.example/"


@given(st.text())
def test_plain_text_is_never_markup(text: str) -> None:
    found = html_of_text(text)

    for tag in ("<p>", "</p>", "<br>"):
        found = found.replace(tag, "")
    assert "<" not in found
