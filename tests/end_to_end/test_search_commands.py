"""Search from the command line, over the demo's papers."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel

OLD = Path(__file__).parents[1] / "migrations" / "schema_0003.sql"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo was run."""
    home = tmp_path_factory.mktemp("papers")
    done = Newsreel(home)("demo", "box")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def newsreel(home: Path) -> Iterator[Newsreel]:
    """The command, on the demo's database; searches that were saved are forgotten."""
    newsreel = Newsreel(home, {"NEWSREEL_DB": str(home / "box/newsreel.sqlite")})
    yield newsreel
    for search in newsreel.json("searches"):
        newsreel("searches", "--remove", search["name"])


def test_hits_are_data_and_all_else_is_said_beside_them(newsreel: Newsreel) -> None:
    done = newsreel("search", "bridge", "nosuchfield:2", "-ferry", "--limit", "2")

    assert done.returncode == 0
    assert "no field" in done.stderr
    assert "entries" in done.stderr
    assert "note" not in done.stdout


@pytest.mark.parametrize("where", ["before", "between", "behind"])
def test_words_may_begin_with_a_minus(newsreel: Newsreel, where: str) -> None:
    options = ("--limit", "1000", "--sort=relevance")
    words = {
        "before": ("-herald", "the", "-ferry", *options),
        "between": ("-herald", *options, "the", "-ferry"),
        "behind": (*options, "-herald", "the", "-ferry"),
    }[where]

    with_minus = newsreel.json("search", *words)
    whole = newsreel.json("search", *options, "the")
    quoted = newsreel.json("search", *options, "the -ferry -herald")

    assert with_minus["hits"] == quoted["hits"]
    assert 0 < with_minus["count"] < whole["count"]


def test_a_misspelt_option_is_no_word(newsreel: Newsreel) -> None:
    done = newsreel("search", "-ferry", "--jsno", "bridge")

    assert done.returncode == 2
    assert "No such option '--jsno'" in done.stderr
    assert "--json" in done.stderr


def test_an_option_keeps_a_value_that_begins_with_a_minus(newsreel: Newsreel) -> None:
    done = newsreel("search", "the", "--limit", "-5")

    assert done.returncode == 2
    assert "'--limit'" in done.stderr
    assert newsreel("search", "-h").stdout.startswith("Usage: newsreel search")


def test_titles_come_with_day_feed_and_id(newsreel: Newsreel) -> None:
    done = newsreel("search", "title:ferry", "tickets")
    (hit,) = newsreel.json("search", "title:ferry", "tickets")["hits"]

    assert done.stdout.splitlines()[:2] == [
        hit["title"],
        f"  {hit['at'][:16].replace('T', ' ')}  {hit['feed_title']}  {hit['id']}",
    ]
    assert hit["title"][slice(*hit["title_marks"][0])].lower() == "ferry"


def test_pages_go_on_to_the_end(newsreel: Newsreel) -> None:
    whole = newsreel.json("search", "the", "--limit", "1000")
    ids: list[str] = []
    key: list[str] = []
    while True:
        page = newsreel.json("search", "the", "--limit", "60", *key)
        ids += [hit["id"] for hit in page["hits"]]
        if page["next_key"] is None:
            break
        key = ["--after-key", page["next_key"]]

    assert ids == [hit["id"] for hit in whole["hits"]]
    assert len(ids) == whole["count"] > 60


@pytest.mark.parametrize("order", ["newest", "relevance"])
def test_facets_are_counted_in_any_order(newsreel: Newsreel, order: str) -> None:
    found = newsreel.json("search", "bridge", "--facets", "--sort", order)
    table = newsreel("search", "bridge", "--facets", "--sort", order).stdout

    for name in ("feeds", "folders", "languages", "sites", "days"):
        assert sum(facet["count"] for facet in found["facets"][name]) == found["count"], name
    assert found["facets"]["feeds"][0]["title"] in table


def test_a_former_wording_is_called_so(newsreel: Newsreel) -> None:
    found = newsreel.json("search", "has:revision", "--limit", "1000")["hits"]
    assert found
    former: dict[str, str] = {}
    for hit in found:
        shown = newsreel.json("show", hit["id"])
        first, *_, last = (r["title"] or "" for r in shown["wordings"])
        former |= dict.fromkeys(set(first.split()) - set(last.split()), hit["id"])
    words = [word for word in former if word.isalpha() and len(word) > 4]
    old = [newsreel("search", word).stdout for word in words]

    assert any("no longer in today's" in text for text in old)


def test_a_search_is_saved_run_and_forgotten(newsreel: Newsreel) -> None:
    saved = newsreel("search", "--save", "Ferries", "ferry OR ferries")
    listed = newsreel.json("searches")
    again = newsreel.json("search", "--saved", "ferries")
    narrower = newsreel.json("search", "--saved", "ferries", "title:tickets")

    assert "saved: Ferries" in saved.stderr
    assert [(row["name"], row["query"], row["count"]) for row in listed] == [
        ("Ferries", "ferry OR ferries", again["count"])
    ]
    assert again["count"] > narrower["count"] == 1
    assert "Ferries" in newsreel("searches").stdout
    assert newsreel("searches", "--remove", "FERRIES").returncode == 0
    assert newsreel("search", "--saved", "Ferries").returncode == 2


def test_similar_entries_are_listed(newsreel: Newsreel) -> None:
    first = newsreel.json("search", "beaver", "--sort", "relevance", "--limit", "1")["hits"][0]

    rows = newsreel.json("similar", first["id"], "--limit", "3")

    assert 1 <= len(rows) <= 3
    assert first["id"] not in [row["id"] for row in rows]
    assert newsreel("similar", first["id"]).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", "x", "--after-key", "zz"), "no page has this key"),
        (("search", "--saved", "nothing"), "newsreel searches"),
        (("search", "--save", " ", "x"), "no name"),
        (("searches", "--remove", "nothing"), "no search was saved"),
        (("similar", "ffffffffffffffffffff"), "no such entry"),
    ],
    ids=["key", "saved", "name", "remove", "similar"],
)
def test_what_can_not_be_done_is_said_with_a_way_out(
    newsreel: Newsreel, arguments: tuple[str, ...], said: str
) -> None:
    done = newsreel(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert "hint: " in done.stderr


def test_the_index_is_made_anew(newsreel: Newsreel) -> None:
    before = newsreel.json("search", "bridge OR ferry", "--limit", "100")

    done = newsreel("reindex", "--anew")

    assert "indexed 246 entries" in done.stderr
    assert newsreel.json("search", "bridge OR ferry", "--limit", "100") == before


def test_a_database_from_before_there_was_an_index_is_searched(tmp_path: Path) -> None:
    newsreel = Newsreel(tmp_path)
    with sqlite3.connect(newsreel.database) as connection:
        connection.executescript(OLD.read_text("utf-8"))
    connection.close()

    found = newsreel.json("search", "corrected")

    assert [hit["title"] for hit in found["hits"]] == ["A, corrected"]
    assert found["notes"] == []


def test_what_is_erased_stands_in_no_file_of_the_database(home: Path, tmp_path: Path) -> None:
    newsreel = Newsreel(tmp_path)
    shutil.copy(home / "box/newsreel.sqlite", newsreel.database)
    hit = newsreel.json("search", "quibble OR barometer", "--limit", "1")["hits"][0]
    words = [word for word in hit["title"].split() if word.isalpha()]

    newsreel("erase", hit["id"], "--yes")

    for word in words:
        found = newsreel.json("search", word, "--limit", "1000")["hits"]
        assert hit["id"] not in [other["id"] for other in found]
    files = tmp_path.glob("newsreel.sqlite*")
    assert not any(hit["title"].encode() in file.read_bytes() for file in files)
    with sqlite3.connect(newsreel.database) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search, row)")
        segments = connection.execute("SELECT count(DISTINCT segid) FROM search_idx").fetchone()
        indexed = connection.execute("SELECT doc FROM temp.words WHERE term = '=a'").fetchone()
        rows = connection.execute("SELECT count(*) FROM search_rows").fetchone()
    connection.close()
    assert segments == (1,)  # nothing is only marked as gone
    assert indexed == rows


def test_who_has_no_feeds_is_told_how_to_get_some(tmp_path: Path) -> None:
    done = Newsreel(tmp_path)("search", "bridge")

    assert done.returncode == 0
    assert "no feeds yet; 'newsreel add URL' adds one" in done.stderr
