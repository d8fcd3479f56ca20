"""What the invented papers print, and when: the copy in ``copy/*.toml`` and the bulletins.

Times in the copy are a paper's own: ``at = "tue 07:15"`` is a quarter past seven on the Tuesday,
in its ``zone``. ``published`` is given where a paper claims another time than that at which the
article turns up; an article's ``later`` are the wordings that follow the first.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from importlib import resources
from typing import Any

from newsreel.demo.bulletins import BULLETINS

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e"})


class Format(StrEnum):
    """The formats that the papers write."""

    RSS_091 = "rss-0.91"
    RSS_1 = "rss-1.0"
    RSS_2 = "rss-2.0"
    ATOM_03 = "atom-0.3"
    ATOM_1 = "atom-1.0"
    JSON_1 = "json-1.0"
    JSON_11 = "json-1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What an article says from a moment on."""

    since: datetime
    title: str
    text: str
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article: it turns up at ``at``, claims to be of ``published``, and has wordings."""

    number: int
    name: str
    at: datetime
    published: datetime
    wordings: tuple[Wording, ...]
    by: str | None = None
    topics: tuple[str, ...] = ()
    has_picture: bool = False

    def wording(self, now: datetime) -> Wording:
        """Return what it says now."""
        return [wording for wording in self.wordings if wording.since <= now][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A paper's new address."""

    at: datetime
    host: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """When a paper's server answers with nothing but an error."""

    at: datetime
    until: datetime
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper with all that it prints this week, oldest first."""

    name: str
    host: str
    path: str
    format: Format
    language: str
    about: str
    interval: timedelta
    encoding: str = "utf-8"
    link_suffix: str = ""
    is_podcast: bool = False
    articles: tuple[Article, ...] = ()
    moved: Move | None = None
    broken: Breakdown | None = None

    @property
    def url(self) -> str:
        """The address under which its feed is known at the beginning of the week."""
        return f"http://{self.host}{self.path}"

    def printed(self, now: datetime) -> list[Article]:
        """Return what is out by now, the latest to turn up first."""
        out = [article for article in self.articles if article.at <= now]
        return sorted(out, key=lambda article: (article.at, article.number), reverse=True)

    def hosts(self) -> list[str]:
        """Return the names of its servers."""
        return [self.host, *([self.moved.host] if self.moved else [])]


def read_papers() -> list[Paper]:
    """Return all papers, in the order of their files' names."""
    files = resources.files("newsreel.demo").joinpath("copy").iterdir()
    texts = {file.name: file.read_text("utf-8") for file in files if file.name.endswith(".toml")}
    return [paper_of(tomllib.loads(text)) for _, text in sorted(texts.items())]


def paper_of(copy: dict[str, Any]) -> Paper:
    """Return the paper that a file of copy describes."""
    zone = _zone_of(copy["zone"])
    rows = list(copy.get("article", ()))
    if name := copy.get("bulletin"):
        rows += BULLETINS[name]()
    articles = [_article_of(row, number, zone) for number, row in enumerate(rows, 1)]
    moved, broken = copy.get("moved"), copy.get("broken")
    paper = Paper(
        name=copy["name"],
        host=copy["host"],
        path=copy["path"],
        format=Format(copy["format"]),
        language=copy["language"],
        about=copy["about"],
        interval=timedelta(minutes=copy["interval_minutes"]),
        encoding=copy.get("encoding", "utf-8"),
        link_suffix=copy.get("link_suffix", ""),
        is_podcast=copy.get("is_podcast", False),
        articles=tuple(sorted(articles, key=lambda article: (article.at, article.number))),
    )
    if moved:
        move = Move(at=_time_of(moved["at"], zone), host=moved["host"], path=moved["path"])
        paper = replace(paper, moved=move)
    if broken:
        at, until = _time_of(broken["at"], zone), _time_of(broken["until"], zone)
        paper = replace(paper, broken=Breakdown(at=at, until=until, status=broken["status"]))
    return paper


def _article_of(row: dict[str, Any], number: int, zone: timezone) -> Article:
    at = _time_of(row["at"], zone)
    published = _time_of(row["published"], zone) if "published" in row else at
    first = Wording(since=at, title=row["title"], text=row["text"], body=row.get("body"))
    wordings = [first]
    for later in row.get("later", ()):
        before = wordings[-1]
        wordings.append(
            Wording(
                since=_time_of(later["at"], zone),
                title=later.get("title", before.title),
                text=later.get("text", before.text),
                body=later.get("body", before.body),
            )
        )
    return Article(
        number=number,
        name=_slug_of(first.title),
        at=at,
        published=published - timedelta(minutes=2, seconds=number * 7 % 60),
        wordings=tuple(wordings),
        by=row.get("by"),
        topics=tuple(row.get("topics", ())),
        has_picture=row.get("picture", False),
    )


def _time_of(text: str, zone: timezone) -> datetime:
    """Return ``tue 07:15`` as a moment of the demo's week, in the paper's zone."""
    weekday, clock = text.split()
    hour, minute = clock.split(":")
    day = MONDAY + timedelta(days=WEEKDAYS.index(weekday) - 1)
    return day.replace(hour=int(hour), minute=int(minute), tzinfo=zone)


def _zone_of(text: str) -> timezone:
    hours, minutes = text[1:].split(":")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if text[0] == "-" else ahead)


def _slug_of(title: str) -> str:
    words = re.findall("[a-z0-9]+", title.lower().translate(_SPELLED))
    return "-".join(words[:6])
