"""What hostile publishers, pages and name servers try, on every way that leads outside."""

import ast
import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from pathlib import Path

import pytest

import newsreel
from command_line import Newsreel
from newsreel.app.discover import discover
from newsreel.app.doctor import examine_address
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.errors import FeedError, UsageError
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.formats.opml import read_opml
from newsreel.model.capture import Fault, FaultKind
from newsreel.model.feed import RequestOptions
from newsreel.model.poll import Outcome, Poll
from polled_world import HOUR, World, item, rss
from publisher import RSS, Page, Publisher, endless, endless_headers, hang, redirect

REFUSED = {FaultKind.REFUSED_ADDRESS, FaultKind.BAD_ADDRESS}
PAPER = "paper.example"
POLICY = FetchPolicy(allow_private=(PAPER,), host_gap=timedelta(), timeout=timedelta(seconds=20))

# Each leads to the publisher on this machine, if it leads anywhere: nobody may get there.
LOOPBACK = """
    127.0.0.1 127.0.0.1. 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7F.0.0.1 0x7f.1
    0177.0.0.1 017700000001 0177.0x0.0.1 localhost LOCALHOST localhost. 0 0.0.0.0 0.0.0.0. 0x0
    [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0:127.0.0.1]
    [::127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::1] [::1%25lo] [::1%lo]
    \uff11\uff12\uff17.\uff10.\uff10.\uff11 \u2460\u2461\u2466.\u24ea.\u24ea.\u2460
    127\u30020\u30020\u30021 127\uff0e0\uff0e0\uff0e1 127\uff610\uff610\uff611
    127.0.0.1\u3002 \uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54 loc\u00adalhost
    paper.example@127.0.0.1 paper.example:80@127.0.0.1 paper.example%40127.0.0.1
    127.0.0.1%2f.paper.example 127.0.0.1%00.paper.example
"""
ELSEWHERE = """
    10.0.0.1 172.16.0.1 172.31.255.254 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.254
    192.0.0.170 192.0.2.1 198.18.0.1 198.19.255.254 198.51.100.7 203.0.113.7 192.88.99.1
    224.0.0.251 239.255.255.250 240.0.0.1 255.255.255.255 167772161 0xa000001 012.0.0.1 10.1
    [fc00::1] [fd12:3456::1] [fe80::1] [fe80::1%25eth0] [fec0::1] [ff02::1] [100::1] [5f00::1]
    [::ffff:10.0.0.1] [::ffff:169.254.169.254] [64:ff9b::a00:1] [2001::1]
    [2001:0:53aa:64c::1] [2001:db8::1] [2002:a00:1::1] [3fff::1]
"""
OTHERS = [
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "jar:http://127.0.0.1/!/",
    "data:application/rss+xml,<rss/>",
    "javascript:alert(1)",
    *(f"http://{PAPER}:{port}/" for port in (22, 25, 445, 2375, 3306, 5432, 6379, 9200, 11211)),
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://:80/",
    "http:///secret",
]
FORMS = [
    *(f"http://{host}:PORT/secret" for host in LOOPBACK.split()),
    f"http://127.0.0.1:PORT#@{PAPER}/",
    f"http://127.0.0.1:PORT\\@{PAPER}/secret",
    f"http://{PAPER}:80\\@127.0.0.1:PORT/secret",
    "https://127.0.0.1:PORT/secret",
    "HTTP://127.0.0.1:PORT/secret",
    *(f"http://{host}/" for host in ELSEWHERE.split()),
    *OTHERS,
]
HOSTS = [*LOOPBACK.split(), *ELSEWHERE.split()]


@dataclass
class Names:
    """A name server that answers for every name, the worst it can: with this machine's address."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.get(host, ["127.0.0.1"])


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/secret", rss([item("secret")]))
        yield publisher


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def client(names: Names) -> AsyncIterator[Client]:
    async with Client(POLICY, lookup=names) as client:
        yield client


async def polled(world: World, client: Client) -> list[Poll]:
    """Poll all that is due."""
    polls = poll_feeds(world.store, client, clock=world.clock, wanted=Wanted(is_forced=True))
    return [poll async for poll in polls]


def assert_refused(fault: Fault | None, publisher: Publisher) -> None:
    assert fault is not None
    assert fault.kind in REFUSED, fault
    assert not publisher.requests_for("/secret")


@pytest.mark.parametrize("form", FORMS)
async def test_no_feed_leads_inside(
    world: World, client: Client, publisher: Publisher, form: str
) -> None:
    await world.feed(form.replace("PORT", str(publisher.port)))

    (poll,) = await polled(world, client)

    assert_refused(poll.reading.fault, publisher)
    assert not publisher.requests


@pytest.mark.parametrize("form", FORMS)
async def test_no_redirect_leads_inside_nor_is_it_taken_over(
    world: World, client: Client, publisher: Publisher, form: str
) -> None:
    location = form.replace("PORT", str(publisher.port)).encode().decode("latin-1")
    publisher.answer("/feed", redirect(location))
    feed = await world.feed(publisher.url("/feed", host=PAPER))

    for _ in range(4):
        (poll,) = await polled(world, client)
        world.later()

    assert_refused(poll.reading.fault, publisher)
    assert len(publisher.requests) == 4
    after = await world.again(feed)
    assert (after.url, after.moved_to) == (feed.url, None)


@pytest.mark.parametrize("form", FORMS)
async def test_no_page_leads_inside_by_what_it_announces(
    world: World, client: Client, publisher: Publisher, form: str
) -> None:
    address = form.replace("PORT", str(publisher.port))
    link = f'<link rel="alternate" type="{RSS}" href="{escape(address)}">'
    publisher.put("/", f"<html><head>{link}</head></html>", content_type="text/html")
    try:
        found = (await discover(publisher.url(host=PAPER), client)).found
    except FeedError:
        found = ()

    for announced in found:
        with pytest.raises((FeedError, UsageError)):
            await discover(announced.url, client)
    with pytest.raises((FeedError, UsageError)):
        await discover(address, client)
    with suppress(UsageError):
        diagnosis = await examine_address(address, world.store, client, clock=world.clock)
        assert diagnosis.poll is not None
        assert_refused(diagnosis.poll.reading.fault, publisher)

    assert not publisher.requests_for("/secret")


INSIDE = """
    127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.170
    198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 0.0.0.0 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
    ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::1 2001::1 fd00::1 fe80::1 fe80::1%lo ff02::1
"""


@pytest.mark.parametrize("ip", INSIDE.split())
async def test_a_name_that_leads_inside_later_is_refused_from_then_on(
    world: World, publisher: Publisher, names: Names, ip: str
) -> None:
    """DNS rebinding: what was found at the last poll says nothing of this one."""
    policy = FetchPolicy(allow_private=("127.0.0.7/32",), host_gap=timedelta())
    with Publisher("127.0.0.7") as outside:
        outside.put("/feed", rss([item("a")]))
        await world.feed(outside.url("/feed", host="evil.example"))
        async with Client(policy, lookup=names) as client:
            names.answers["evil.example"] = ["127.0.0.7"]
            (first,) = await polled(world, client)
            world.later()
            names.answers["evil.example"] = [ip]
            (second,) = await polled(world, client)

    assert first.reading.outcome is Outcome.OK
    assert_refused(second.reading.fault, publisher)
    assert len(outside.requests) == 1


@pytest.mark.parametrize("host", HOSTS)
async def test_no_mailbox_lies_inside(
    world: World, client: Client, publisher: Publisher, host: str
) -> None:
    await world.feed(
        f"imaps://{host}:{publisher.port}/INBOX",
        request_options=RequestOptions(user="ada", password="quill"),
    )

    (poll,) = await polled(world, client)

    assert_refused(poll.reading.fault, publisher)
    assert not publisher.requests


async def test_no_publisher_leads_to_the_files_of_this_machine(
    world: World, client: Client, publisher: Publisher, tmp_path: Path
) -> None:
    """Its operator may follow directories of the machine: whoever else names one is refused."""
    path = tmp_path / "secret.xml"
    path.write_bytes(rss([item("secret")]))
    addresses = [path.as_uri(), f"file://localhost{path}", f"FILE:{path}", str(path)]
    links = "".join(
        f'<link rel="alternate" type="{RSS}" href="{address}">' for address in addresses
    )
    publisher.put("/page", f"<html><head>{links}</head></html>", content_type="text/html")
    for number, address in enumerate(addresses[:3]):
        publisher.answer(f"/{number}", redirect(address))
        await world.feed(publisher.url(f"/{number}", host=PAPER))
    outlines = "".join(f'<outline xmlUrl="{address}"/>' for address in addresses)
    listed = read_opml(f"<opml><body>{outlines}</body></opml>".encode())

    polls = await polled(world, client)
    found = (await discover(publisher.url("/page", host=PAPER), client)).found

    assert [poll.reading.fault and poll.reading.fault.kind for poll in polls] == [
        FaultKind.REFUSED_ADDRESS
    ] * 3
    assert listed == []
    assert all(feed.url.startswith(f"http://{PAPER}") for feed in found)
    for address in addresses:
        with pytest.raises((FeedError, UsageError)):
            await discover(address, client)


NETWORK = {"aiohttp", "ftplib", "http.client", "httpx", "poplib", "requests", "smtplib"}
NETWORK |= {"telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc.client"}
CONNECTS = {"create_connection", "open_connection", "getaddrinfo", "gethostbyname", "urlopen"}
CONNECTS |= {"sock_connect", "open_unix_connection"}


def test_one_layer_makes_all_connections_and_each_to_an_address_that_was_checked() -> None:
    root = Path(newsreel.__file__).parent
    found = []
    for path in root.rglob("*.py"):
        where = path.relative_to(root)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found += [(where, name.name) for name in node.names if name.name in NETWORK]
            elif isinstance(node, ast.ImportFrom) and node.module in NETWORK:
                found.append((where, str(node.module)))
            elif isinstance(node, ast.Attribute) and node.attr in CONNECTS:
                found.append((where, node.attr))

    modules = {str(where) for where, _ in found}
    assert modules <= {"fetch/connection.py", "fetch/mailbox.py", "fetch/proxy.py"}
    assert "fetch/connection.py" in modules


@pytest.mark.parametrize(
    "answer",
    [
        endless_headers(),
        endless(),
        hang(),
        redirect("/feed"),
        Page(body=b"<rss>" + bytes(30_000_000), encoding="gzip", etag=None),
        Page(body=b"<rss>" + bytes(30_000_000), encoding="br", etag=None),
        Page(body=b"<rss>" + bytes(30_000_000), encoding="zstd", etag=None),
        Page(body=b"<rss><channel><item>" + b"<a>" * 200_000, etag=None),
        Page(body=b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><rss>&x;</rss>', etag=None),
    ],
    ids=["headers", "body", "time", "redirects", "gzip", "br", "zstd", "depth", "entities"],
)
async def test_what_has_no_end_ends_and_holds_up_no_other(
    world: World, names: Names, publisher: Publisher, answer: Page
) -> None:
    publisher.answer("/feed", answer)
    publisher.put("/good", rss([item("a")]))
    bad = await world.feed(publisher.url("/feed", host="bad.example"))
    good = await world.feed(publisher.url("/good", host="good.example"))
    policy = FetchPolicy(
        allow_private=("127.0.0.1",), timeout=timedelta(seconds=1), max_bytes=1_000_000
    )
    async with asyncio.timeout(30), Client(policy, lookup=names) as client:
        polls = {poll.feed.id: poll for poll in await polled(world, client)}

    assert polls[good.id].reading.outcome is Outcome.OK
    assert polls[bad.id].reading.outcome is Outcome.FAILED or not polls[bad.id].changes.new
    assert b"root:" not in (polls[bad.id].reading.capture.body or b"")


async def test_a_list_of_many_feeds_of_one_host_asks_it_for_one_at_a_time(
    world: World, names: Names, publisher: Publisher
) -> None:
    """A list of feeds is no weapon: whoever imports it asks its victim no faster than any host."""
    count = 30
    for number in range(count):
        publisher.put(f"/{number}", rss([item(f"{number}")]))
        await world.feed(publisher.url(f"/{number}", host="victim.example"))
    policy = FetchPolicy(allow_private=("127.0.0.1",), host_gap=timedelta(seconds=0.02))
    loop = asyncio.get_running_loop()
    async with Client(policy, lookup=names) as client:
        began = loop.time()
        polls = await polled(world, client)

    assert len(polls) == count
    assert loop.time() - began >= (count - 1) * 0.02
    assert publisher.most_open <= 2  # the server may notice the end of one late


def hostile_feed() -> bytes:
    """A feed with all that has ever broken a reader in it."""
    items = "".join(
        f"<item><guid>{number}</guid><title>{title}</title><link>{link}</link>"
        f"<pubDate>{date}</pubDate></item>"
        for number, (title, link, date) in enumerate(
            [
                ("../../../etc/passwd", "file:///etc/passwd", "Mon, 01 Jan 0000 00:00:00 GMT"),
                ("a\n# b\n\n- c", "JaVaScRiPt:alert(1)", "9999-12-31T23:59:59+14:00"),
                ("half &#xD800; and &#0; none", "java&#10;script:alert(1)", "0000-00-00"),
                ("&#27;[31mred &#8238;back", "data:text/html,x", "99999-01-01"),
                ("\x00\x01\x0b", "vbscript:x", "Mon, 31 Feb 2026 25:61:61 +9999"),
                ("&lt;script&gt;alert(1)&lt;/script&gt;", "http://[::1", "-1"),
            ]
        )
    )
    for number, scheme in enumerate(["javascript:a", "JAVA\tSCRIPT:a", "data:text/html,a"]):
        items += (
            f"<item><guid>x{number}</guid><title>x</title><link>{scheme}</link>"
            f'<comments>{scheme}</comments><enclosure url="{scheme}" type="text/html"/>'
            f'<media:thumbnail xmlns:media="http://search.yahoo.com/mrss/" url="{scheme}"/></item>'
        )
    head = "<title>../../evil\n\x1b[31m\u202e</title><link>javascript:alert(1)</link>"
    text = f'<rss xml:base="javascript:x"><channel>{head}{items}</channel></rss>'
    return text.encode() + b"\xff\xfe\x80"


async def test_whatever_a_feed_holds_no_entry_is_lost_and_no_link_does_harm(
    world: World, client: Client, publisher: Publisher
) -> None:
    publisher.put("/feed", hostile_feed())
    feed = await world.feed(publisher.url("/feed", host=PAPER))

    (first,) = await polled(world, client)
    world.later(HOUR)
    publisher.put("/feed", hostile_feed() + b" ")
    (second,) = await polled(world, client)

    entries = await world.entries(feed)
    assert first.reading.outcome is Outcome.OK
    assert len(entries) == 9
    assert (second.changes.new, second.changes.revised) == ((), ())
    assert second.feed.site_url is None
    for entry in entries:
        content = entry.content
        links = [content.permalink, content.canonical_link, content.thumbnail]
        links += [enclosure.url for enclosure in content.enclosures]
        assert all(link.startswith("http") for link in links if link)
        repr(content).encode()
        assert "\0" not in f"{content.title}{content.link}"


async def test_a_name_server_that_knows_nobody_is_asked_once_a_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for number in range(20):
        await world.feed(f"http://nobody.example/{number}")
    monkeypatch.setattr(socket, "getaddrinfo", ask)
    async with asyncio.timeout(20), Client(FetchPolicy(host_gap=HOUR)) as client:
        polls = await polled(world, client)

    assert asked == ["nobody.example"]
    assert [poll.reading.fault and poll.reading.fault.kind for poll in polls] == [
        FaultKind.DNS
    ] * 20


CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_nothing_a_feed_says_plays_tricks_on_a_terminal_a_log_or_a_directory(
    tmp_path: Path, publisher: Publisher
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    newsreel = Newsreel(home, {"NEWSREEL_CAPTURES": str(home / "captures")})
    path = "/..%2f..%2fevil\u202e%0a%1b"
    newsreel("add", publisher.put(path.replace("\u202e", "%E2%80%AE"), hostile_feed()))
    for command in ("feeds", "log", "status", "days"):
        newsreel(command)
    newsreel("show", "1")
    newsreel("doctor", "1")
    newsreel("export", "--all")
    with newsreel.start("run") as service:
        assert service.stderr is not None
        service.stderr.readline()
        service.terminate()
        _, log = service.communicate(timeout=30)

    assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
    assert not [said for said in newsreel.told if CONTROLS.search(said)]
    assert list(tmp_path.iterdir()) == [home]
    assert not [path for path in home.rglob("*") if CONTROLS.search(path.name)]
    (page,) = newsreel.archive.rglob("*evil*.md")
    assert page.resolve().is_relative_to(newsreel.archive.resolve())
