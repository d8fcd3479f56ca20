import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive_values import DAY, NOON, at
from archive_world import World, tree_of, world_in
from newsreel.app.export import ExportAccount, Roots, Selection
from newsreel.archive.batch import write_steps
from newsreel.archive.lock import locked
from newsreel.errors import ArchiveError, UsageError
from newsreel.formats.archive_log import broken_links, log_line_of, read_log_line
from newsreel.model.day import DayFeed, LogLine, WriteReason, Writing
from newsreel.model.poll import Gap, Tombstone

ALL = Selection(is_all=True)
A = "2026/01/2026-01-05/https...a.example.feed_entries"
B = "2026/01/2026-01-05/https...b.example.feed_entries"
MANIFEST = "2026/01/2026-01-05/manifest.json"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as found:
        yield found


def log_of(root: Path) -> list[LogLine]:
    return [read_log_line(line) for line in (root / "log.jsonl").read_bytes().splitlines()]


def reasons(root: Path, path: str) -> list[str]:
    return [str(line.reason) for line in log_of(root) if line.path == path]


def assert_sound(root: Path) -> None:
    """Every file is what the log last said, the log is a chain, nothing is half done."""
    files = tree_of(root)
    newest = {line.path: line for line in log_of(root)}
    lines = files["log.jsonl"].splitlines()
    manifests = [
        json.loads(body) for path, body in files.items() if path.endswith("manifest.json")
    ]

    assert list(broken_links(lines)) == []
    for path, line in newest.items():
        body = files.get(path)
        assert line.sha256 == ("" if body is None else hashlib.sha256(body).hexdigest()), path
    assert not [path for path in files if path.endswith(".tmp") or ".writing" in path]
    for path in files:
        assert path in newest or "/" not in path or ".found-" in path, path
    for manifest in manifests:
        for feed in manifest["feeds"]:
            for kind, digest in feed.get("sha256", {}).items():
                directory = (
                    manifest["day"][:4] + "/" + manifest["day"][5:7] + "/" + manifest["day"]
                )
                body = files[f"{directory}/{feed['file']}.{kind}"]
                assert hashlib.sha256(body).hexdigest() == digest


async def test_a_changed_day_is_written_with_its_manifest_lists_and_log(world: World) -> None:
    await world.entries(await world.feed("a"), "one", "two")
    await world.feed("b")

    account = await world.export()

    files = tree_of(world.roots.public)
    assert sorted(files) == [f"{A}.json", f"{A}.md", MANIFEST, "log.jsonl", "sources.json"]
    assert (account.days, account.written, account.unchanged) == (1, 3, 0)
    assert [row["title"] for row in json.loads(files["sources.json"])] == ["A", "B"]
    assert json.loads(files[MANIFEST])["feeds"][0]["entries"] == 2
    assert_sound(world.roots.public)


async def test_a_day_is_clean_once_it_is_written(world: World) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    before = tree_of(world.roots.public)

    account = await world.export()

    assert account == ExportAccount()
    assert await world.store.dirty() == []
    assert tree_of(world.roots.public) == before


async def test_bytes_that_are_there_already_are_not_written_again(world: World) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    before = {path: path.stat().st_mtime_ns for path in world.roots.public.rglob("*")}

    account = await world.export(ALL)

    assert (account.days, account.written, account.unchanged) == (1, 0, 3)
    assert {path: path.stat().st_mtime_ns for path in world.roots.public.rglob("*")} == before


async def test_a_late_entry_makes_a_new_version_that_says_so(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.entries(await world.feed("b"), "uno")
    await world.export()
    await world.entries(feed, "two", reason=WriteReason.LATE_ENTRIES)

    account = await world.export()

    root = world.roots.public
    assert (account.written, account.unchanged) == (3, 0)
    assert reasons(root, f"{A}.json") == ["new", "late-entries"]
    assert reasons(root, MANIFEST) == ["new", "late-entries"]
    assert reasons(root, f"{B}.json") == ["new"]
    assert [line.version for line in log_of(root) if line.path == MANIFEST] == [1, 2]
    assert_sound(root)


async def test_polls_alone_change_the_manifest_alone(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.export()
    await world.polled(feed, made=21)

    account = await world.export()

    assert account.written == 1
    assert reasons(world.roots.public, MANIFEST) == ["new", "polls"]
    assert_sound(world.roots.public)


async def test_an_import_is_written_only_when_asked_for(world: World) -> None:
    await world.entries(await world.feed("a"), "one", reason=None)

    first = await world.export()
    second = await world.export(ALL)

    assert (first.written, second.written) == (0, 3)


async def test_a_manifest_speaks_only_of_files_that_are_there(world: World) -> None:
    await world.entries(await world.feed("a"), "one", reason=None)
    await world.entries(await world.feed("b"), "uno")

    await world.export()

    manifest = json.loads((world.roots.public / MANIFEST).read_bytes())
    assert [feed["url"] for feed in manifest["feeds"]] == ["https://b.example/feed"]
    assert_sound(world.roots.public)


@pytest.mark.parametrize(
    ("selection", "days"),
    [
        (Selection(first=DAY, last=DAY), ["05"]),
        (Selection(first=DAY + timedelta(days=1)), ["06", "07"]),
        (Selection(last=DAY + timedelta(days=1)), ["05", "06"]),
        (ALL, ["05", "06", "07"]),
        (Selection(), []),
    ],
)
async def test_the_days_that_are_named_are_written(
    world: World, selection: Selection, days: list[str]
) -> None:
    feed = await world.feed("a")
    for offset in range(3):
        await world.entries(feed, str(offset), day=DAY + timedelta(days=offset), reason=None)

    await world.export(selection)

    assert sorted(path.name[-2:] for path in world.roots.public.glob("*/*/*")) == days


async def test_one_feed_is_written_alone(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.entries(await world.feed("b"), "uno")

    await world.export(Selection(feed_id=feed.id))

    assert sorted(path.name for path in world.roots.public.glob("*/*/*/*.json")) == [
        "https...a.example.feed_entries.json",
        "manifest.json",
    ]
    assert [page.reason for page in await world.store.dirty()] == [WriteReason.NEW]


# --- what is taken out, and what is private -----------------------------------------------------


@pytest.mark.parametrize("kind", list(Tombstone))
async def test_what_was_taken_out_is_gone_from_the_files(world: World, kind: Tombstone) -> None:
    found = await world.entries(await world.feed("a"), "kept", "zapped")
    await world.export()
    await world.store.tombstone(found[1].public_id, kind, reason="asked", now=NOON)

    await world.export()

    files = tree_of(world.roots.public)
    assert not [path for path, body in files.items() if b"zapped" in body]
    assert reasons(world.roots.public, f"{A}.md") == ["new", str(kind)]
    row = json.loads(files["tombstones.jsonl"])
    assert (row["id"], row["kind"], row["reason"]) == (found[1].public_id, str(kind), "asked")
    assert_sound(world.roots.public)


async def test_a_page_without_entries_goes(world: World) -> None:
    found = await world.entries(await world.feed("a"), "zapped")
    await world.export()
    await world.store.tombstone(found[0].public_id, Tombstone.ERASED, reason="", now=NOON)

    account = await world.export()

    assert account.removed == 3
    assert sorted(tree_of(world.roots.public)) == ["log.jsonl", "sources.json", "tombstones.jsonl"]
    assert [line.sha256 for line in log_of(world.roots.public)[-3:]] == ["", "", ""]
    assert_sound(world.roots.public)


async def test_a_page_that_comes_back_goes_on_counting_its_versions(world: World) -> None:
    feed = await world.feed("a")
    found = await world.entries(feed, "zapped")
    await world.export()
    await world.store.tombstone(found[0].public_id, Tombstone.ERASED, reason="", now=NOON)
    await world.export()
    await world.entries(feed, "another", reason=WriteReason.LATE_ENTRIES)

    await world.export()

    versions = [line.version for line in log_of(world.roots.public) if line.path == f"{A}.md"]
    assert versions == [1, 2, 3]
    assert_sound(world.roots.public)


async def test_a_private_feed_is_written_to_its_own_tree_alone(tmp_path: Path) -> None:
    async with world_in(tmp_path, private="private") as world:
        await world.entries(await world.feed("a"), "one")
        await world.entries(await world.feed("secret", is_private=True), "hush")

        await world.export()

        public, private = tree_of(world.roots.public), tree_of(tmp_path / "private")
    assert not [path for path, body in public.items() if b"ecret" in body or "secret" in path]
    assert not [path for path, body in public.items() if b"hush" in body]
    assert "2026/01/2026-01-05/https...secret.example.feed_entries.md" in private
    assert f"{A}.md" not in private
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
    assert_sound(tmp_path / "private")
    assert_sound(tmp_path / "archive")


async def test_a_private_feed_is_written_nowhere_without_a_private_archive(world: World) -> None:
    await world.entries(await world.feed("secret", is_private=True), "hush")

    await world.export()
    await world.export(ALL)

    assert tree_of(world.roots.public) == {}


async def test_a_feed_that_turns_private_leaves_the_public_tree(world: World) -> None:
    feed = await world.feed("b")
    await world.entries(feed, "uno")
    await world.entries(await world.feed("a"), "one")
    await world.export()
    await world.store.save_feed(replace(feed, is_private=True))

    await world.export()

    files = tree_of(world.roots.public)
    assert f"{B}.md" not in files
    told = [path for path, body in files.items() if b"b.example" in body]
    assert told == ["log.jsonl"]
    assert reasons(world.roots.public, f"{B}.md") == ["new", "withheld"]
    assert_sound(world.roots.public)


async def test_a_purged_feed_leaves_the_tree(world: World) -> None:
    feed = await world.feed("b")
    await world.entries(feed, "uno")
    await world.entries(await world.feed("a"), "one")
    await world.export()
    await world.store.purge_feed(feed.id)

    await world.export()

    assert f"{B}.md" not in tree_of(world.roots.public)
    assert_sound(world.roots.public)


async def test_a_purged_feed_leaves_a_day_whose_removal_was_not_written_yet(world: World) -> None:
    feed = await world.feed("b")
    (gone,) = await world.entries(feed, "uno")
    await world.entries(await world.feed("a"), "one")
    await world.export()
    await world.store.tombstone(gone.public_id, Tombstone.ERASED, reason="", now=NOON)
    await world.store.purge_feed(feed.id)

    await world.export()

    assert f"{B}.md" not in tree_of(world.roots.public)
    assert_sound(world.roots.public)


@pytest.mark.parametrize("is_purged", [True, False])
async def test_a_feed_that_leaves_is_named_by_no_day_that_its_gap_spans(
    world: World, *, is_purged: bool
) -> None:
    feed = await world.feed("b")
    gap = Gap(feed.id, at("01:00:00") - timedelta(days=3), None, "http-410")
    line = DayFeed(
        feed=feed,
        title=feed.title,
        entries=0,
        revisions=0,
        md_digest=None,
        json_digest=None,
        polls_expected=0,
        polls_made=0,
        gaps=(gap,),
    )
    await world.store.restore_day_feeds(DAY, [line])
    await world.entries(await world.feed("a"), "one")
    await world.export()
    before = tree_of(world.roots.public)
    if is_purged:
        await world.store.purge_feed(feed.id)
    else:
        await world.store.save_feed(replace(feed, is_private=True))

    await world.export()

    after = tree_of(world.roots.public)
    assert any(b"b.example" in body for body in before.values())
    assert [path for path, body in after.items() if b"b.example" in body] == []


@pytest.mark.parametrize("private", ["archive", "archive/private"])
async def test_a_private_archive_inside_the_public_one_is_refused(
    tmp_path: Path, private: str
) -> None:
    async with world_in(tmp_path, private=private) as world:
        with pytest.raises(UsageError):
            await world.export()


# --- what is not ours is kept -------------------------------------------------------------------


async def test_a_foreign_file_is_moved_aside_and_told(world: World) -> None:
    foreign = world.roots.public / f"{A}.md"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("an old archive's")
    (world.roots.public / "sources.json").write_text('[{"url": "https://old.example", "id": 7}]')
    await world.entries(await world.feed("a"), "one")

    await world.export()

    digest = hashlib.sha256(b"an old archive's").hexdigest()[:8]
    files = tree_of(world.roots.public)
    assert files[f"{A}.md.found-{digest}"] == b"an old archive's"
    assert any(path.startswith("sources.json.found-") for path in files)
    assert len(world.notes) == 2
    assert_sound(world.roots.public)


async def test_a_changed_file_is_moved_aside_when_its_page_is_written(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.export()
    (world.roots.public / f"{A}.json").write_text("tampered")

    account = await world.export(ALL)

    assert account.set_aside == [f"{A}.json"]
    assert b"tampered" in tree_of(world.roots.public).values()
    assert reasons(world.roots.public, f"{A}.json") == ["new"]
    assert_sound(world.roots.public)


async def test_a_file_that_was_lost_is_written_again_as_the_same_version(world: World) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    before = tree_of(world.roots.public)
    (world.roots.public / f"{A}.json").unlink()

    account = await world.export(ALL)

    assert account.written == 1
    assert tree_of(world.roots.public) == before


async def test_an_archive_in_a_new_place_is_written_from_the_first_version(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
        before = tree_of(world.roots.public)
        world.roots = Roots(tmp_path / "elsewhere")

        await world.export(ALL)

    found = tree_of(tmp_path / "elsewhere")
    assert {path for path in found if found[path] != before[path]} == {"log.jsonl"}
    assert_sound(tmp_path / "elsewhere")


async def test_another_database_never_overwrites_what_it_does_not_know(tmp_path: Path) -> None:
    async with world_in(tmp_path, db="first") as first:
        await first.entries(await first.feed("a"), "one", "two")
        await first.export()
    before = tree_of(tmp_path / "archive")
    async with world_in(tmp_path, db="second") as second:
        await second.entries(await second.feed("a"), "three")
        await second.export()

    files = tree_of(tmp_path / "archive")
    assert before.keys() <= files.keys()
    assert {body for path, body in before.items() if path != "log.jsonl"} <= set(files.values())
    assert [line.version for line in log_of(tmp_path / "archive") if line.path == MANIFEST] == [
        1,
        2,
    ]
    assert_sound(tmp_path / "archive")


async def test_two_at_once_write_one_sound_archive(tmp_path: Path) -> None:
    async with world_in(tmp_path) as one, world_in(tmp_path) as other:
        feed = await one.feed("a")
        for offset in range(6):
            await one.entries(feed, str(offset), day=DAY + timedelta(days=offset))

        first, second = await asyncio.gather(one.export(), other.export())

    assert first.written + second.written == 18
    assert_sound(tmp_path / "archive")


async def test_who_waits_for_the_archive_says_so(tmp_path: Path) -> None:
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        (tmp_path / "archive").mkdir()
        async with locked(tmp_path / "archive", lambda _: None):
            export = asyncio.create_task(world.export())
            while not world.notes:  # noqa: ASYNC110 (a note is no event)
                await asyncio.sleep(0)

        await export

    assert world.notes == [f"waiting: another process writes the archive {tmp_path / 'archive'}"]
    assert_sound(tmp_path / "archive")


# --- trouble ------------------------------------------------------------------------------------


async def test_an_archive_that_is_a_file_is_an_error_with_a_hint(world: World) -> None:
    world.roots.public.write_text("in the way")
    await world.entries(await world.feed("a"), "one")

    with pytest.raises(ArchiveError) as caught:
        await world.export()

    assert caught.value.hint
    assert len(await world.store.dirty()) == 1


SMALL_DISK = """
import asyncio, resource, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from archive_world import world_in
from newsreel.errors import ArchiveError

async def main():
    async with world_in(Path(sys.argv[1])) as world:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            await world.export()
        except ArchiveError as error:
            print(error)

asyncio.run(main())
"""


async def test_a_disk_that_takes_no_more_leaves_nothing_half_done(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the middle."""
    async with world_in(tmp_path) as world:
        await world.entries(await world.feed("a"), "one")
        await world.export()
        await world.entries(await world.feed("b"), *(f"{n} {'x' * 90}" for n in range(200)))
    before = tree_of(tmp_path / "archive")

    told = _python(SMALL_DISK.format(path=sys.path), str(tmp_path))

    assert "too large" in told.stdout
    after = tree_of(tmp_path / "archive")
    after.pop(".writing")
    assert after == before
    async with world_in(tmp_path) as world:
        assert (await world.export()).written == 3
    assert_sound(tmp_path / "archive")


def _python(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- killed -------------------------------------------------------------------------------------


async def _written_twice(path: Path) -> dict[str, bytes]:
    """The tree that an export which nobody interrupts leaves behind."""
    async with world_in(path) as world:
        await _first_state(world)
        await world.export()
        await _second_state(world)
        await world.export()
    return tree_of(path / "archive")


async def _first_state(world: World) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.entries(await world.feed("b"), "uno")
    await world.entries(await world.feed("d"), "ein")


async def _second_state(world: World) -> None:
    feeds = {feed.title: feed for feed in await world.store.feeds()}
    gone = (await world.store.entries_of(feeds["B"].id))[0]
    await world.store.tombstone(gone.public_id, Tombstone.ERASED, reason="", now=NOON)
    await world.entries(feeds["A"], "two", reason=WriteReason.LATE_ENTRIES)
    await world.entries(await world.feed("c"), "un")


KILLED = """
import asyncio, itertools, os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from archive_world import world_in
from newsreel.app import export

steps_left = int(sys.argv[2])

def killed_steps(*args, **kwargs):
    global steps_left
    for step in real_steps(*args, **kwargs):
        yield step
        steps_left -= 1
        if steps_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with world_in(Path(sys.argv[1])) as world:
        await world.export()

real_steps, export.write_steps = export.write_steps, killed_steps
asyncio.run(main())
"""


@pytest.mark.parametrize("step", [0, 1, 4, 6, 7, 8, 10, 13, 14, 15, 99])
async def test_a_killed_export_leaves_whole_files_and_the_next_one_completes_it(
    tmp_path: Path, step: int
) -> None:
    async with world_in(tmp_path) as world:
        await _first_state(world)
        await world.export()
        before = tree_of(tmp_path / "archive")
        await _second_state(world)

    done = _python(KILLED.format(path=sys.path), str(tmp_path), str(step))

    killed = tree_of(tmp_path / "archive")
    async with world_in(tmp_path) as world:
        world.now = NOON.replace(hour=13)
        await world.export()
        assert await world.store.dirty() == []
    after = tree_of(tmp_path / "archive")
    assert done.returncode == (0 if step == 99 else -signal.SIGKILL), done.stderr
    for path, body in killed.items():
        if path.endswith(("_entries.json", "_entries.md", "manifest.json")):
            assert body in {before.get(path), after.get(path)}
    assert_sound(tmp_path / "archive")
    undisturbed = await _written_twice(tmp_path / "other")
    assert {**after, "log.jsonl": b""} == {**undisturbed, "log.jsonl": b""}


async def test_a_torn_line_of_the_log_is_cut_and_its_file_written(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.export()
    before = tree_of(world.roots.public)
    await world.entries(feed, "two", reason=WriteReason.LATE_ENTRIES)
    steps = write_steps(
        world.roots.public, MANIFEST.rpartition("/")[0], [_writing(f"{A}.md", b"new", 2)], at=NOON
    )
    while next(steps) != "logged":
        pass
    log = world.roots.public / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-20])

    account = await world.export()

    assert account.recovered == []
    assert log.read_bytes().startswith(before["log.jsonl"])
    assert_sound(world.roots.public)


async def test_a_last_line_that_lacks_only_its_newline_is_completed(world: World) -> None:
    feed = await world.feed("a")
    await world.entries(feed, "one")
    await world.export()
    log = world.roots.public / "log.jsonl"
    before = log.read_bytes()
    log.write_bytes(before[:-1])

    await world.export()

    assert log.read_bytes() == before


@pytest.mark.parametrize(
    "line", [b"{}", b"nonsense", b"\xff", *(b'{"path": "%s"}' % p for p in (b"a", b"../x/y"))]
)
async def test_a_log_that_ends_in_nonsense_stops_nothing(world: World, line: bytes) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    with (world.roots.public / "log.jsonl").open("ab") as log:
        log.write(line + b"\n")
    await world.entries(await world.feed("b"), "uno")

    account = await world.export()

    assert (account.written, account.set_aside) == (3, [])


@pytest.mark.parametrize(
    "marker", [b"", b"{", b"[]", b'{"directory": "..", "log_bytes": 0}', b'{"directory": 1}']
)
async def test_a_marker_that_is_nonsense_stops_nothing(world: World, marker: bytes) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    before = tree_of(world.roots.public)
    (world.roots.public / ".writing").write_bytes(marker)

    await world.export()

    assert tree_of(world.roots.public) == before


async def test_recovery_touches_nothing_outside_the_day(world: World, tmp_path: Path) -> None:
    await world.entries(await world.feed("a"), "one")
    await world.export()
    precious = tmp_path / "precious"
    precious.write_text("x")
    removal = LogLine(
        at=NOON, path="../precious", version=1, sha256="", reason=WriteReason.ERASED, previous=""
    )
    log = world.roots.public / "log.jsonl"
    marker = {"directory": MANIFEST.rpartition("/")[0], "log_bytes": log.stat().st_size}
    log.write_bytes(log.read_bytes() + log_line_of(removal) + b"\n")
    (world.roots.public / ".writing").write_text(json.dumps(marker))

    await world.export()

    assert precious.exists()


def _writing(path: str, body: bytes, version: int) -> Writing:
    return Writing(
        path=path,
        body=body,
        version=version,
        sha256=hashlib.sha256(body).hexdigest(),
        reason=WriteReason.LATE_ENTRIES,
    )
