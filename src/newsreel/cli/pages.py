"""Pages as feeds: the selectors as options, and `newsreel try-page`."""

import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsreel.cli.asking import asked_with, asking_options
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, note, plain, print_json, print_rows
from newsreel.errors import NoEntries, UsageError
from newsreel.model.feed import AS_SET, PageRules, RequestOptions

if TYPE_CHECKING:
    from newsreel.model.capture import Capture, Fault
    from newsreel.model.entry import ParsedEntry, ParsedFeed

F = TypeVar("F", bound=Callable[..., Any])

WITHIN = {
    "title": "Where an entry's title stands in it.",
    "link": "Where its link stands.",
    "date": "Where its date stands.",
    "summary": "Where its summary stands.",
}
COLUMNS = (
    ("title", "title"),
    ("published_at", "date"),
    ("permalink", "address"),
    ("summary", "summary"),
)
SHOWN = 20


def page_options(command: F, *, has_short_names: bool = False) -> F:
    """Give a command the selectors of a page; ``--title`` and the like are the short names."""
    for name, told in reversed(WITHIN.items()):
        names = [f"--entry-{name}", *([f"--{name}"] if has_short_names else [])]
        command = click.option(*names, f"entry_{name}", metavar="SELECTOR", help=told)(command)
    told = "Read it as a page: a CSS selector for the elements that are the entries."
    return click.option("--entries", metavar="SELECTOR", help=told)(command)


def rules_with(rules: PageRules | None, choices: Mapping[str, Any]) -> PageRules | None:
    """Return how a page is read, with what was chosen now; an empty ``--entries``: as a feed.

    Raises :class:`~newsreel.errors.UsageError` where that is no selector, or one of nothing.
    """
    from newsreel.formats.page import check_rules

    given = {name: choices[f"entry_{name}"] for name in WITHIN}
    given = {name: selector for name, selector in given.items() if selector is not None}
    entries = choices["entries"]
    if entries == "":
        return None
    if entries is None and not given:
        return rules
    if entries is None and rules is None:
        raise UsageError(
            "selectors, but none for the entries",
            hint="add --entries SELECTOR; 'newsreel try-page URL' proposes one",
        )
    former = rules.selectors if rules is not None else {}
    chosen = former | given | ({"entries": entries} if entries is not None else {})
    found = PageRules(**{name: selector for name, selector in chosen.items() if selector})
    check_rules(found)
    return found


@click.command("try-page")
@click.argument("url", metavar="URL")
@partial(page_options, has_short_names=True)
@asking_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def try_page(context: Context, /, url: str, *, as_json: bool, **choices: object) -> None:
    """Show what would be read of a page by CSS selectors, and propose some.

    Nothing is stored. The last line is the command that subscribes to the page so.
    """
    rules = rules_with(None, choices)
    options = asked_with(AS_SET, choices)
    found = context.run(_tried(context, url, options, rules))
    if as_json:
        print_json(found.as_json())
    if found.trouble is not None:
        raise found.trouble
    if not as_json:
        found.tell()


async def _tried(
    context: Context, url: str, options: RequestOptions, rules: PageRules | None
) -> "_Trial":
    from newsreel.app.clock import utc_now
    from newsreel.app.discover import page_at
    from newsreel.app.robots import fault_of_polls
    from newsreel.formats.page_proposals import propose_rules

    async with context.client() as client:
        address, capture = await page_at(url, client, options)
        fault = await fault_of_polls(capture, client, clock=utc_now, options=options)
    if rules is not None:
        return _Trial(address, capture, (rules,), fault)
    body, kind = capture.body or b"", capture.content_type
    proposed = propose_rules(body, url=capture.final_url, content_type=kind)
    if not proposed:
        raise NoEntries(
            "nothing on the page repeats as a list of news does",
            hint="where a browser shows one, scripts made it: look for the address they ask, or "
            "give --entries SELECTOR",
        )
    return _Trial(address, capture, proposed, fault)


class _Trial:
    """What selectors find on a page; the first rules are those that are shown."""

    def __init__(
        self,
        address: str,
        capture: "Capture",
        rules: tuple[PageRules, ...],
        fault_of_polls: "Fault | None",
    ) -> None:
        from newsreel.formats.page import count_matches, read_page

        body, content_type = capture.body or b"", capture.content_type
        self.address, self.rules = address, rules
        self.robots = fault_of_polls.detail if fault_of_polls is not None else None
        self.counts = count_matches(body, rules[0], content_type=content_type)
        self.feed: ParsedFeed | None = None
        self.trouble: NoEntries | None = None
        try:
            self.feed = read_page(body, rules[0], url=capture.final_url, content_type=content_type)
        except NoEntries as error:
            self.trouble = error

    def as_json(self) -> Row:
        return {
            "url": self.address,
            "title": self.feed.title if self.feed else None,
            "selectors": self.rules[0].selectors,
            "others": [rules.selectors for rules in self.rules[1:]],
            "elements": self.counts.entries,
            "matched_in": self.counts.within,
            "entries": self._rows(),
            "robots": self.robots,
            "command": self.command(),
        }

    def tell(self) -> None:
        rows = self._rows()
        print_rows(rows[:SHOWN], COLUMNS, as_json=False)
        if len(rows) > SHOWN:
            note(f"… and {len(rows) - SHOWN} more (--json)")
        counts = self.counts
        note(f"{len(rows)} entries in {counts.entries} elements")
        for name, count in counts.within.items():
            if count < counts.entries:
                found = f"{count} of {counts.entries} elements" if count else "nothing"
                note(f"note: --entry-{name} {self.rules[0].selectors[name]!r} matches {found}")
        for fault in self.feed.forgiven if self.feed else ():
            note(f"note: {plain(fault.what)}, {plain(fault.read_as)}")
        for rules in self.rules[1:]:
            note(f"or: {_flags(rules)}")
        if self.robots is not None:
            note(f"note: it would not be polled: {self.robots}")
        note(f"subscribe: {self.command()}")

    def command(self) -> str:
        return f"newsreel add {shlex.quote(plain(self.address))} {_flags(self.rules[0])}"

    def _rows(self) -> list[Row]:
        return [_row_of(entry) for entry in self.feed.entries] if self.feed else []


def _row_of(entry: "ParsedEntry") -> Row:
    from newsreel.formats.dates import read_date
    from newsreel.formats.html_text import first_text
    from newsreel.formats.urls import absolute

    found = read_date(entry.published)
    return {
        "title": entry.title,
        "permalink": absolute(entry.link, entry.base_url),
        "published_at": found.at if found else None,
        "published_raw": entry.published,
        "summary": first_text(entry.summary, 80) or None,
    }


def _flags(rules: PageRules) -> str:
    return " ".join(
        f"--{'entries' if name == 'entries' else f'entry-{name}'} {shlex.quote(plain(selector))}"
        for name, selector in rules.selectors.items()
    )
