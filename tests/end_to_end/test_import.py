"""Importing into a real store, and writing the old form again."""

import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsreel.app.export import Selection
from newsreel.app.export_legacy import export_legacy
from newsreel.app.ingest import import_paths
from newsreel.archive.containers import Containers, Limits
from newsreel.core.importing import Account
from newsreel.errors import ArchiveError
from newsreel.model.entry import Doubt
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.poll import Tombstone
from newsreel.store import Store, open_store

GOLDEN = Path(__file__).parent.parent / "golden" / "legacy"
HARBOUR = "https://harbourpost.example/feed"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
ALL = Selection(is_all=True)
MOVED = Feed(
    id=0,
    url="https://new.example/feed",
    first_url="https://old.example/feed",
    file_name="https...old.example.feed",
    host="new.example",
    aliases=("https://old.example/feed",),
    added_at=NOW,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = open_store(str(tmp_path / "db.sqlite"))
    yield store
    await store.close()


async def taken(store: Store, *paths: Path, limits: Limits | None = None) -> Account:
    return await import_paths(store, paths, clock=lambda: NOW, limits=limits)


async def exported(store: Store, root: Path) -> dict[str, bytes]:
    await export_legacy(store, root, ALL)
    return files_in(root)


def files_in(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def rows(*titles: str, host: str = "a.example", at: str = "2026-01-05T08:00:00+00:00") -> bytes:
    return json.dumps(
        [
            {
                "source_url": f"https://{host}/feed",
                "link": f"https://{host}/{n}",
                "title": title,
                "date_published": at,
            }
            for n, title in enumerate(titles)
        ]
    ).encode()


def put(root: Path, path: str, body: bytes) -> Path:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(body)
    return root / path


def reasons(account: Account) -> dict[str, str]:
    return {Path(found.path).name: found.reason for found in account.skipped}


async def test_every_variant_comes_back_byte_for_byte(store: Store, tmp_path: Path) -> None:
    account = await taken(store, GOLDEN)

    found = await exported(store, tmp_path / "out")

    expected = files_in(GOLDEN)
    unread = {"domains.json", "2023/10/2023-10-30/keywords.json"}
    assert found == {path: body for path, body in expected.items() if path not in unread}
    assert set(reasons(account)) == {"domains.json", "keywords.json"}
    assert not account.failed


async def test_importing_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    first = await taken(store, GOLDEN)
    second = await taken(store, GOLDEN)

    assert (second.new, second.revised, second.feeds_new) == (0, 0, 0)
    assert second.known == second.read == first.read
    found = await exported(store, tmp_path / "out")
    assert all(files_in(GOLDEN)[path] == body for path, body in found.items())


async def test_twins_are_one_import_whatever_is_read_first(store: Store, tmp_path: Path) -> None:
    day = GOLDEN / "2022/12/2022-12-21"
    markdown, json_file = sorted(day.iterdir(), reverse=True)
    alone = await taken(store, markdown)

    both = await taken(store, json_file, markdown)

    assert (alone.new, both.new, both.known, both.read) == (2, 0, 2, 2)
    assert len(await exported(store, tmp_path / "out")) == 2


async def test_tags_of_the_markdown_are_kept_with_the_entry(store: Store) -> None:
    await taken(store, GOLDEN / "2022/12/2022-12-21")
    feed = await store.find_feed("https://lanterns.example/rss?lang=pl&kind=all")

    assert feed is not None
    found = {entry.content.title: entry for entry in await store.entries_of(feed.id)}
    assert found["Window panes"].content.extras["legacy"] == {
        "tags": ["glass", "work"],
        "user": "ada",
    }


async def test_an_entry_of_midnight_is_one_entry_in_two_files(store: Store) -> None:
    account = await taken(store, GOLDEN / "2021/06")

    assert (account.read, account.new, account.known) == (4, 3, 1)
    feed = await store.find_feed(HARBOUR)
    assert feed is not None
    entries = {entry.content.title: entry for entry in await store.entries_of(feed.id)}
    assert entries["New moon over the bay"].day == date(2021, 6, 11)


async def test_a_changed_headline_is_a_revision(store: Store) -> None:
    account = await taken(store, GOLDEN / "2026")

    feed = await store.find_feed(HARBOUR)
    assert feed is not None
    (entry,) = [e for e in await store.entries_of(feed.id) if e.identity.endswith("/n/81")]
    assert account.revised == 1
    assert [revision.content.title for revision in entry.revisions] == [
        "Ławica śledzi",
        "Ławica śledzi przy molo",
    ]
    assert str(entry.first_seen_at) == "2026-01-05 08:40:00+00:00"
    assert entry.revisions[1].seen_at.isoformat() == "2026-01-06T08:40:00.100000+00:00"
    assert Doubt.IMPORTED in entry.doubts


async def test_wordings_are_ordered_by_when_they_were_seen(store: Store) -> None:
    await taken(store, GOLDEN / "2026/01/2026-01-06")
    await taken(store, GOLDEN / "2026/01/2026-01-05")

    feed = await store.find_feed(HARBOUR)
    assert feed is not None
    (entry,) = [e for e in await store.entries_of(feed.id) if e.identity.endswith("/n/81")]
    assert [revision.content.title for revision in entry.revisions] == [
        "Ławica śledzi",
        "Ławica śledzi przy molo",
    ]


async def test_a_file_outside_of_days_is_put_where_its_content_says(
    store: Store, tmp_path: Path
) -> None:
    source = GOLDEN / "2025/01/2025-01-27/https...harbourpost.example.feed_entries.md"
    await taken(store, put(tmp_path, "2001-01-01/some.text", source.read_bytes()))

    found = await exported(store, tmp_path / "out")

    assert found == {source.relative_to(GOLDEN).as_posix(): source.read_bytes()}


async def test_entries_without_a_source_get_their_hosts(store: Store) -> None:
    await taken(store, GOLDEN / "2024/10")

    feeds = {feed.url: feed for feed in await store.feeds()}
    assert set(feeds) == {"https://a.example/", "https://b.example/"}
    assert all(feed.is_crawled and feed.status is FeedStatus.ARCHIVED for feed in feeds.values())


async def test_only_lists_of_feeds_make_feeds_active(store: Store) -> None:
    await taken(store, GOLDEN)

    states = {feed.url: feed.status for feed in await store.feeds()}
    assert states[HARBOUR] is FeedStatus.ACTIVE
    assert states["https://quiet.example/feed"] is FeedStatus.PAUSED
    assert states["https://early.example/rss"] is FeedStatus.ARCHIVED


async def test_a_days_list_of_sources_makes_none_active(store: Store) -> None:
    await taken(store, GOLDEN / "2023/02")

    assert {feed.status for feed in await store.feeds()} == {FeedStatus.ARCHIVED}


async def test_a_feed_that_has_moved_is_one_feed(store: Store, tmp_path: Path) -> None:
    (feed,) = await store.restore_feeds([MOVED])
    day = tmp_path / "in/2026-01-05"
    put(day, "old_entries.json", rows("One", "Two", host="old.example"))
    put(day, "new_entries.json", rows("Three", host="new.example"))

    account = await taken(store, tmp_path / "in")

    assert (account.new, account.feeds_new) == (3, 0)
    assert len(await store.entries_of(feed.id)) == 3
    assert len(await exported(store, tmp_path / "out")) == 2


async def test_the_last_list_that_names_a_feed_says_what_it_is(
    store: Store, tmp_path: Path
) -> None:
    for year, dead in ((2022, False), (2023, True)):
        row = {"url": "https://a.example/feed", "title": str(year), "dead": dead}
        put(tmp_path, f"in/{year}/sources.json", json.dumps([row]).encode())
    await taken(store, tmp_path / "in")

    (feed,) = await store.feeds()
    assert (feed.title, feed.status) == ("2023", FeedStatus.PAUSED)


async def test_markdown_with_other_line_ends_keeps_its_entries(
    store: Store, tmp_path: Path
) -> None:
    (source,) = (GOLDEN / "2025/01/2025-01-27").iterdir()
    body = b"\xef\xbb\xbf" + source.read_bytes().replace(b"\n", b"\r\n")

    account = await taken(store, put(tmp_path, "2025-01-27/a_entries.md", body))

    assert account.new == 3
    assert "text form can't be kept" in reasons(account)["a_entries.md"]


async def test_a_feed_is_called_what_its_last_header_says(store: Store, tmp_path: Path) -> None:
    for day, title in ((4, "Old Name"), (5, "New Name")):
        text = (
            f"# Source:{title}, URL:https://a.example/feed, language:en\n\n## T{day}\n"
            f" - [https://a.example/{day}](https://a.example/{day})\n - RSS feed: $source\n"
            f" - date published: 2025-01-0{day}T08:00:00+00:00\n\nText\n\n"
        )
        put(tmp_path, f"in/2025-01-0{day}/a_entries.md", text.encode())
    await taken(store, tmp_path / "in")

    (feed,) = await store.feeds()
    assert (feed.title, feed.language) == ("New Name", "en")
    (page,) = await store.pages(date(2025, 1, 4), is_private=False)
    assert page.title == "Old Name"


async def test_private_sources_are_stored_and_never_written(store: Store, tmp_path: Path) -> None:
    for host in ("user:secret@p.example", "a.example"):
        put(tmp_path, f"in/2026-01-05/{host[-9:]}_entries.json", rows("T", host=host))
    mail = rows("Letter").replace(b"https://a.example/feed", b"email://imap.example/me")
    put(tmp_path, "in/2026-01-05/mail_entries.json", mail)
    account = await taken(store, tmp_path / "in")

    found = await exported(store, tmp_path / "out")

    assert account.new == 3
    assert [Path(path).name for path in found] == ["a.example_entries.json"]


async def test_an_erased_entry_stays_erased(store: Store, tmp_path: Path) -> None:
    path = put(tmp_path, "in/2026-01-05/a_entries.json", rows("Kept", "Gone"))
    await taken(store, path.parent)
    feed = await store.find_feed("https://a.example/feed")
    assert feed is not None
    (gone,) = [e for e in await store.entries_of(feed.id) if e.content.title == "Gone"]
    await store.tombstone(gone.public_id, Tombstone.ERASED, reason="asked", now=NOW)

    again = await taken(store, path.parent)

    assert (again.erased, again.known, again.new) == (1, 1, 0)
    (body,) = (await exported(store, tmp_path / "out")).values()
    assert b"Kept" in body
    assert b"Gone" not in body


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


MEMBER = "01/2026-01-05/https...a.example.feed_entries.json"
ONE = {MEMBER: rows("One"), "README.md": b"# Read me\n", "LICENSE": b"Free.\n"}


@pytest.mark.parametrize(
    "body",
    [zipped(ONE), *(tarred(ONE, f"w:{kind}") for kind in ("", "gz", "bz2", "xz"))],
    ids=["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"],
)
async def test_a_container_is_known_by_its_content(
    store: Store, tmp_path: Path, body: bytes
) -> None:
    account = await taken(store, put(tmp_path, "in/noname", body))

    found = await exported(store, tmp_path / "out")

    assert set(reasons(account)) == {"README.md", "LICENSE"}
    assert found == {f"2026/{MEMBER}": ONE[MEMBER]}


async def test_zstandard_is_read(store: Store, tmp_path: Path) -> None:
    zstd = pytest.importorskip("backports.zstd")
    body = zstd.compress(tarred(ONE, "w:"))

    assert (await taken(store, put(tmp_path, "in/a.tar.zst", body))).new == 1


async def test_archives_are_found_in_directories_and_in_archives(
    store: Store, tmp_path: Path
) -> None:
    put(tmp_path, "in/2026/01.zip", zipped(ONE))
    other = {"01/2026-01-06/https...a.example.feed_entries.json": rows("Two", "Three")}
    put(tmp_path, "in/all.tar", tarred({"2026/01.zip": zipped(other)}, "w:"))

    account = await taken(store, tmp_path / "in")

    assert account.files == 2
    assert len(await store.legacy_days()) == 2


async def test_hostile_members_are_refused_and_the_rest_is_read(
    store: Store, tmp_path: Path
) -> None:
    evil = rows("Evil")
    files = {"../out_entries.json": evil, "/abs_entries.json": evil, "C:\\x_entries.json": evil}
    path = put(tmp_path, "in/a.zip", zipped({**files, **ONE}))
    link = zipfile.ZipInfo("2026-01-05/link_entries.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as tarball:
        for kind, name in (
            (tarfile.SYMTYPE, "s_entries.json"),
            (tarfile.LNKTYPE, "h_entries.json"),
            (tarfile.CHRTYPE, "c_entries.json"),
            (tarfile.REGTYPE, "../u_entries.json"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tarball.addfile(info)
    put(tmp_path, "in/b.tar", tar.getvalue())

    account = await taken(store, tmp_path / "in")

    told = {reason for name, reason in reasons(account).items() if name.endswith("_entries.json")}
    assert account.new == 1
    assert told == {"a path that leaves the archive", "an absolute path", "a link or a device"}


async def test_symbolic_links_in_a_directory_are_not_followed(
    store: Store, tmp_path: Path
) -> None:
    outside = put(tmp_path, "outside/2026-01-05/a_entries.json", rows("Outside"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(outside.parent)

    account = await taken(store, tmp_path / "in")

    assert account.read == 0
    assert reasons(account) == {"link": "a symbolic link"}


SMALL = Limits(member_bytes=1000, min_total_bytes=5000, ratio=2)


async def test_a_large_member_is_refused(store: Store, tmp_path: Path) -> None:
    files = {"2026-01-05/big_entries.json": rows("x" * 2000), **ONE}
    account = await taken(store, put(tmp_path, "a.zip", zipped(files)), limits=SMALL)

    assert account.new == 1
    assert reasons(account)["big_entries.json"] == "larger than 1000 bytes"


@pytest.mark.parametrize("kind", ["zip", "tar.xz"])
async def test_a_bomb_goes_off_nowhere(store: Store, tmp_path: Path, kind: str) -> None:
    files = {
        f"2026-01-05/{n}_entries.json": rows("x" * 700, host=f"h{n}.example") for n in range(50)
    }
    body = zipped(files) if kind == "zip" else tarred(files, "w:xz")

    account = await taken(store, put(tmp_path, f"a.{kind}", body), limits=SMALL)

    told = [found.reason for found in (*account.skipped, *account.failed)]
    assert account.read < 40
    assert any("holds more than" in reason for reason in told)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz", "tar"])
async def test_a_truncated_archive_gives_what_it_can_or_a_clear_error(
    store: Store, tmp_path: Path, kind: str
) -> None:
    files = {
        f"2026-01-05/{n}_entries.json": rows("x" * 700, host=f"h{n}.example") for n in range(50)
    }
    body = zipped(files) if kind == "zip" else tarred(files, f"w:{kind[4:]}")

    account = await taken(store, put(tmp_path, f"a.{kind}", body[: len(body) // 2]))

    assert account.failed or any("ends early" in found.reason for found in account.skipped)


async def test_a_bare_compressed_file_is_read(store: Store, tmp_path: Path) -> None:
    import gzip

    path = put(tmp_path, "2026-01-05/a_entries.json.gz", gzip.compress(rows("One")))

    assert (await taken(store, path.parent)).new == 1


async def test_broken_files_are_named_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    day = tmp_path / "in/2026-01-05"
    put(day, "good_entries.json", rows("Good"))
    put(day, "cut_entries.json", rows("Cut", host="c.example")[:-5])
    put(day, "empty_entries.json", b"")
    put(day, "odd_entries.json", b'[{"link": 5, "title": {"a": 1}, "date_published": []}]')
    put(
        day, "twice_entries.json", b'[{"link": "https://t.example/1", "title": "a", "title": "b"}]'
    )

    account = await taken(store, tmp_path / "in")

    assert account.new == 2
    told = reasons(account)
    assert told["cut_entries.json"].startswith("broken JSON")
    assert told["empty_entries.json"] == "empty"
    assert "text form can't be kept" in told["odd_entries.json"]
    assert "text form can't be kept" in told["twice_entries.json"]


async def test_two_templates_glued_together_keep_their_entries(
    store: Store, tmp_path: Path
) -> None:
    lined = (
        GOLDEN / "2023/02/2023-02-08/https.lanterns.examplerss.lang.pl&kind.all_entries.md"
    ).read_bytes()
    body = (
        b"# Source Lanterns, Source URL:https://lanterns.example/f, Source language: pl\n\n"
        b"## Two\n - [https://lanterns.example/2](https://lanterns.example/2)\n"
        b" - RSS feed: https://lanterns.example/f\n - date published: 2023-02-08 09:00:00+00:00\n"
        b" - user: None\n\nText\n\n" + lined.partition(b"\n\n")[2]
    )

    account = await taken(store, put(tmp_path, "in/2023-02-08/x_entries.md", body))

    assert (account.read, account.new) == (2, 2)
    assert list((await exported(store, tmp_path / "out")).values()) == [body]


async def test_names_that_are_no_utf_8_do_no_harm(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "2026-01-05/" + os.fsdecode(b"\xff_entries.json"), rows("One"))
    put(tmp_path, "2026-01-05/" + os.fsdecode(b"\xfe.txt"), b"prose")

    account = await taken(store, tmp_path / "2026-01-05")

    assert account.new == 1
    json.dumps([found.path for found in account.skipped], ensure_ascii=False).encode()
    assert len(await exported(store, tmp_path / "out")) == 1


async def test_deep_values_do_no_harm(store: Store, tmp_path: Path) -> None:
    day = tmp_path / "in/2026-01-05"
    for depth in (50, 300, 600, 900, 5000):
        deep = b"[" * depth + b"]" * depth
        body = b'[{"title": "t", "link": "https://a.example/%d", "odd": %s}]' % (depth, deep)
        put(day, f"{depth}_entries.json", body)

    account = await taken(store, tmp_path / "in")

    assert account.new >= 1
    assert account.new + len(account.skipped) >= 5


async def test_an_archive_of_ours_is_not_written_into(store: Store, tmp_path: Path) -> None:
    put(tmp_path, "archive/log.jsonl", b"{}\n")

    with pytest.raises(ArchiveError, match="holds Newsreel's own archive"):
        await export_legacy(store, tmp_path / "archive", ALL)


async def test_a_missing_path_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with Containers() as containers, pytest.raises(ArchiveError) as error:
        list(containers.members(tmp_path / "none"))
    assert error.value.hint


async def test_seed_is_put_where_it_was_and_comes_back(
    store: Store, tmp_path: Path, shared: Path
) -> None:
    seed = shared / "data" / "seed.md"
    account = await taken(store, seed)

    found = await exported(store, tmp_path / "out")

    name = "2025/01/2025-01-27/https...www.scmp.com.rss.4.feed_entries.md"
    assert found == {name: seed.read_bytes()}
    assert (account.read, account.doubts["fetch-stamped"]) == (24, 16)


@pytest.mark.parametrize("name", ["archive-2021-06", "archive-2022-03"])
async def test_a_real_month_comes_back_byte_for_byte(
    store: Store, tmp_path: Path, shared: Path, name: str
) -> None:
    path = shared / "data" / f"{name}.zip"
    account = await taken(store, path)

    found = await exported(store, tmp_path / "out")

    with zipfile.ZipFile(path) as archive:
        files = {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    assert {path[5:]: body for path, body in found.items()} == files
    assert not account.skipped
