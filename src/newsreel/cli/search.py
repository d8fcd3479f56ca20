"""The commands of search: search, searches, similar, reindex."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice

import click

from newsreel.app.clock import utc_now
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, name_of, note, plain, print_json, print_rows, shown
from newsreel.cli.progress import Progress
from newsreel.errors import UsageError
from newsreel.formats.urls import redacted
from newsreel.model.feed import Feed
from newsreel.model.query import FacetCount, Facets, Hit, Order, Snippet
from newsreel.store.protocols import Store

MOST_SHOWN = 12
SEARCH_COLUMNS = (("name", "name"), ("count", "entries"), ("query", "query"))


class WithMinus(click.Command):
    """A command whose arguments may begin with a minus; options begin with two, but for -h."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Part options from words."""
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        options: list[str] = []
        words: list[str] = []
        left = iter(args)
        for arg in left:
            if arg == "--":
                words += left
            elif arg.startswith("--") or arg == "-h":
                options += [arg, *islice(left, arg in valued)]
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])


@click.command(cls=WithMinus)
@click.argument("words", metavar="QUERY", nargs=-1)
@click.option(
    "--sort",
    type=click.Choice([order.value for order in Order]),
    default=Order.NEWEST.value,
    show_default=True,
    help="What comes first.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Hits on a page.",
)
@click.option("--after-key", metavar="KEY", help="Go on where another page ended.")
@click.option("--facets", "has_facets", is_flag=True, help="Count by feed, folder, day and more.")
@click.option("--save", "saved_as", metavar="NAME", help="Keep the search under a name.")
@click.option("--saved", metavar="NAME", help="Search for what was saved under a name.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def search(  # noqa: PLR0913 - one for each option
    context: Context,
    words: tuple[str, ...],
    *,
    sort: str,
    limit: int,
    after_key: str | None,
    has_facets: bool,
    saved_as: str | None,
    saved: str | None,
    as_json: bool,
) -> None:
    """Find entries by their words: in titles, texts and authors, and in wordings of before.

    All words must be there; "in quotes" they stand one after the other, -word excludes, OR and
    parentheses combine, word* may go on. Put single quotes around a query, since the shell reads
    double ones.
    """

    async def run() -> None:
        async with context.open_store(is_reading=saved_as is None) as store:
            text = " ".join(words) if saved is None else await _saved_text(store, saved, words)
            if saved_as is not None:
                await _save(store, saved_as, text)
            await _search(
                store, text, order=Order(sort), limit=limit, after=after_key,
                has_facets=has_facets, as_json=as_json,
            )  # fmt: skip

    context.run(run())


@click.command()
@click.option("--remove", metavar="NAME", help="Forget one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def searches(context: Context, remove: str | None, *, as_json: bool) -> None:
    """List the saved searches, and how many entries each finds."""

    async def run() -> None:
        from newsreel.app.saved_searches import counted_searches

        async with context.open_store(is_reading=remove is None) as store:
            if remove is not None:
                if not await store.remove_search(remove):
                    raise _no_search(remove)
                note(f"forgotten: {plain(remove)}")
                return
            rows: list[Row] = [
                {
                    "name": found.search.name,
                    "query": found.search.text,
                    "count": found.count if as_json else told(found.count, found.is_count_exact),
                    "is_count_exact": found.is_count_exact,
                    "newest": found.newest_id,
                    "saved_at": found.search.saved_at,
                }
                for found in await counted_searches(store, clock=utc_now)
            ]
        print_rows(rows, SEARCH_COLUMNS, as_json=as_json)

    context.run(run())


@click.command()
@click.argument("entry")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True,
              help="How many.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def similar(context: Context, entry: str, *, limit: int, as_json: bool) -> None:
    """List entries that share rare words with one (its id), the most similar first."""

    async def run() -> None:
        from newsreel.app.search import similar as similar_to

        async with context.open_store(is_reading=True) as store:
            hits = await similar_to(store, entry, limit=limit)
            rows = await _hit_rows(store, hits)
        if as_json:
            print_json(rows)
            return
        for hit, row in zip(hits, rows, strict=True):
            _show_hit(hit, row)
        if not hits:
            note("nothing is similar")

    context.run(run())


@click.command()
@click.option("--anew", "is_anew", is_flag=True, help="Forget the index first.")
@click.pass_obj
def reindex(context: Context, *, is_anew: bool) -> None:
    """Bring the search index up to date, and make it as small and fast as it can be.

    It needs no more than a start: polls go on, searches find what is indexed already, and what was
    stopped goes on where it was.
    """

    async def run() -> None:
        from newsreel.app.search_index import reindex as make_index

        async with context.open_store() as store:
            with Progress("indexing", 0) as progress:
                count = await make_index(store, is_anew=is_anew, progress=progress.at)
        note(f"indexed {count} entries")

    context.run(run())


async def _saved_text(store: Store, name: str, words: tuple[str, ...]) -> str:
    for found in await store.saved_searches():
        if found.name.casefold() == name.casefold():
            return " ".join((found.text, *words))
    raise _no_search(name)


def _no_search(name: str) -> UsageError:
    return UsageError(
        f"no search was saved as {plain(name)!r}", hint="'newsreel searches' lists them"
    )


async def _save(store: Store, name: str, text: str) -> None:
    from newsreel.app.saved_searches import save_search

    is_new = await save_search(store, name, text, clock=utc_now)
    note(f"{'saved' if is_new else 'saved instead of the former'}: {plain(name)}")


async def _search(
    store: Store,
    text: str,
    *,
    order: Order,
    limit: int,
    after: str | None,
    has_facets: bool,
    as_json: bool,
) -> None:
    from newsreel.app.search import search as search_archive

    answer = await search_archive(
        store, text, clock=utc_now, order=order, limit=limit, after=after, has_facets=has_facets
    )
    page = answer.page
    rows = await _hit_rows(store, page.hits)
    if not rows and not await store.feeds():
        note("no feeds yet; 'newsreel add URL' adds one, 'newsreel import FILE' many")
    names = {str(feed.id): name_of(feed) for feed in await store.feeds()} if has_facets else {}
    for remark in answer.notes:
        note(f"note: {plain(remark)}")
    if as_json:
        found: Row = {
            "count": page.count,
            "is_count_exact": page.is_count_exact,
            "hits": rows,
            "next_key": page.next_key,
            "notes": list(answer.notes),
        }
        print_json(found | ({"facets": _facets_object(page.facets, names)} if has_facets else {}))
        return
    for hit, row in zip(page.hits, rows, strict=True):
        _show_hit(hit, row)
    if has_facets:
        _show_facets(page.facets, names)
    note(f"{told(page.count, page.is_count_exact)} entries")
    if page.next_key:
        note(f"more: --after-key {page.next_key}")


def told(count: int, is_exact: bool) -> str:  # noqa: FBT001 - it is one value in two fields
    """Return a count, or that there are more."""
    return str(count) if is_exact else f"more than {count}"


async def _hit_rows(store: Store, hits: Iterable[Hit]) -> list[Row]:
    feeds: dict[int, Feed | None] = {}
    rows = []
    for hit in hits:
        if hit.feed_id not in feeds:
            feeds[hit.feed_id] = await store.feed(hit.feed_id)
        feed = feeds[hit.feed_id]
        entry = await store.entry(hit.public_id)
        link = entry.content.permalink if entry else None
        row: Row = {
            "id": hit.public_id,
            "feed": hit.feed_id,
            "feed_title": name_of(feed) if feed else None,
            "day": hit.day.isoformat(),
            "at": hit.moment,
            "title": hit.title.text,
            "title_marks": [list(mark) for mark in hit.title.marks],
            "link": redacted(link) if link and feed and feed.is_private else link,
            "revision": hit.revision,
            "revisions": entry.revision_count if entry else None,
            "is_current": hit.is_current,
            "score": hit.score,
            "snippets": [asdict(snippet) for snippet in hit.snippets],
        }
        rows.append(row)
    return rows


def _show_hit(hit: Hit, row: Row) -> None:
    click.echo(_marked(hit.title) or "(no title)")
    facts = [shown(row["at"]), shown(row["feed_title"]), hit.public_id]
    if not hit.is_current:
        facts.append(f"in its revision {hit.revision} of {row['revisions']}, no longer in today's")
    click.secho("  " + "  ".join(facts), dim=True)
    for snippet in hit.snippets:
        before = "…" if snippet.is_cut_before else ""
        after = "…" if snippet.is_cut_after else ""
        if text := _marked(snippet).strip():
            click.echo(f"  {before}{text}{after}")
    click.echo()


def _marked(snippet: Snippet) -> str:
    """Return a text with its marks in bold, on a terminal."""
    if not sys.stdout.isatty():
        return plain(snippet.text)
    pieces, end = [], 0
    for start, stop in snippet.marks:
        pieces.append(plain(snippet.text[end:start]))
        pieces.append(click.style(plain(snippet.text[start:stop]), bold=True, underline=True))
        end = stop
    return "".join([*pieces, plain(snippet.text[end:])])


def _facet_lists(facets: Facets) -> dict[str, tuple[FacetCount, ...]]:
    return {
        "feeds": facets.feeds,
        "folders": facets.folders,
        "languages": facets.languages,
        "sites": facets.sites,
        "days": facets.days,
    }


def _facets_object(facets: Facets, names: dict[str, str]) -> Row:
    rows: Row = {
        name: [
            {"value": found.value, "count": found.count}
            | ({"title": names.get(found.value)} if name == "feeds" else {})
            for found in counts
        ]
        for name, counts in _facet_lists(facets).items()
    }
    return rows | {"is_whole": facets.is_whole}


def _show_facets(facets: Facets, names: dict[str, str]) -> None:
    if not facets.is_whole:
        click.echo("Of the newest hits alone, since there are too many:\n")
    for name, counts in _facet_lists(facets).items():
        if not counts:
            continue
        kept = counts[-MOST_SHOWN:] if name == "days" else counts[:MOST_SHOWN]
        labels = names if name == "feeds" else {}
        rows: list[Row] = [
            {"value": labels.get(found.value, found.value), "count": found.count} for found in kept
        ]
        print_rows(rows, (("value", name), ("count", "entries")), as_json=False)
        if len(counts) > len(kept):
            which = "older days" if name == "days" else name
            click.echo(f"and {len(counts) - len(kept)} more {which}")
        click.echo()
