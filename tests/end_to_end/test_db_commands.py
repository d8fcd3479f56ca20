"""Databases as a whole, by the commands: copied there and back, and checked."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import small_archive
from archive_world import tree_of
from command_line import Newsreel

BATCHES = "SELECT sum(rows) FROM copying"


@pytest.fixture
async def newsreel(tmp_path: Path) -> Newsreel:
    """The command in a home with a small archive."""
    newsreel = Newsreel(tmp_path)
    await small_archive.fill(newsreel.database)
    return newsreel


def exported(newsreel: Newsreel, db: object, name: str, *options: str) -> dict[str, bytes]:
    """Every file that a database writes, but the log, which tells when."""
    root = newsreel.home / name
    done = newsreel("--db", db, "--archive", root, "export", "--all", *options)
    assert done.returncode == 0, done.stderr
    return {path: body for path, body in tree_of(root).items() if path != "log.jsonl"}


def test_an_archive_goes_to_postgresql_and_back_and_writes_the_same_files(
    newsreel: Newsreel, postgres_address: str
) -> None:
    back = newsreel.home / "back.sqlite"

    there = newsreel("db", "copy", newsreel.database, postgres_address)
    home = newsreel("db", "copy", postgres_address, back)

    assert (there.returncode, home.returncode) == (0, 0), there.stderr + home.stderr
    assert "read back and compared, all are the same" in there.stderr
    assert there.stderr.splitlines()[1] == home.stderr.splitlines()[1]
    assert there.stderr.splitlines()[1].startswith("sha256 of the archive's rows: ")
    assert "the search index is made again" in there.stderr
    wanted = exported(newsreel, newsreel.database, "first")
    assert len(wanted) > 8
    assert exported(newsreel, postgres_address, "second") == wanted
    assert exported(newsreel, back, "third") == wanted


@pytest.mark.timeout(300)
def test_a_real_archive_goes_to_postgresql_and_back_and_writes_the_same_files(
    tmp_path: Path, postgres_address: str, shared: Path
) -> None:
    newsreel = Newsreel(tmp_path)
    sample = shared / "data/archive-2021-06.zip"
    assert newsreel("import", sample).returncode == 0
    back = newsreel.home / "back.sqlite"

    assert newsreel("db", "copy", newsreel.database, postgres_address).returncode == 0
    assert newsreel("db", "copy", postgres_address, back).returncode == 0

    for options in ((), ("--legacy",)):
        kind = "legacy" if options else "days"
        wanted = exported(newsreel, newsreel.database, f"first-{kind}", *options)
        assert len(wanted) > 100
        assert exported(newsreel, postgres_address, f"second-{kind}", *options) == wanted
        assert exported(newsreel, back, f"third-{kind}", *options) == wanted
    for db in (newsreel.database, postgres_address, back):
        assert "nothing is wrong" in newsreel("--db", db, "db", "check").stderr


async def test_what_is_searched_is_found_once_the_copy_has_its_index(
    newsreel: Newsreel, postgres_address: str
) -> None:
    wanted = newsreel("search", "bridge").stdout
    assert newsreel("db", "copy", newsreel.database, postgres_address).returncode == 0

    assert newsreel("--db", postgres_address, "reindex").returncode == 0

    assert newsreel("--db", postgres_address, "search", "bridge").stdout == wanted
    assert "Bridge" in wanted


def test_a_copy_in_a_process_that_is_killed_goes_on(
    newsreel: Newsreel, postgres_address: str
) -> None:
    with closing(sqlite3.connect(newsreel.database)) as file, file:
        file.executemany(
            "INSERT INTO polls (feed_id, polled_at, outcome, new, revised, unchanged, reread, "
            "bytes, elapsed_ms) VALUES (1, ?, 'ok', 0, 0, 0, 0, 0, 0)",
            ((number,) for number in range(100_000)),
        )

    with (
        psycopg.connect(postgres_address, autocommit=True) as server,
        newsreel.start("db", "copy", newsreel.database, postgres_address) as copy,
    ):
        while copy.poll() is None:  # until it is in the middle of things
            found = server.execute("SELECT to_regclass('copying')").fetchone()
            if found != (None,) and (server.execute(BATCHES).fetchone() or (0,))[0] > 1_000:
                break
        copy.send_signal(signal.SIGKILL)
    other = newsreel("--db", postgres_address, "status")
    again = newsreel("db", "copy", newsreel.database, postgres_address)

    assert copy.returncode == -signal.SIGKILL
    assert other.returncode == 1
    assert other.stderr.startswith("error: a copy into this database is not finished\nhint: run ")
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("went on after ")
    assert newsreel("--db", postgres_address, "db", "check").returncode == 0


def test_a_check_says_what_is_wrong_and_what_can_be_done(newsreel: Newsreel) -> None:
    sound = newsreel("db", "check")
    with closing(sqlite3.connect(newsreel.database)) as file, file:
        file.execute("UPDATE revisions SET title = 'Forged' WHERE number = 2")
        file.execute("UPDATE feed_state SET entry_count = 7 WHERE feed_id = 2")

    done = newsreel("db", "check")

    assert sound.returncode == 0
    assert "checked 6 entries with 7 wordings of 3 feeds" in sound.stderr
    assert done.returncode == 1
    wrong = [line for line in done.stderr.splitlines() if line.startswith("wrong: ")]
    assert wrong[0].startswith("wrong: feeds that count other entries than they have: 1, such as ")
    assert wrong[1].startswith("wrong: wordings that are not what their digest says: 1, such as ")
    assert "error: 2 things are wrong with " in done.stderr


def test_nothing_tells_a_password(newsreel: Newsreel) -> None:
    address = "postgresql://who:s3cret@127.0.0.1:1/none"

    for arguments in (("db", "copy", newsreel.database, address), ("db", "copy", address, "x")):
        done = newsreel(*arguments)
        assert done.returncode == 1
        assert "127.0.0.1" in done.stderr
        assert "s3cret" not in done.stderr


def test_what_is_no_database_is_refused(newsreel: Newsreel) -> None:
    done = newsreel("db", "copy", newsreel.database, "mysql://server/name")

    assert done.returncode == 2
    assert "hint: use a path, sqlite:PATH or postgresql://" in done.stderr


def test_a_database_that_is_being_polled_is_left_alone(newsreel: Newsreel) -> None:
    with newsreel.start("run") as service:
        assert service.stderr is not None
        while '"started"' not in service.stderr.readline():
            pass
        done = newsreel("db", "copy", newsreel.database, "copy.sqlite")
        service.terminate()
        service.communicate(timeout=30)

    assert done.returncode == 2
    assert f"by {service.pid}-" in done.stderr
    assert not os.path.lexists(newsreel.home / "copy.sqlite")
