"""Mailboxes as sources, read from a real server."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from command_line import Newsreel
from mail_server import PASSWORD, USER, MailServer, scripted
from newsreel.cli.own_sources import own_address
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.fetch.imap import quoted
from newsreel.fetch.mailbox import LARGEST_MESSAGE, NEWEST, mailbox_of, tls_context
from newsreel.fetch.sources import fetch_own
from newsreel.formats.document import parse
from newsreel.model.capture import Capture, FaultKind
from newsreel.model.entry import ParsedEntry
from newsreel.model.feed import RequestOptions

CERTIFICATE = Path(__file__).parent / "publisher.pem"
OWN = ("127.0.0.0/8",)
GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"


def letter(number: int, *, subject: str = "Letter {}", text: str = "Dear all") -> bytes:
    return (
        f"Message-ID: <{number}@press.example>\r\nSubject: {subject.format(number)}\r\n"
        f"From: Ada Quill <ada@press.example>\r\nDate: Wed, 04 Mar 2026 07:00:00 +0000\r\n"
        f"\r\n{text}\r\n"
    ).encode()


@pytest.fixture(scope="module")
def running() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def server(running: MailServer) -> MailServer:
    running.renew()
    return running


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return Newsreel(tmp_path)


async def fetched(url: str, former: Capture | None = None, **told: Any) -> Capture:
    options = told.pop("options", RequestOptions(user=USER, password=PASSWORD))
    policy = FetchPolicy(**{"allow_private": OWN, "timeout": timedelta(seconds=20), **told})

    async def loopback(_: str) -> list[str]:
        return ["127.0.0.1"]

    async with Client(policy, lookup=loopback) as client:
        if former is None:
            return await fetch_own(url, client, options)
        return await fetch_own(url, client, options, validators=former.validators)


def entries(capture: Capture) -> tuple[ParsedEntry, ...]:
    assert capture.fault is None, capture.fault
    assert capture.body is not None
    return parse(capture.body).entries


async def test_messages_are_entries_and_stay_unread(server: MailServer) -> None:
    server.deliver(letter(1))
    server.deliver(b"Subject: No id\r\n\r\nHello\r\n")

    capture = await fetched(server.url())

    second, first = entries(capture)
    assert (first.guid, first.title) == ("<1@press.example>", "Letter 1")
    assert first.authors == ("Ada Quill",)
    assert second.guid is not None
    assert second.guid.endswith(".102")
    assert second.published is not None
    assert server.flags() == [b"())", b"())"]


async def test_an_unchanged_mailbox_costs_no_look_at_its_messages(server: MailServer) -> None:
    server.deliver(letter(1))
    first = await fetched(server.url())
    asked = len(server.commands)

    second = await fetched(server.url(), first)

    assert second.is_not_modified
    verbs = [line.split()[0] for line in server.commands[asked:] if line]
    assert verbs[:3] == ["CAPABILITY", "AUTHENTICATE", "EXAMINE"]
    assert set(verbs[3:]) <= {"LOGOUT"}  # which may still be on its way


async def test_what_comes_or_goes_is_noticed(server: MailServer) -> None:
    server.deliver(letter(1))
    first = await fetched(server.url())
    server.deliver(letter(2))
    second = await fetched(server.url(), first)
    server.expunge()
    third = await fetched(server.url(), second)

    assert [entry.title for entry in entries(second)] == ["Letter 2", "Letter 1"]
    assert [entry.title for entry in entries(third)] == ["Letter 2"]


async def test_the_newest_are_read_and_all_that_came_since(server: MailServer) -> None:
    for number in range(5):
        server.deliver(letter(number))
    first = await fetched(server.url())
    for number in range(5, NEWEST + 10):
        server.deliver(letter(number))

    anew = await fetched(server.url())
    since = await fetched(server.url(), first)

    assert [entry.title for entry in entries(anew)][-1] == "Letter 10"
    assert len(entries(anew)) == NEWEST
    assert [entry.title for entry in entries(since)][-1] == "Letter 5"
    assert not since.is_cut


async def test_a_long_message_is_cut_and_says_so(server: MailServer) -> None:
    server.deliver(letter(1, text="long line\r\n" * (LARGEST_MESSAGE // 10)))

    (entry,) = entries(await fetched(server.url()))

    assert entry.extras["truncated"] is True
    assert len(entry.body or "") > LARGEST_MESSAGE // 2


async def test_messages_that_are_too_much_together_are_a_cut(server: MailServer) -> None:
    for number in range(4):
        server.deliver(letter(number, text="x" * 3000))

    capture = await fetched(server.url(), max_bytes=8000)

    assert [entry.title for entry in entries(capture)] == ["Letter 3", "Letter 2"]
    assert capture.is_cut


async def test_a_mailbox_may_have_any_name(server: MailServer) -> None:
    name = 'Nové "zprávy" & více'
    server.create(quoted(name))
    server.deliver(letter(1), quoted(name))

    capture = await fetched(server.url("Nov%C3%A9%20%22zpr%C3%A1vy%22%20%26%20v%C3%ADce"))

    assert [entry.title for entry in entries(capture)] == ["Letter 1"]


async def test_an_empty_mailbox_is_an_empty_feed(server: MailServer) -> None:
    assert entries(await fetched(server.url())) == ()


async def test_under_tls_the_certificate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    tls_context.cache_clear()
    with MailServer(certificate=CERTIFICATE) as server:
        server.deliver(letter(1))
        refused = await fetched(server.url(host="paper.example"))
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        tls_context.cache_clear()

        capture = await fetched(server.url(host="paper.example"))

    tls_context.cache_clear()
    assert refused.fault is not None
    assert refused.fault.kind is FaultKind.TLS
    assert [entry.title for entry in entries(capture)] == ["Letter 1"]


@pytest.mark.parametrize(
    ("options", "name", "kind"),
    [
        (RequestOptions(user=USER, password="wrong"), "INBOX", FaultKind.LOGIN),
        (RequestOptions(user="eve", password=PASSWORD), "INBOX", FaultKind.LOGIN),
        (RequestOptions(user=USER), "INBOX", FaultKind.LOGIN),
        (RequestOptions(user=USER, password=PASSWORD), "Elsewhere", FaultKind.MISSING),
    ],
    ids=["password", "user", "no-password", "no-mailbox"],
)
async def test_what_is_refused_is_a_fault_without_a_secret(
    server: MailServer, options: RequestOptions, name: str, kind: FaultKind
) -> None:
    capture = await fetched(server.url(name), options=options)

    assert capture.fault is not None
    assert capture.fault.kind is kind
    assert "wrong" not in repr(capture)
    assert PASSWORD not in repr(capture)


@pytest.mark.parametrize(
    ("url", "told", "kind"),
    [
        ("imaps://ada@10.0.0.1/INBOX", {}, FaultKind.REFUSED_ADDRESS),
        ("imaps://ada@mail.example/INBOX", {}, FaultKind.REFUSED_ADDRESS),
        ("imap://ada@mail.example/INBOX", {}, FaultKind.REFUSED_ADDRESS),
        ("imaps://ada@127.0.0.1:6379/", {"allow_private": OWN}, FaultKind.REFUSED_ADDRESS),
        ("imaps://ada@0x7f.1/", {}, FaultKind.REFUSED_ADDRESS),
        ("imaps://ada@mail.example/", {"proxy": "http://127.0.0.1:9"}, FaultKind.PROXY),
        ("imaps:///INBOX", {}, FaultKind.BAD_ADDRESS),
        ("imaps://ada@127.0.0.1:1/", {"allow_private": OWN}, FaultKind.REFUSED_ADDRESS),
        ("imaps://ada@127.0.0.1:2/", {"allow_private": OWN}, FaultKind.CONNECT),
    ],
)
async def test_a_mail_server_is_checked_as_every_other_host(
    url: str, told: dict[str, Any], kind: FaultKind
) -> None:
    capture = await fetched(url, **{"allow_private": (), **told})

    assert capture.fault is not None
    assert capture.fault.kind is kind


PLAIN = RequestOptions(user=USER, password="secret")
PREAUTH = b"* PREAUTH [CAPABILITY IMAP4rev1 AUTH=PLAIN] logged in as ada\r\n"
LOGGED_IN = [GREETING, b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n", b"{tag} OK done\r\n"]
EXAMINED = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 2] ok\r\n{tag} OK done\r\n"
LISTED = b"* 1 FETCH (UID 1 RFC822.SIZE 30)\r\n{tag} OK done\r\n"


MISBEHAVIOUR = {
    "ssh": [b"SSH-2.0-x\r\n"],
    "nothing": [b""],
    "bye": [b"* BYE go away\r\n"],
    "endless-line": [b"* OK " + b"x" * 1_100_000 + b"\r\n"],
    "hangs-up": LOGGED_IN,
    "no-such-count": [*LOGGED_IN, b"* 99999999999999999999 EXISTS\r\n{tag} OK done\r\n"],
    "bad": [*LOGGED_IN, EXAMINED, b"{tag} BAD no\r\n"],
    "huge": [*LOGGED_IN, EXAMINED, LISTED, b"* 1 FETCH (UID 1 BODY[]<0> {9999999999}\r\n"],
    "short": [*LOGGED_IN, EXAMINED, LISTED, b"* 1 FETCH (UID 1 BODY[]<0> {30}\r\nshort"],
    "endless-answer": [*LOGGED_IN, b"* 1 EXISTS\r\n" * 500_000],
    "no-letters": [GREETING, b"* CAPABILITY IMAP4rev1 \xff\r\n{tag} OK done\r\n"],
    "no-number": [*LOGGED_IN, b"* " + b"9" * 5000 + b" EXISTS\r\n{tag} OK done\r\n"],
}


@pytest.mark.parametrize("answers", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
async def test_a_server_that_misbehaves_is_a_fault(answers: list[bytes]) -> None:
    with scripted(answers) as port:
        capture = await fetched(f"imap://ada@127.0.0.1:{port}/", max_bytes=100_000, options=PLAIN)

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROTOCOL, capture.fault
    assert "no greeting" in capture.fault.detail or len(answers) >= 2


async def test_a_message_may_bear_its_number_behind_it_or_be_gone() -> None:
    listed = (
        b"* 1 FETCH (UID 1 RFC822.SIZE 30)\r\n* 2 FETCH (RFC822.SIZE 9 UID 2)\r\n{tag} OK done\r\n"
    )
    body = (
        b"* 1 FETCH (BODY[]<0> {16}\r\nSubject: x\r\n\r\nab UID 1 FLAGS ())\r\n{tag} OK done\r\n"
    )
    with scripted([*LOGGED_IN, EXAMINED, listed, body, b"{tag} OK done\r\n"]) as port:
        capture = await fetched(f"imap://ada@127.0.0.1:{port}/", options=PLAIN)

    assert [(entry.guid, entry.title) for entry in entries(capture)] == [("7.1", "x")]
    assert not capture.validators  # what did not come is asked for again


async def test_a_server_that_knows_already_who_asks_is_sent_no_password() -> None:
    body = b"* 1 FETCH (UID 1 BODY[]<0> {14}\r\nSubject: x\r\n\r\n)\r\n{tag} OK done\r\n"
    able, bye = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n", b"{tag} OK done\r\n"
    with scripted([PREAUTH, able, EXAMINED, LISTED, body, bye]) as port:
        capture = await fetched(f"imap://ada@127.0.0.1:{port}/", options=PLAIN)

    assert [entry.title for entry in entries(capture)] == ["x"]


async def test_a_server_that_never_answers_is_given_up() -> None:
    with scripted([GREETING], hangs=True) as port:
        capture = await fetched(f"imap://ada@127.0.0.1:{port}/", timeout=timedelta(seconds=0.5))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TIMEOUT


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("imaps://ada@mail.example", ("mail.example", 993, True, "ada", "INBOX")),
        ("imaps://a%40b@m.example/News/Old", ("m.example", 993, True, "a@b", "News/Old")),
        ("imap://[::1]:1143/x;UIDVALIDITY=3", ("::1", 1143, False, None, "x")),
    ],
)
def test_the_address_of_a_mailbox(url: str, told: tuple[object, ...]) -> None:
    box = mailbox_of(url)

    assert (box.host, box.port, box.is_secure, box.user, box.name) == told


# --- as it is typed -----------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["imaps://ada@[2001:db8::1]:9993/INBOX", "imap://[::1]/INBOX"])
def test_the_address_of_a_mailbox_is_kept_as_it_is_typed(url: str) -> None:
    assert own_address(url) == url


def added(newsreel: Newsreel, server: MailServer) -> str:
    done = newsreel("add", server.url(), "--password-file", "password")
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_mailbox_is_a_private_feed_and_stays_so(newsreel: Newsreel, server: MailServer) -> None:
    server.deliver(letter(1))

    told = added(newsreel, server)
    released = newsreel("edit", "1", "--public")

    (feed,) = newsreel.json("feeds")
    assert told == (
        f"added: 1 {server.box} (ada, 127.0.0.1), 1 entries\n"
        "note: a mailbox is private, and stays so\n"
    )
    assert feed["private"]
    assert released.returncode == 2
    assert "a mailbox stays private" in released.stderr
    newsreel("export")
    assert not list(newsreel.archive.rglob("*.md"))


def test_messages_come_by_polling(newsreel: Newsreel, server: MailServer) -> None:
    server.deliver(letter(1))
    added(newsreel, server)
    server.deliver(letter(2))

    first, second = newsreel("poll", "1"), newsreel("poll", "1")

    assert "1 new entries, 0 revised" in first.stderr
    assert "1 not modified" in second.stderr
    assert server.flags() == [b"())", b"())"]


def test_without_a_password_and_anybody_to_ask_nothing_is_asked(
    newsreel: Newsreel, server: MailServer
) -> None:
    done = newsreel("add", server.url())

    assert done.returncode == 2
    assert "nobody to ask for the password" in done.stderr
    assert "hint: add --password-file FILE" in done.stderr


def test_the_password_is_no_argument_and_stands_nowhere_but_in_the_database(
    newsreel: Newsreel, server: MailServer
) -> None:
    refused = newsreel("add", server.url().replace("ada@", "ada:guessable@"))
    server.deliver(letter(1))
    private = ("--private-archive", "private")
    newsreel(*private, "add", server.url(), "--password-file", "password")
    newsreel(*private, "poll", "1")
    newsreel("feeds")
    newsreel("doctor", "1")

    assert refused.returncode == 2
    assert "guessable" not in refused.stderr
    assert "hint: leave it out" in refused.stderr
    secret = PASSWORD.encode()
    held = [
        path for path in newsreel.home.rglob("*") if path.is_file() and "sqlite" not in path.name
    ]
    assert [path.name for path in held if secret in path.read_bytes()] == ["password"]
    assert not [text for text in newsreel.told if PASSWORD in text]


def test_a_wrong_password_adds_nothing_and_a_new_one_helps(
    newsreel: Newsreel, server: MailServer
) -> None:
    (newsreel.home / "wrong").write_text("wrong")
    refused = newsreel("add", server.url(), "--password-file", "wrong")
    added(newsreel, server)
    newsreel("edit", "1", "--password-file", "wrong")
    newsreel("poll", "1")
    fault = newsreel.json("feeds")[0]["fault"]
    newsreel("edit", "1", "--password-file", "password")
    newsreel("poll", "1")

    assert refused.returncode == 1
    assert "login" in refused.stderr
    assert fault == "login"
    assert newsreel.json("feeds")[0]["fault"] is None


def test_a_mailbox_is_made_again_from_captures_and_from_the_archive(
    newsreel: Newsreel, server: MailServer
) -> None:
    private = ("--private-archive", "private")
    server.deliver(letter(1))
    newsreel(*private, "add", server.url(), "--password-file", "password")
    server.deliver(letter(2))
    newsreel(*private, "poll", "1")
    before = newsreel.json("show", "1")["newest"]

    reparsed = newsreel("reparse")
    newsreel(*private, "--db", "a.sqlite", "--captures", "captures", "rebuild", "--captures")
    newsreel(*private, "--db", "b.sqlite", "rebuild")

    assert reparsed.returncode == 0, reparsed.stderr
    assert len(before) == 2
    for database in ("a.sqlite", "b.sqlite"):
        assert newsreel.json("--db", database, "show", "1")["newest"] == before
        assert newsreel.json("--db", database, "feeds")[0]["private"]
