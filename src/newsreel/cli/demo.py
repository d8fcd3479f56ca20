"""A newsroom in a box, shown on the terminal."""

import itertools
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from newsreel.app.export import Roots
from newsreel.cli.context import Context
from newsreel.cli.listing import plain, shown, span
from newsreel.cli.show import COMPARED, word_diff
from newsreel.core.day_writing import directory_of
from newsreel.demo.newsroom import START, DayReport, live
from newsreel.demo.papers import Paper, read_papers
from newsreel.errors import ArchiveError, UsageError
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap
from newsreel.store import Store, open_store

SHOWN_FEED = "http://harbourpost.example/feed"
COLUMNS = ("new", "revised", "late", "polls", "unchanged", "failed", "files")
HEAD = "day       " + "".join(f"{name:>10}" for name in COLUMNS) + "  written again"


@dataclass(frozen=True, slots=True)
class Box:
    """Where a demo lies."""

    root: Path

    @property
    def db(self) -> Path:
        """The database."""
        return self.root / "newsreel.sqlite"

    @property
    def archive(self) -> Path:
        """The root of the day files."""
        return self.root / "archive"


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def demo(context: Context, directory: Path | None) -> None:
    """See what Newsreel does, in a few seconds.

    Eleven invented papers live through five days on a loopback address; they are polled over HTTP,
    stored in DIR/newsreel.sqlite and written to DIR/archive. DIR must be new or empty; without it
    a temporary directory is made, and kept.
    """
    box = Box(_made(directory))
    context.run(_demo(box))


def _made(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="newsreel-demo-"))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        is_empty = not any(directory.iterdir())
    except FileExistsError:
        raise UsageError(
            f"not a directory: {directory}", hint="name a new one, or none for a temporary one"
        ) from None
    except OSError as error:
        raise ArchiveError(
            f"no demo can be made in {directory}: {error.strerror or error}",
            hint="name a directory that you may write to",
        ) from error
    if not is_empty:
        raise UsageError(
            f"the directory is not empty: {directory}",
            hint="name a new one, or none for a temporary one",
        )
    return directory


async def _demo(box: Box) -> None:
    papers = read_papers()
    store = open_store(str(box.db))
    try:
        _show_beginning(papers)
        reports = []
        async for report in live(papers, store, Roots(box.archive)):
            _show_day(report)
            reports.append(report)
        _show_happenings(reports)
        _show_tree(box, reports)
        feed = await store.find_feed(SHOWN_FEED)
        assert feed is not None
        _show_day_file(box, feed, reports[0])
        entries = await store.entries_of(feed.id, limit=100)
        entry = max(entries, key=lambda entry: entry.revision_count)
        _show_wordings(entry, feed)
        gaps = await store.gaps()
        _show_gaps(gaps, await store.feeds())
        await _show_end(store, box, entry, gaps)
    finally:
        await store.close()


def _show_beginning(papers: list[Paper]) -> None:
    formats = sorted({paper.format.value for paper in papers})
    _heading("A newsroom in a box")
    click.echo(
        f"{len(papers)} invented papers begin to print on 127.0.0.1, in {len(formats)} formats:"
    )
    click.echo(f"{', '.join(formats)}.")
    click.echo(f"It is {START:%A, %d %B %Y, %H:%M} UTC for them. They are polled over HTTP,")
    click.echo(
        "conditionally, when they are due, and each night the days that changed are written.\n"
    )
    click.secho(HEAD, bold=True)


def _show_day(report: DayReport) -> None:
    numbers = (
        report.new,
        report.revised,
        report.late,
        report.polls,
        report.not_modified,
        report.failed,
        report.files,
    )
    row = "".join(f"{number:>10}" for number in numbers)
    again = " ".join(f"{day:%a}" for day in report.rewritten)
    click.echo(f"{report.day:%a %d %b}{row}  {again}".rstrip())


def _show_happenings(reports: Iterable[DayReport]) -> None:
    click.echo(
        "\nlate: entries of an earlier day. Its files are written again, with the reason logged.\n"
    )
    for report in reports:
        for happening in report.happenings:
            click.echo(f"  {happening.at:%a %H:%M}  {plain(happening.feed)} {happening.what}.")


def _show_tree(box: Box, reports: list[DayReport]) -> None:
    _heading("The archive")
    click.echo(f"{box.archive}/")
    for path in sorted(box.archive.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            click.echo(f"  {path.name:<18} {_told_of(path)}")
    for day in sorted(box.archive.glob("*/*/*")):
        files = sorted(path.name for path in day.iterdir())
        click.echo(f"  {day.relative_to(box.archive)}/  {len(files)} files")
        if day.name == reports[0].day.isoformat():
            for name in [*files[2:6], "…", files[-1]]:
                click.echo(f"    {name}")


def _told_of(path: Path) -> str:
    match path.name:
        case "log.jsonl":
            count = len(path.read_bytes().splitlines())
            return f"{count} lines: every version of every file, each line bound to the one before"
        case "sources.json":
            return "the feeds"
        case _:
            return ""


def _show_day_file(box: Box, feed: Feed, report: DayReport) -> None:
    """Show the head of a day file, its newest entry and the first with a former title."""
    path = box.archive / directory_of(report.day) / f"{feed.file_name}_entries.md"
    _heading("A day file, in part")
    click.secho(f"{path.relative_to(box.archive)}\n", fg="cyan")
    head, *entries = path.read_text("utf-8").split("\n## ")
    click.echo(head)
    renamed = [number for number, entry in enumerate(entries) if " - title until " in entry]
    wanted = sorted({0, *renamed[:1]})
    for before, number in zip([-1, *wanted], wanted, strict=False):
        if number > before + 1:
            click.echo("[…]\n")
        click.echo(f"## {entries[number]}")
    if wanted[-1] + 1 < len(entries):
        click.echo("[…]")


def _show_wordings(entry: Entry, feed: Feed) -> None:
    _heading("One entry, all its wordings")
    first = entry.revisions[0]
    click.secho(plain(first.content.title), bold=True)
    click.echo(f"{plain(feed.display_title)}, {entry.content.permalink}")
    click.echo(f"seen {shown(first.seen_at)}{_absent(first.absent_at)}")
    for former, later in itertools.pairwise(entry.revisions):
        click.echo(
            f"\nrevision {later.number}, seen {shown(later.seen_at)}{_absent(later.absent_at)}"
        )
        for name in COMPARED:
            old, new = getattr(former.content, name), getattr(later.content, name)
            if old != new:
                click.echo(f"  {name}: " + word_diff(old or "", new or ""))


def _absent(at: object) -> str:
    return f", not yet at {shown(at)}" if at else ""


def _show_gaps(gaps: Iterable[Gap], feeds: Iterable[Feed]) -> None:
    _heading("What was not observed")
    names = {feed.id: feed.display_title for feed in feeds}
    for gap in gaps:
        long = f", {span(gap.to_at - gap.from_at)}" if gap.to_at else ""
        click.echo(
            f"{names[gap.feed_id]}: {shown(gap.from_at)} to {shown(gap.to_at)}{long}, {gap.reason}"
        )
    click.echo("Manifests say the same beside each day's files, with the polls expected and made.")


async def _show_end(store: Store, box: Box, entry: Entry, gaps: list[Gap]) -> None:
    counts = await store.counts(now=START)
    _heading("What to try next")
    for command in commands(box, entry, gaps):
        click.echo(command)
    click.echo(
        f"\n{counts.entries} entries in {counts.revisions} wordings, from {counts.polls} polls, "
        f"are kept in {box.root}"
    )
    click.echo("The papers have gone home; polling them again would find nobody there.")


def commands(box: Box, entry: Entry, gaps: Iterable[Gap]) -> Iterator[str]:
    """Yield commands that go on from here, ready to be pasted."""
    base = f"{_program()} --db {shlex.quote(str(box.db))}"
    to_archive = f"--archive {shlex.quote(str(box.archive))}"
    yield f"{base} feeds"
    yield f"{base} days"
    yield f"{base} show {entry.public_id}"
    for gap in itertools.islice(gaps, 1):
        yield f"{base} show {gap.feed_id}"
    yield f"{base} log -n 20"
    yield f"{base} {to_archive} export --all"
    again = shlex.quote(str(box.root / "again.sqlite"))
    yield f"{_program()} --db {again} {to_archive} rebuild"


def _program() -> str:
    """Return how this command can be called again from here."""
    called = Path(sys.argv[0])
    found = shutil.which("newsreel")
    if called.name != "newsreel" or (found and Path(found).resolve() == called.resolve()):
        return "newsreel"
    absolute, here = called.absolute(), Path.cwd()
    near = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return shlex.quote(str(near))


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)
    click.secho("─" * len(text), dim=True)
