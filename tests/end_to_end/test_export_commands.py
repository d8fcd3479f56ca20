import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archive_world import tree_of, world_in

Command = Callable[..., "subprocess.CompletedProcess[str]"]
NEWSREEL = Path(sys.executable).with_name("newsreel")
MARKDOWN = "2026/01/2026-01-05/https...a.example.feed_entries.md"


@pytest.fixture
async def newsreel(tmp_path: Path) -> Command:
    """The command, on a database with two entries of a feed and one of a private feed."""
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one", "two")
        await world.entries(await world.feed("secret", is_private=True), "hush")

    def run(*arguments: str, db: str = "db.sqlite") -> "subprocess.CompletedProcess[str]":
        command = [str(NEWSREEL), "--db", db, "--archive", "archive", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
                "LC_ALL": "C",
                "TZ": "Asia/Tokyo",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def ids_in(archive: Path) -> list[str]:
    files = sorted(archive.glob("*/*/*/*_entries.json"))
    return [row["id"] for file in files for row in json.loads(file.read_bytes())]


async def test_days_are_listed_for_people_and_for_programs(newsreel: Command) -> None:
    table, rows = newsreel("days"), newsreel("days", "--json")

    assert "2026-01-05" in table.stdout
    assert json.loads(rows.stdout) == [
        {
            "day": "2026-01-05",
            "feeds": 2,
            "entries": 3,
            "revised": 0,
            "gaps": 0,
            "to_export": True,
        }
    ]
    assert newsreel("days", "--from", "2026-01-06", "--json").stdout == "[]\n"


async def test_export_says_what_it_wrote(newsreel: Command, tmp_path: Path) -> None:
    first, second, third = newsreel("export"), newsreel("export"), newsreel("export", "--all")

    assert first.stderr == "wrote 3 files of 1 day to archive\n"
    assert second.stderr == "nothing has changed since the last export to archive\n"
    assert third.stderr == "wrote 0 files of 1 day to archive, 3 were up to date\n"
    assert first.stdout == ""
    assert MARKDOWN in tree_of(tmp_path / "archive")


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--day", "2026-1-x"),
        ("export", "--day", "2026-02-30"),
        ("export", "--day", "2026-01-05", "--from", "2026-01-05"),
        ("export", "--from", "2026-02-01", "--to", "2026-01-01"),
        ("days", "--from", "2026-02-01", "--to", "2026-01-01"),
        ("export", "--feed", "nobody"),
        ("withhold", "000000000000"),
        ("erase", "../../etc", "--yes"),
        ("rebuild",),
    ],
)
async def test_wrong_usage_is_told_with_exit_code_2(
    newsreel: Command, arguments: tuple[str, ...]
) -> None:
    done = newsreel(*arguments)

    assert done.returncode == 2
    assert "rror" in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_erased_entry_is_gone_from_the_files_at_once(
    newsreel: Command, tmp_path: Path
) -> None:
    newsreel("export")
    wanted = ids_in(tmp_path / "archive")[0]

    unsure = newsreel("erase", wanted)
    done = newsreel("erase", wanted, "--yes", "--reason", "asked")

    assert (unsure.returncode, done.returncode) == (2, 0)
    assert wanted not in ids_in(tmp_path / "archive")
    assert len(ids_in(tmp_path / "archive")) == 1


async def test_a_withheld_entry_is_gone_from_the_files_and_kept(
    newsreel: Command, tmp_path: Path
) -> None:
    newsreel("export")
    wanted = ids_in(tmp_path / "archive")[0]

    done = newsreel("withhold", wanted[:8], "--reason", "asked")

    assert done.returncode == 0
    assert wanted not in ids_in(tmp_path / "archive")
    shown = json.loads(newsreel("show", wanted, "--json").stdout)
    assert shown["withheld_at"]


async def test_a_database_is_rebuilt_from_the_files(newsreel: Command, tmp_path: Path) -> None:
    newsreel("export")
    before = tree_of(tmp_path / "archive")

    rebuilt = newsreel("rebuild", db="again")
    exported = newsreel("export", "--all", db="again")

    assert rebuilt.returncode == 0
    assert rebuilt.stderr.startswith("read 2 entries with 2 revisions of 1 feeds from 1 days")
    assert exported.stderr == "wrote 0 files of 1 day to archive, 3 were up to date\n"
    assert tree_of(tmp_path / "archive") == before


async def test_a_rebuild_from_damaged_files_names_them_and_fails(
    newsreel: Command, tmp_path: Path
) -> None:
    newsreel("export")
    (tmp_path / "archive" / MARKDOWN).write_text("bit rot")

    done = newsreel("rebuild", db="again")

    assert done.returncode == 1
    assert f"not read: {MARKDOWN}: not what the log says was written" in done.stderr
    assert "hint:" in done.stderr
