"""The newsroom in a box: what its papers print is what the archive holds, every time."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from newsreel.app.export import Roots
from newsreel.demo.newsroom import DAYS, START, SimulatedClock, live
from newsreel.demo.papers import Format, Paper, read_papers
from newsreel.demo.press import WINDOW, feed_of
from newsreel.demo.publisher import Publisher, Visitor
from newsreel.fetch.client import FetchPolicy, Request
from newsreel.formats.document import parse
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.store import Store, open_store

NEWSREEL = Path(sys.executable).with_name("newsreel")
END = START + timedelta(days=DAYS)
HARBOUR_POST = "http://harbourpost.example/feed"
GAZETTE = "http://oldmill.example/gazette/atom.xml"
TIDEWATCH = "http://tidewatch.example/bulletins.xml"
PAPERS = read_papers()


@dataclass
class Box:
    """What a run of the command leaves, and what it said."""

    root: Path
    said: subprocess.CompletedProcess[str]

    @property
    def archive(self) -> Path:
        return self.root / "archive"


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWSREEL, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    root = tmp_path_factory.mktemp("demo") / "box"
    return Box(root, run("demo", root))


@pytest.fixture
async def store(box: Box) -> AsyncIterator[Store]:
    found = open_store(str(box.root / "newsreel.sqlite"))
    yield found
    await found.close()


async def entries_of(store: Store, url: str) -> list[Entry]:
    return await store.entries_of((await feed_at(store, url)).id, limit=500)


async def feed_at(store: Store, url: str) -> Feed:
    feed = await store.find_feed(url)
    assert feed is not None
    return feed


def files_of(archive: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(archive)): path.read_bytes()
        for path in archive.rglob("*")
        if path.is_file()
    }


# The week --------------------------------------------------------------------------------------


async def test_everything_that_was_printed_is_kept_and_nothing_else(store: Store) -> None:
    printed, kept = {}, {}
    for paper in PAPERS:
        printed[paper.name] = sorted(article.wordings[-1].title for article in paper.articles)
        titles = [entry.content.title or "" for entry in await entries_of(store, paper.url)]
        kept[paper.name] = sorted(titles)

    assert kept == printed


async def test_a_second_week_is_told_alike_and_writes_the_same_bytes(
    box: Box, tmp_path: Path
) -> None:
    store, archive = open_store(str(tmp_path / "second.sqlite")), tmp_path / "archive"
    reports = [report async for report in live(PAPERS, store, Roots(archive))]
    await store.close()
    happened = " ".join(h.what for report in reports for h in report.happenings)

    assert files_of(archive) == files_of(box.archive)
    assert len(reports) == DAYS
    assert sum(report.new for report in reports) == sum(len(paper.articles) for paper in PAPERS)
    assert sum(report.not_modified for report in reports) > sum(r.polls for r in reports) / 2
    assert reports[1].late > 0
    assert "is redirected" in happened
    assert "moved" in happened
    assert "http-500" in happened
    assert "answers again" in happened


def test_no_port_of_the_loopback_address_shows_in_the_archive(box: Box) -> None:
    text = b"".join(files_of(box.archive).values())

    assert b"127.0.0.1" not in text
    assert not re.search(rb"\.example:\d", text)


async def test_a_headline_that_is_put_back_makes_a_third_wording(store: Store) -> None:
    entries = await entries_of(store, HARBOUR_POST)
    [entry] = [entry for entry in entries if entry.revision_count == 3]
    titles = [revision.content.title for revision in entry.revisions]

    assert titles[0] == titles[2] == "Council to sell the lighthouse"
    assert titles[1] == "Council denies plan to sell the lighthouse"


async def test_a_correction_that_leaves_the_headline_alone_is_a_revision(store: Store) -> None:
    entries = await entries_of(store, "http://lindenford-courier.example/atom.xml")
    entry = next(entry for entry in entries if "Budget" in (entry.content.title or ""))
    first, second = entry.revisions

    assert first.content.title == second.content.title
    assert "Correction" not in (first.content.body or "")
    assert "Correction" in (second.content.body or "")


def test_a_late_entry_stands_in_the_day_of_its_date_and_the_log_says_why(box: Box) -> None:
    path = "2026/03/2026-03-02/http...harbourpost.example.feed_entries.md"
    lines = (box.archive / "log.jsonl").read_text().splitlines()

    assert "Power cut darkens the quay" in (box.archive / path).read_text()
    assert [line.count("late-entries") for line in lines if path in line] == [0, 1]


async def test_a_feed_that_moved_is_the_same_feed_at_its_new_address(store: Store) -> None:
    feed = await feed_at(store, GAZETTE)

    assert feed.url == "http://gazette.example/atom.xml"
    assert feed.first_url == GAZETTE
    assert feed.aliases == (GAZETTE,)


async def test_a_breakdown_is_a_gap_that_ends_when_the_feed_is_back(store: Store) -> None:
    feed = await feed_at(store, TIDEWATCH)
    paper = next(paper for paper in PAPERS if paper.url == TIDEWATCH)
    [gap] = await store.gaps()

    assert paper.broken is not None
    assert gap.feed_id == feed.id
    assert gap.reason == "http-500"
    assert gap.to_at is not None
    assert gap.from_at < paper.broken.at < paper.broken.until < gap.to_at
    assert feed.failures == 0


# The papers ------------------------------------------------------------------------------------


def test_eleven_papers_print_in_every_format_and_two_languages() -> None:
    assert len(PAPERS) == 11
    assert {paper.format for paper in PAPERS} == set(Format)
    assert {paper.language[:2] for paper in PAPERS} == {"en", "de"}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_a_feed_is_sound_in_its_format(paper: Paper) -> None:
    kind, body = feed_of(paper, END)

    feed = parse(body, content_type=kind, url=paper.url)

    assert feed.forgiven == ()
    assert not feed.recoded
    assert feed.title == paper.name
    wordings = [article.wording(END) for article in paper.printed(END)[:WINDOW]]
    assert [entry.title for entry in feed.entries] == [wording.title for wording in wordings]


async def test_pictures_are_served_as_what_they_are() -> None:
    paper = next(paper for paper in PAPERS if paper.url == HARBOUR_POST)
    policy = FetchPolicy(allow_private=("127.0.0.0/8",))
    clock = SimulatedClock(END)
    feed = parse(feed_of(paper, END)[1], url=paper.url)
    pictures = [entry.thumbnail for entry in feed.entries if entry.thumbnail]
    async with Publisher(PAPERS, clock) as publisher:
        visitor = Visitor(policy, clock=clock, port=publisher.port)
        captures = [await visitor.fetch(Request(url=url)) for url in pictures]

    assert captures
    assert {capture.content_type for capture in captures} == {"image/svg+xml"}
    assert all((capture.body or b"").startswith(b"<svg ") for capture in captures)


async def test_what_is_not_printed_is_not_found() -> None:
    clock = SimulatedClock(END)
    policy = FetchPolicy(allow_private=("127.0.0.0/8",))
    async with Publisher(PAPERS, clock) as publisher:
        visitor = Visitor(policy, clock=clock, port=publisher.port)
        capture = await visitor.fetch(Request(url="http://harbourpost.example/horoscope"))

    assert capture.status == 404


# The command -----------------------------------------------------------------------------------


def test_the_command_shows_a_day_file_the_wordings_the_gap_and_what_to_try(box: Box) -> None:
    said = box.said.stdout

    assert box.said.returncode == 0
    assert box.said.stderr == ""
    assert " - title until 2026-03-02T15:00:00+00:00: Ferry may run again" in said
    assert "  title: Council{+ denies plan+} to sell the lighthouse" in said
    assert "http-500" in said
    assert "\x1b" not in said


def test_what_the_command_names_to_try_works_when_it_is_pasted(box: Box) -> None:
    commands = [line for line in box.said.stdout.splitlines() if " --db " in line]

    assert len(commands) >= 5
    for command in commands:
        pasted = subprocess.run(
            command, shell=True, capture_output=True, text=True, timeout=60, check=False
        )
        assert (pasted.returncode, command) == (0, command), pasted.stderr
        assert pasted.stdout or pasted.stderr


def test_what_a_person_reads_fits_into_a_hundred_columns(box: Box) -> None:
    table = box.said.stdout.partition("A day file, in part")[0]

    assert max(map(len, table.replace(str(box.root), "").splitlines())) <= 100


def test_without_a_directory_a_temporary_one_is_made_kept_and_named(tmp_path: Path) -> None:
    done = run("demo", TMPDIR=str(tmp_path))
    [box] = tmp_path.iterdir()

    assert done.returncode == 0
    assert f"are kept in {box}" in done.stdout
    assert (box / "newsreel.sqlite").exists()
    assert (box / "archive" / "log.jsonl").exists()


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")

    done = run("demo", tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: the directory is not empty: {tmp_path}\nhint: ")
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("no box")

    done = run("demo", tmp_path / "box")

    assert done.returncode == 2
    assert done.stderr.startswith("error: not a directory: ")
