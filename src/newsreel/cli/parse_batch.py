"""The parser as a program for programs: paths in, one JSON object a line out; and its speed.

The records have the shape of the parser bench: the same fields for every library, times in ISO
8601 UTC.
"""

import gc
import html
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

from newsreel.errors import NotAFeed
from newsreel.formats.dates import read_date
from newsreel.formats.document import parse
from newsreel.formats.html import sanitised
from newsreel.formats.urls import absolute
from newsreel.model.entry import Json, ParsedEntry, ParsedFeed

Record = dict[str, Json]


def run_batch(paths: Iterable[str], write: Callable[[str], object], *, raw: bool) -> None:
    """Answer every path with a line."""
    for line in paths:
        path = line.rstrip("\n")
        if not path:
            continue
        try:
            body, http = read_with_answer(Path(path))
            headers = _headers(http)
            feed = parse(
                body, content_type=headers.get("content-type"), url=_base_of(http, headers)
            )
        except (NotAFeed, OSError) as error:
            told = f"{type(error).__name__}: {error}"[:300]
            write(_encode({"path": path, "feed": {}, "entries": [], "error": told}) + "\n")
        else:
            if feed.language is None:
                feed = replace(feed, language=headers.get("content-language"))
            write("".join(_line(path, feed, raw=raw)))


_encode = json.JSONEncoder().encode


def _line(path: str, feed: ParsedFeed, *, raw: bool) -> Iterator[str]:
    """Yield a record piece by piece, so that a feed of many entries isn't held twice."""
    yield f'{{"path": {_encode(path)}, "error": null, "feed": {_encode(_feed(feed, raw=raw))}, '
    yield '"entries": ['
    for number, entry in enumerate(feed.entries):
        yield f"{', ' if number else ''}{_encode(_entry(entry, raw=raw))}"
    yield "]}\n"


def read_with_answer(path: Path) -> tuple[bytes, dict[str, Json]]:
    """Return a file's bytes, and the HTTP answer kept beside it as ``PATH.http.json``."""
    beside = path.with_name(path.name + ".http.json")
    answer = json.loads(beside.read_bytes()) if beside.exists() else {}
    return path.read_bytes(), answer if isinstance(answer, dict) else {}


def _headers(http: dict[str, Json]) -> dict[str, str]:
    headers = http.get("headers")
    return {k.lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}


def _base_of(http: dict[str, Json], headers: dict[str, str]) -> str | None:
    url = http.get("url")
    location = headers.get("content-location")
    if not isinstance(url, str):
        return location
    return urljoin(url, location) if location else url


# --- records ----------------------------------------------------------------------------------


def record_of(feed: ParsedFeed, *, raw: bool) -> Record:
    """Return a feed as a record; HTML is cleaned unless it is wanted raw."""
    return {
        "feed": _feed(feed, raw=raw),
        "entries": [_entry(entry, raw=raw) for entry in feed.entries],
    }


def _feed(feed: ParsedFeed, *, raw: bool) -> Record:
    base = feed.base_url
    return {
        "title": _title(feed.title, raw=raw),
        "link": _url(feed.link, base),
        "links": [_url(link, base) for link in feed.links],
        "description": _html(feed.description, base, raw=raw),
        "language": feed.language,
        "updated": iso_of(feed.updated),
        "published": iso_of(feed.published),
        "id": _id(feed.id, base),
        "author": _shown(feed.author, raw=raw),
        "authors": [_shown(name, raw=raw) for name in feed.authors],
        "image": _url(feed.image, base),
        "categories": [_shown(name, raw=raw) for name in _terms(feed)],
    }


def _entry(entry: ParsedEntry, *, raw: bool) -> Record:
    base = entry.base_url
    body = entry.body
    return {
        "id": entry.guid,
        "title": _title(entry.title, raw=raw),
        "link": _url(entry.link, base),
        "links": [_url(link, base) for link in entry.links] if entry.links else [],
        "published": iso_of(entry.published),
        "updated": iso_of(entry.updated),
        "author": _shown(entry.author, raw=raw),
        "authors": [_shown(name, raw=raw) for name in entry.authors],
        "summary": _html(entry.summary, base, raw=raw),
        "content": _contents(entry, raw=raw) if body else [],
        "categories": [_shown(name, raw=raw) for name in _terms(entry)],
        "enclosures": [
            {"url": _url(e.url, base), "type": e.type, "length": e.length}
            for e in entry.enclosures
        ]
        if entry.enclosures
        else [],
        "thumbnail": _url(entry.thumbnail, base),
        "language": entry.language,
    }


def _contents(entry: ParsedEntry, *, raw: bool) -> list[Json]:
    """Return the body, and the plain form that a JSON Feed gives beside it."""
    found: list[Json] = [_html(entry.body, entry.base_url, raw=raw)]
    plain = entry.extras.get("content_text")
    return [*found, _shown(plain, raw=raw)] if isinstance(plain, str) else found


def iso_of(text: str | None) -> str | None:
    """Return a publisher's date as ISO 8601 in UTC, to the second."""
    if not text:
        return None
    found = read_date(text)
    return found.at.isoformat()[:19] + "Z" if found else None


def _url(link: str | None, base: str | None) -> str | None:
    """Return an absolute link; one that can't be resolved as it is, if it can do no harm."""
    if not link:
        return None
    return absolute(link, base) or (link if ":" not in link else None)


def _id(guid: str | None, base: str | None) -> str | None:
    """Return an identifier; one that is a path is told from its base on."""
    return absolute(guid, base) or guid if guid and guid[0] == "/" and base else guid


def _html(text: str | None, base: str | None, *, raw: bool) -> str | None:
    return text if raw or not text else sanitised(text, base=base)


def _shown(text: str | None, *, raw: bool) -> str | None:
    return text if raw or not text or "<" not in text else html.escape(text, quote=False)


def _title(text: str | None, *, raw: bool) -> str | None:
    return (
        text if raw or not text or "<" not in text else sanitised(html.escape(text, quote=False))
    )


def _terms(of: ParsedFeed | ParsedEntry) -> tuple[str, ...]:
    """Return labels, and the terms that stand behind them."""
    details = of.extras.get("category_details")
    if details is None:
        return of.categories
    listed = details if isinstance(details, list) else [details]
    terms = [str(d["term"]) for d in listed if isinstance(d, dict) and d.get("term")]
    return (*of.categories, *(term for term in terms if term not in of.categories))


# --- speed ------------------------------------------------------------------------------------


def run_bench(listing: Path, rounds: int, *, full: bool, raw: bool) -> Record:
    """Return the best of some rounds over the files in a list, all held in memory."""
    bodies = [Path(line).read_bytes() for line in listing.read_text().split("\n") if line]
    best = cpu = float("inf")
    entries = errors = 0
    gc.collect()
    for _ in range(rounds):
        began, began_cpu = time.perf_counter(), time.process_time()
        entries = errors = 0
        for body in bodies:
            try:
                feed = parse(body)
                if full:
                    entries += len(record_of(feed, raw=raw)["entries"])  # type: ignore[arg-type]
            except NotAFeed:
                errors += 1
        best = min(best, time.perf_counter() - began)
        cpu = min(cpu, time.process_time() - began_cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1024
    )
    return {
        "s": best,
        "cpu": cpu,
        "files": len(bodies),
        "mb": sum(map(len, bodies)) / 1e6,
        "entries": entries,
        "errors": errors,
        "maxrss_mb": peak,
    }
