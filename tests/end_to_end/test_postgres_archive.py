"""An archive kept in PostgreSQL: the same files, byte for byte, as one that is kept in SQLite."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import small_archive
from archive_world import World, tree_of, world_in
from newsreel.app.export import Selection
from newsreel.app.export_legacy import export_legacy
from newsreel.app.export_tables import RowFormat, whole_file, write_rows
from newsreel.app.ingest import import_paths
from newsreel.app.rebuild import rebuild
from newsreel.app.tables import TablePages
from newsreel.app.withdraw import withdraw
from newsreel.model.feed import FeedStatus
from newsreel.model.poll import Tombstone
from newsreel.model.tables import TABLES, RowChoice
from newsreel.store import Store
from postgres_server import Server

ALL = Selection(is_all=True)
EXPORTED = RowChoice(has_private=True)
LEGACY = Path(__file__).parent.parent / "golden" / "legacy"


@pytest.fixture
def addresses(postgres: Server) -> Iterator[list[str]]:
    """Two empty databases of PostgreSQL."""
    names = [f"test_{uuid.uuid4().hex}" for _ in range(2)]
    yield [postgres.make_database(name) for name in names]
    for name in names:
        postgres.drop_database(name)


async def lived(folder: Path, first: str, second: str) -> dict[str, dict[str, bytes]]:
    """Poll, import, export, take out and rebuild; return every file at every step."""
    steps = {}
    await small_archive.fill(first)
    async with world_in(folder, address=first, private="private") as world:
        await import_paths(world.store, [LEGACY], clock=world.clock)
        await world.export(ALL)
        steps["exported"] = tree_of(folder)
        await export_legacy(world.store, folder / "legacy", ALL)
        await write_tables(world.store, folder / "tables")
        steps["all forms"] = tree_of(folder)
        await take_out(world)
        await export_legacy(world.store, folder / "legacy after", ALL)
        steps["taken out"] = tree_of(folder)
    async with world_in(folder, address=second, private="private") as again:
        again.now = world.now
        await rebuild(again.store, again.roots, clock=again.clock)
        await again.export(ALL)
        await write_tables(again.store, folder / "tables after")
        steps["rebuilt"] = tree_of(folder)
    return steps


async def write_tables(store: Store, folder: Path) -> None:
    for table in TABLES:
        with whole_file(Path(f"{folder}-{table.name}.jsonl")) as file:
            pages = TablePages(store, table, EXPORTED)
            await write_rows(pages, RowFormat.JSONL, file, progress=lambda _: None)


async def take_out(world: World) -> None:
    """Withhold every fifth entry, and erase the next one."""
    feeds = await world.store.feeds(statuses=FeedStatus)
    found = [e for feed in feeds for e in await world.store.entries_of(feed.id, limit=1000)]
    ids = sorted(entry.public_id for entry in found)
    assert len(ids) > 20
    for kind, chosen in zip(Tombstone, (ids[::5], ids[1::5]), strict=True):
        for public_id in chosen:
            await withdraw(
                world.store, world.roots, public_id, kind, reason="asked", clock=world.clock
            )


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """A folder for each kind of database."""
    found = [tmp_path / name for name in ("sqlite", "postgres")]
    for folder in found:
        folder.mkdir()
    return found


async def test_every_step_leaves_the_same_files_as_with_sqlite(
    tmp_path: Path, folders: list[Path], addresses: list[str]
) -> None:
    paths = [f"sqlite:{tmp_path / name}.sqlite" for name in ("one", "two")]

    expected = await lived(folders[0], *paths)
    found = await lived(folders[1], *addresses)

    for step, files in expected.items():
        assert found[step].keys() == files.keys(), step
        assert [name for name in files if found[step][name] != files[name]] == [], step
    assert len(expected["rebuilt"]) > 100
