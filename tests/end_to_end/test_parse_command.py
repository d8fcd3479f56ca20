import json
import subprocess
import sys
from pathlib import Path

NEWSREEL = str(Path(sys.executable).with_name("newsreel"))
FEEDS = Path(__file__).parent.parent / "feeds"


def newsreel(*arguments: str, given: str | bytes = b"") -> subprocess.CompletedProcess[bytes]:
    stdin = given.encode() if isinstance(given, str) else given
    return subprocess.run(
        [NEWSREEL, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_a_feed_is_told_to_people() -> None:
    done = newsreel("parse", str(FEEDS / "rss_full.rss"))

    told = done.stdout.decode()
    assert done.returncode == 0
    assert told.startswith("The Harbour Gazette\n")
    assert "2026-01-06 13:03:01 UTC (written Tue, 06 Jan 2026 14:03:01 +0100)" in told
    assert "2 × " not in told.partition("Forgiven:")[0]
    assert "an entry without date (entry 2)" in told


def test_standard_input_is_told_as_json() -> None:
    done = newsreel("parse", "--json", "-", given=(FEEDS / "atom_full.atom").read_bytes())

    feed = json.loads(done.stdout)
    assert feed["title"] == "Isle & Sound"
    assert feed["entries"][0]["permalink"] == "https://isle.example/log/2026/gulls.html"
    assert feed["entries"][0]["published_at"] == "2026-01-05T09:00:00Z"


def test_a_batch_answers_every_path_with_a_line(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body>none</body></html>")
    paths = [str(FEEDS / "rss_full.rss"), str(page), str(tmp_path / "missing")]

    done = newsreel("parse", "--batch", given="\n".join(paths))

    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["entries"][0]["published"] == "2026-01-06T13:03:01Z"
    link = '<a href="https://gazette.example/late" rel="noopener noreferrer">late</a>'
    assert first["entries"][0]["content"] == [f"<p>The ferry was {link}.</p>"]
    assert second["error"].startswith("NotAFeed: ")
    assert third["error"].startswith("FileNotFoundError: ")


def test_a_raw_batch_leaves_html_as_it_is(tmp_path: Path) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_text("<rss><item><description>&lt;p onclick='x'&gt;a</description></item></rss>")

    done = newsreel("parse", "--batch", "--raw", given=str(feed))

    assert json.loads(done.stdout)["entries"][0]["summary"] == "<p onclick='x'>a"


def test_the_bench_counts_entries(tmp_path: Path) -> None:
    listing = tmp_path / "list"
    listing.write_text(f"{FEEDS / 'rss_full.rss'}\n")

    done = newsreel("parse", "--batch", "--bench", str(listing), "1", "full")

    found = json.loads(done.stdout)
    assert (found["files"], found["entries"], found["errors"]) == (1, 2, 0)


def test_what_cant_be_read_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body>none</body></html>")

    missing = newsreel("parse", str(tmp_path / "none.xml"))
    no_feed = newsreel("parse", str(page))
    nothing = newsreel("parse")

    assert (missing.returncode, nothing.returncode, no_feed.returncode) == (2, 2, 1)
    assert no_feed.stderr.decode() == (
        "error: an HTML page\nhint: a feed begins with rss, rdf:RDF, feed or urlset\n"
    )
