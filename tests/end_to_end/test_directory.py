"""Directories and files as sources."""

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from command_line import Newsreel
from newsreel.fetch.blocking import MOST_HANGING, done_within
from newsreel.fetch.directory import MOST_FILES, fetch_directory
from newsreel.formats.document import parse
from newsreel.model.capture import Capture, FaultKind, Validators
from polled_world import MINUTE, MORNING, item, rss


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "my notes"
    folder.mkdir()
    (folder / "garden.md").write_text("# The Garden\n\nSoil and seed.")
    (folder / "letter.eml").write_bytes(
        b"Message-ID: <1@press.example>\r\nSubject: A letter\r\n"
        b"Date: Wed, 04 Mar 2026 07:00:00 +0000\r\n\r\nDear all\r\n"
    )
    return folder


async def fetched(path: Path, validators: Validators = Validators(), **told: Any) -> Capture:
    return await fetched_at(path.as_uri(), validators, **told)


async def fetched_at(
    url: str,
    validators: Validators = Validators(),
    *,
    most_bytes: int = 1_000_000,
    limit: timedelta = MINUTE,
) -> Capture:
    return await fetch_directory(
        url, validators, most_bytes=most_bytes, limit=limit, clock=lambda: MORNING
    )


def names_in(capture: Capture) -> set[str | None]:
    assert capture.body is not None
    return {entry.guid for entry in parse(capture.body).entries}


def left_out(capture: Capture) -> object:
    assert capture.body is not None
    told = parse(capture.body).extras.get("_newsreel")
    return told["left_out"] if isinstance(told, dict) else None


async def test_files_are_entries_and_nothing_else_is(notes: Path) -> None:
    (notes / "sub").mkdir()
    (notes / "sub/deep.txt").write_text("deep")
    (notes / ".hidden").write_text("hidden")
    (notes / "secret.txt").symlink_to("/etc/hostname")
    (notes / "elsewhere").symlink_to("/etc")
    os.mkfifo(notes / "pipe.txt")
    (notes / "report.pdf").write_bytes(b"%PDF")
    os.close(os.open(os.fsencode(notes) + b"/odd\xff.bin", os.O_CREAT))

    capture = await fetched(notes)

    assert names_in(capture) == {
        "garden.md",
        "<1@press.example>",
        "sub/deep.txt",
        "report.pdf",
        "odd\\xff.bin",
    }
    assert left_out(capture) == {"link": 2, "no-file": 1}
    assert not capture.is_cut


async def test_what_has_not_changed_is_not_read_again(notes: Path) -> None:
    first = await fetched(notes)

    second = await fetched(notes, first.validators)
    os.utime(notes / "garden.md", ns=(1, 1))
    third = await fetched(notes, first.validators)

    assert (first.status, second.status, third.status) == (200, 304, 200)
    assert second.is_not_modified
    assert second.body is None


async def test_the_newest_files_are_read_and_the_rest_is_no_silent_gap(notes: Path) -> None:
    for number in range(MOST_FILES + 3):
        path = notes / f"{number}.bin"
        path.touch()
        os.utime(path, (number, number))

    capture = await fetched(notes)

    assert len(names_in(capture)) == MOST_FILES
    assert "0.bin" not in names_in(capture)
    assert {"garden.md", f"{MOST_FILES}.bin"} <= names_in(capture)
    assert capture.is_cut
    assert left_out(capture) == {"too-many": 5}


async def test_no_more_is_read_than_a_body_may_have(notes: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (notes / name).write_text("x" * 900)
        os.utime(notes / name, (1, 1))

    capture = await fetched(notes, most_bytes=1200)

    assert names_in(capture) == {"garden.md", "<1@press.example>", "a.txt"}
    assert capture.is_cut


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_left_out_and_told(notes: Path) -> None:
    (notes / "garden.md").chmod(0)

    capture = await fetched(notes)

    assert names_in(capture) == {"<1@press.example>"}
    assert left_out(capture) == {"unreadable": 1}
    assert capture.is_cut


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_opens_no_way_past_the_limit(notes: Path) -> None:
    for number in range(MOST_FILES + 3):
        path = notes / f"{number}.txt"
        path.touch()
        os.utime(path, (number, number))
    (notes / "2.txt").chmod(0)  # with what else there is, just behind the last that is read

    capture = await fetched(notes)

    assert len(names_in(capture)) <= MOST_FILES


@pytest.mark.parametrize("name", ["gone", "pipe", "gone\0"])
async def test_what_is_not_there_is_a_fault(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    url = f"file://{tmp_path}/{name}".replace("\0", "%00")

    capture = await fetched_at(url)

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.MISSING


async def test_a_directory_that_takes_too_long_is_a_fault(notes: Path) -> None:
    capture = await fetched(notes, limit=timedelta())

    assert capture.fault is not None
    assert (capture.fault.kind, capture.body) == (FaultKind.TIMEOUT, None)
    assert capture.fault.detail == "not done within 0 s"


def test_a_poll_of_a_directory_that_takes_too_long_fails_and_is_put_off(
    newsreel: Newsreel, notes: Path
) -> None:
    newsreel("add", notes)
    newsreel.environment["NEWSREEL_TIMEOUT"] = "0.000001"

    newsreel("poll", "1")

    (feed,) = newsreel.json("feeds")
    assert (feed["fault"], feed["failures"], feed["entries"]) == ("timeout", 1, 2)


async def test_what_hangs_is_left_behind_and_not_tried_anew_while_it_does() -> None:
    over, begun = threading.Event(), threading.Semaphore(0)
    behind: list[threading.Thread] = []

    def hang() -> None:
        behind.append(threading.current_thread())
        begun.release()
        over.wait()

    try:
        for number in range(MOST_HANGING):
            one = asyncio.create_task(done_within(MINUTE, hang, name=str(number)))
            await asyncio.to_thread(begun.acquire)
            one.cancel()
            await asyncio.wait([one])
            with pytest.raises(TimeoutError, match="an earlier attempt still hangs"):
                await done_within(MINUTE, hang, name="0")
        with pytest.raises(TimeoutError, match="an earlier attempt still hangs"):
            await done_within(MINUTE, hang, name="another")
    finally:
        over.set()

    assert all(thread.daemon for thread in behind)
    for thread in behind:
        await asyncio.to_thread(thread.join)
    assert await done_within(MINUTE, lambda: "back", name="0") == "back"


async def test_what_a_call_raises_in_time_is_raised() -> None:
    def fail() -> None:
        raise TimeoutError(110, "Connection timed out")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="Connection timed out"):
            await done_within(MINUTE, fail, name="soft mount")


@pytest.mark.parametrize("machine", ["nas.lan", "ada@localhost", "[", "localhost:80"])
async def test_a_file_of_another_machine_is_none_of_this_one(
    newsreel: Newsreel, notes: Path, machine: str
) -> None:
    url = notes.as_uri().replace("file://", f"file://{machine}")

    capture = await fetched_at(url)
    done = newsreel("add", url)

    assert capture.fault is not None
    assert (capture.fault.kind, capture.body) == (FaultKind.BAD_ADDRESS, None)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: a file of another machine: {url}\n"
        "hint: give a path of this one; what is mounted here has one\n"
    )
    assert newsreel.json("feeds") == []


@pytest.mark.parametrize("beginning", ["file://localhost", "FILE://LOCALHOST", "file:"])
def test_a_file_of_this_machine_may_be_named_in_several_ways(
    newsreel: Newsreel, notes: Path, beginning: str
) -> None:
    done = newsreel("add", notes.as_uri().replace("file://", beginning))

    assert done.stderr.startswith("added: 1 my notes, 2 entries")
    assert newsreel.json("feeds")[0]["url"] == notes.as_uri() + "/"


def test_a_directory_is_a_private_feed(newsreel: Newsreel, notes: Path) -> None:
    done = newsreel("add", "./my notes")

    (feed,) = newsreel.json("feeds")
    assert done.stderr == (
        "added: 1 my notes, 2 entries\n"
        "note: it is on this machine, so it is private; 'newsreel edit --public' releases it\n"
    )
    assert feed["url"] == notes.as_uri() + "/"
    assert feed["private"]
    newsreel("export")
    assert not [path for path in newsreel.archive.rglob("*") if "Garden" in path.name]
    assert all("Soil" not in path.read_text() for path in newsreel.archive.rglob("*.md"))


@pytest.mark.parametrize("name", ["~/my notes", "./my notes/", "dir:my notes"])
def test_a_directory_is_found_by_its_path(newsreel: Newsreel, notes: Path, name: str) -> None:
    newsreel("add", notes)

    report = newsreel.json("doctor", name)

    assert report["feed"] == 1
    assert report["answer"]["outcome"] == "not-modified"


def test_a_file_that_is_gone_is_found_by_its_path(newsreel: Newsreel, tmp_path: Path) -> None:
    path = tmp_path / "saved.xml"
    path.write_bytes(rss([item("a")]))
    newsreel("add", path)
    path.unlink()

    done = newsreel("remove", path)

    assert done.stderr.startswith("removed: 1 ")


@pytest.mark.parametrize("name", ["./my.notes", "/srv/my.notes", "~nobody/my.notes"])
def test_a_path_that_is_no_feed_is_not_looked_for_in_the_web(
    newsreel: Newsreel, name: str
) -> None:
    done = newsreel("doctor", name)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: no such feed: '{name}'")


def test_a_directory_may_be_released(newsreel: Newsreel, notes: Path) -> None:
    newsreel("add", notes)

    newsreel("edit", "1", "--public")

    assert any("Soil" in path.read_text() for path in newsreel.archive.rglob("*.md"))


def test_a_file_that_changes_is_a_revision_and_one_that_goes_is_not_lost(
    newsreel: Newsreel, notes: Path
) -> None:
    newsreel("add", f"dir:{notes}")
    (notes / "garden.md").write_text("# The Garden\n\nSoil, seed and rain.")
    (notes / "letter.eml").unlink()
    (notes / "new.txt").write_text("New")

    done = newsreel("poll", "1")
    again = newsreel("poll", "1")

    newest = {entry["title"]: entry["revisions"] for entry in newsreel.json("show", "1")["newest"]}
    assert "1 new entries, 1 revised" in done.stderr
    assert newest == {"The Garden": 2, "A letter": 1, "new": 1}
    assert "1 not modified" in again.stderr


def test_a_directory_that_is_gone_is_a_fault_and_a_gap(newsreel: Newsreel, notes: Path) -> None:
    newsreel("add", notes)
    notes.rename(notes.with_name("elsewhere"))

    newsreel("poll", "1")

    (feed,) = newsreel.json("feeds")
    assert (feed["fault"], feed["entries"]) == ("missing", 2)


def test_a_feed_that_was_saved_as_a_file_is_a_feed(newsreel: Newsreel, tmp_path: Path) -> None:
    path = tmp_path / "saved.xml"
    path.write_bytes(rss([item("a")], title="The Press"))
    newsreel("add", path.as_uri())
    path.write_bytes(rss([item("a"), item("b")], title="The Press"))

    done = newsreel("poll", "1")

    assert "1 new entries" in done.stderr
    assert newsreel.json("feeds")[0]["title"] == "The Press"
    assert "1 not modified" in newsreel("poll", "1").stderr


def test_a_page_that_was_saved_is_read_by_selectors(newsreel: Newsreel, tmp_path: Path) -> None:
    path = tmp_path / "saved.html"
    path.write_text("<title>T</title><li><a href=https://press.example/a>A thing</a>")

    done = newsreel("add", path, "--entries", "li")

    assert done.stderr.startswith("added: 1 T, 1 entries")


@pytest.mark.parametrize(
    ("name", "told"),
    [("./nothing", "no directory and no file"), ("./saved.txt", "no feed")],
)
def test_what_is_no_source_is_refused(
    newsreel: Newsreel, tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "saved.txt").write_text("only words")

    done = newsreel("add", name)

    assert done.returncode != 0
    assert told in done.stderr
    assert newsreel.json("feeds") == []


def test_a_directory_is_made_again_from_captures_and_from_the_archive(
    newsreel: Newsreel, notes: Path
) -> None:
    private = ("--private-archive", "private")
    newsreel(*private, "add", notes)
    (notes / "garden.md").write_text("# The Garden\n\nSoil, seed and rain.")
    newsreel(*private, "poll", "1")
    before = newsreel.json("show", "1")["newest"]

    reparsed = newsreel("reparse")
    newsreel(*private, "--db", "a.sqlite", "--captures", "captures", "rebuild", "--captures")
    newsreel(*private, "--db", "b.sqlite", "rebuild")

    assert reparsed.returncode == 0, reparsed.stderr
    for database in ("a.sqlite", "b.sqlite"):
        assert newsreel.json("--db", database, "show", "1")["newest"] == before
        assert newsreel.json("--db", database, "feeds")[0]["private"]


def test_a_directory_of_a_public_archive_is_not_read_before_it_is_resumed(
    newsreel: Newsreel, notes: Path
) -> None:
    newsreel("add", notes)
    newsreel("edit", "1", "--public")
    newsreel("--db", "other.sqlite", "rebuild")
    (notes / "secret.txt").write_text("Not for everybody")

    newsreel("--db", "other.sqlite", "poll")

    (feed,) = newsreel.json("--db", "other.sqlite", "feeds")
    assert (feed["status"], feed["entries"]) == ("paused", 2)
    newsreel("--db", "other.sqlite", "edit", "1", "--resume")
    assert "1 new entries" in newsreel("--db", "other.sqlite", "poll").stderr


def test_a_list_of_feeds_from_elsewhere_names_no_files(newsreel: Newsreel, notes: Path) -> None:
    outline = f'<outline type="rss" xmlUrl="{notes.as_uri()}/" text="x"/>'
    Path(newsreel.home / "list.opml").write_text(f"<opml><body>{outline}</body></opml>")

    newsreel("import", "list.opml")

    assert newsreel.json("feeds") == []
