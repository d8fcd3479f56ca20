"""What a check of a database finds, and that it finds nothing where nothing is wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import small_archive
import whole_archive
from newsreel.app.checking import check_archive
from newsreel.app.copying import copy_archive
from newsreel.app.export import Roots, export_days
from newsreel.app.rebuild import rebuild
from newsreel.errors import StoreError
from newsreel.store import open_store
from polled_world import MORNING

DAMAGE = {
    "entries without a wording": "DELETE FROM revisions WHERE entry_id = 2",
    "entries whose newest wording is not there": "UPDATE entries SET reread = 3 WHERE id = 2",
    "or is another one": "UPDATE entries SET digest = revisions.digest FROM revisions "
    "WHERE entries.id = 2 AND revisions.entry_id = 1",
    "entries that count other revisions than they have": "UPDATE entries SET revision_count = 9 "
    "WHERE id = 2",
    "feeds that count other entries than they have": "UPDATE feed_state SET entry_count = 9 "
    "WHERE feed_id = 1",
    "feeds without a state, which are never polled": "DELETE FROM feed_state WHERE feed_id = 1",
    "rows of entries name feeds that are not there": "UPDATE entries SET feed_id = 99 "
    "WHERE id = 2",
    "rows of revisions name entries that are not there": "UPDATE revisions SET entry_id = 99 "
    "WHERE entry_id = 2",
    "rows of observations name entries that are not there": "UPDATE observations "
    "SET entry_id = 99",
    "rows of polls name feeds that are not there": "UPDATE polls SET feed_id = 99 WHERE id = 1",
    "rows of gaps name feeds that are not there": "UPDATE gaps SET feed_id = 99 WHERE id = 1",
    "rows of legacy_rows name revisions that are not there": "UPDATE legacy_rows "
    "SET revision_id = 99",
    "entries that were erased and are there": "UPDATE tombstones SET kind = 'erased'",
    "entries that were withheld and are shown": "UPDATE entries SET withheld_at = NULL",
    "pages that are neither written nor going to be": "DELETE FROM dirty",
    "files that are noted with a digest or a version that can't be": "UPDATE written "
    "SET sha256 = 'ab'",
    "pages to be written of feeds that are not there": "UPDATE dirty SET feed_id = 99 "
    "WHERE day = '2026-03-01'",
    "rows of the search index for what is not there": "INSERT INTO search_rows "
    "VALUES (1, 99, 99, 1, 1, NULL)",
    "entries that can't be found by a search": "DELETE FROM search_rows WHERE entry_id = 2",
    "days that are none": "UPDATE poll_days SET day = '2026-02-30' WHERE day = '2026-03-05'",
    "reasons to write a page that are none": "UPDATE dirty SET reason = 'whim'",
    "wordings that are not what their digest says": "UPDATE revisions SET title = 'Forged' "
    "WHERE entry_id = 2",
}
OF_POSTGRES = {
    "entries that are not what their identity says": "UPDATE identities SET public_id = 'x' "
    "WHERE entry_id = 2",
    "identities without an entry": "DELETE FROM entries WHERE id = 2",
    "wordings of another day than their entry's": "UPDATE revisions SET day = '2026-03-05' "
    "WHERE entry_id = 2",
    "imported records that are not where their wording is": "UPDATE legacy_rows "
    "SET day = '2026-03-05'",
    "feeds whose host nobody can lease": "DELETE FROM host_leases",
    "sequences that would give an id of polls twice": "SELECT setval('polls_id_seq', 1)",
    "partitions that are not attached": "ALTER TABLE revisions DETACH PARTITION revisions_2026_03",
    "months with a partition for entries or for wordings alone": "DROP TABLE revisions_2026_02",
    "constraints that were never validated": "ALTER TABLE polls ADD CONSTRAINT fresh "
    "CHECK (bytes > 0) NOT VALID",
    "indexes that are not valid": "UPDATE pg_index SET indisvalid = false "
    "WHERE indexrelid = 'polls_feed'::regclass",
}
NOT_IN_POSTGRES = {
    "rows of the search index for what is not there",  # its index is made anew
    "entries that can't be found by a search",
}


@pytest.fixture
async def archive(tmp_path: Path) -> str:
    address = str(tmp_path / "whole.sqlite")
    await whole_archive.fill(address)
    return address


@pytest.fixture
def copied(archive: str, postgres_address: str) -> str:
    """The same archive in PostgreSQL."""
    copy_archive(archive, postgres_address)
    return postgres_address


def told_of(address: str) -> list[str]:
    return [finding.told for finding in check_archive(address).findings]


def damage(address: str, statement: str) -> None:
    if address.startswith("postgresql:"):
        with psycopg.connect(address, autocommit=True) as server:
            server.execute(statement.encode())
        return
    with closing(sqlite3.connect(address)) as file, file:
        assert file.execute(statement).rowcount


# --- nothing is wrong


def test_nothing_is_wrong_with_an_archive_that_was_polled(archive: str) -> None:
    account = check_archive(archive)

    assert account.findings == []
    assert (account.name, account.feeds) == (archive, 3)
    assert (account.entries, account.wordings) == (7, 8)


def test_nothing_is_wrong_with_its_copy(copied: str) -> None:
    account = check_archive(copied)

    assert account.findings == []
    assert (account.feeds, account.entries, account.wordings) == (3, 7, 8)


@pytest.mark.parametrize("private", [None, "private"])
async def test_nothing_is_wrong_after_an_export_and_a_rebuild(
    tmp_path: Path, private: str | None
) -> None:
    first, second = str(tmp_path / "first.sqlite"), str(tmp_path / "second.sqlite")
    await small_archive.fill(Path(first))
    roots = Roots(tmp_path / "archive", tmp_path / private if private else None)
    store = open_store(first)
    await export_days(store, roots, clock=lambda: MORNING)
    await store.close()
    store = open_store(second)
    await rebuild(store, roots, clock=lambda: MORNING)
    await store.close()

    assert told_of(first) == told_of(second) == []


async def test_nothing_is_wrong_with_a_new_database(tmp_path: Path) -> None:
    address = str(tmp_path / "new.sqlite")
    await open_store(address).close()

    assert told_of(address) == []


# --- something is


@pytest.mark.parametrize("told", DAMAGE)
def test_damage_to_rows_is_found(archive: str, told: str) -> None:
    damage(archive, DAMAGE[told])

    assert any(told in found for found in told_of(archive)), told_of(archive)


@pytest.mark.parametrize("told", [told for told in DAMAGE if told not in NOT_IN_POSTGRES])
def test_damage_to_rows_is_found_in_postgresql(copied: str, told: str) -> None:
    damage(copied, DAMAGE[told])

    assert any(told in found for found in told_of(copied)), told_of(copied)


@pytest.mark.parametrize("told", OF_POSTGRES)
def test_damage_that_only_postgresql_can_have_is_found(copied: str, told: str) -> None:
    damage(copied, OF_POSTGRES[told])

    assert any(told in found for found in told_of(copied)), told_of(copied)


def test_findings_are_counted_and_some_of_them_named(archive: str) -> None:
    damage(archive, "UPDATE entries SET revision_count = 9")

    (finding,) = check_archive(archive).findings

    assert finding.count == 7
    assert len(finding.examples) == 3
    assert all(len(public_id) == 20 for public_id in finding.examples)
    assert "newsreel rebuild" in finding.hint


@pytest.mark.parametrize("share", [2, 1], ids=["half-a-page", "a-page"])
def test_a_damaged_page_is_found(archive: str, share: int) -> None:
    path = Path(archive)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'revisions'"
        (page,) = file.execute(query).fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as raw:
        raw.seek(page * size - size // share)
        raw.write(b"\xff" * (size // share))

    found = told_of(archive)

    assert any("can't be read" in told for told in found)
    assert ("faults in the file's pages and indexes" in found) == (share == 2)


def test_what_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "no.sqlite"
    path.write_bytes(b"This is no database at all. " * 100)

    with pytest.raises(StoreError, match="no Newsreel database"):
        check_archive(str(path))
