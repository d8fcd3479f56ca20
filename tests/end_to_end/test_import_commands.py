"""The commands import and export-opml, as they are typed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]
NEWSREEL = Path(sys.executable).with_name("newsreel")
GOLDEN = Path(__file__).parent.parent / "golden" / "legacy"
OPML = (
    '<opml version="2.0"><body><outline text="News"><outline text="A" '
    'xmlUrl="https://a.example/feed"/></outline>'
    '<outline text="S" xmlUrl="https://u:pw@s.example/feed"/></body></opml>'
)


@pytest.fixture
def newsreel(tmp_path: Path) -> Command:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [NEWSREEL, "--db", str(tmp_path / "db.sqlite"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )

    return run


def test_import_closes_with_an_account(newsreel: Command) -> None:
    done = newsreel("import", str(GOLDEN))

    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    told = {what.partition(":")[0]: count for count, what in lines}
    assert told["entries read"] == "60"
    assert (told["new"], told["already known"], told["revised"]) == ("58", "1", "1")
    assert told["skipped or kept in part"] == "2"
    assert "keywords.json: a list of keywords" in done.stderr


def test_import_tells_programs_in_json(newsreel: Command) -> None:
    told = json.loads(newsreel("import", "--json", str(GOLDEN)).stdout)

    assert (told["read"], told["new"], told["revised"], told["failed"]) == (60, 58, 1, [])
    assert [Path(row["path"]).name for row in told["skipped"]] == ["domains.json", "keywords.json"]


def test_a_path_that_is_not_there_is_wrong_usage(newsreel: Command, tmp_path: Path) -> None:
    assert newsreel("import", str(tmp_path / "none")).returncode == 2


def test_an_unreadable_archive_fails_and_the_others_are_imported(
    newsreel: Command, tmp_path: Path
) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "feeds.opml").write_text(OPML)

    done = newsreel("import", str(tmp_path / "cut.zip"), str(tmp_path / "feeds.opml"))

    assert done.returncode == 1
    assert "error:" in done.stderr
    assert "hint:" in done.stderr
    assert "2  feeds new" in done.stdout


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"Dear diary,\n", "nothing that can be imported"),
        (b"PK\x05\x06", "broken"),
    ],
    ids=["empty", "prose", "a torn zip"],
)
def test_a_named_file_that_is_nothing_for_us_fails(
    newsreel: Command, tmp_path: Path, body: bytes, reason: str
) -> None:
    (tmp_path / "file").write_bytes(body)

    done = newsreel("import", str(tmp_path / "file"))

    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_directory_fails(newsreel: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = newsreel("import", str(tmp_path / "empty"))

    assert done.returncode == 1
    assert "nothing in it can be imported" in done.stderr


def test_opml_goes_in_and_out_without_what_is_private(newsreel: Command, tmp_path: Path) -> None:
    (tmp_path / "feeds.opml").write_text(OPML)
    newsreel("import", str(tmp_path / "feeds.opml"))

    public = newsreel("export-opml").stdout
    newsreel("export-opml", "--private", "--output", str(tmp_path / "out.opml"))

    assert '<outline text="News">' in public
    assert "https://a.example/feed" in public
    assert "s.example" not in public
    assert "u:pw@s.example" in (tmp_path / "out.opml").read_text()


def test_a_list_of_addresses_is_imported(newsreel: Command, tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("# mine\nhttps://a.example/feed news\n\nnonsense\n")

    done = newsreel("import", str(tmp_path / "urls"))

    assert "1  feeds new" in done.stdout
    assert "line 4: no address: 'nonsense'" in done.stderr
