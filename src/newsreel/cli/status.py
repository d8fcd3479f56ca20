"""The archive in numbers, and what is wrong."""

from collections import Counter

import click

from newsreel.cli.context import Context
from newsreel.cli.feeds import feed_row
from newsreel.cli.listing import Row, print_json, print_rows, shown
from newsreel.cli.show import gap_row
from newsreel.model.feed import Feed, FeedStatus
from newsreel.store.addresses import public_form


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(context: Context, *, as_json: bool) -> None:
    """Show the archive in numbers, and what is wrong: feeds that fail, gaps that are open."""
    found = context.run(_status(context))
    if as_json:
        print_json(found)
        return
    failing, gaps = found.pop("failing"), found.pop("gaps")
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):>16}  {shown(value)}")
    if isinstance(failing, list) and failing:
        click.echo("\nFeeds in trouble:")
        print_rows(
            failing,
            (("id", "id"), ("title", "title"), ("state", "state"), ("last_ok_at", "last read")),
            as_json=False,
        )
    if isinstance(gaps, list) and gaps:
        click.echo("\nNot observed (newest):")
        columns = (("feed", "feed"), ("from", "from"), ("to", "to"), ("reason", "reason"))
        print_rows(gaps, columns, as_json=False)


async def _status(context: Context) -> Row:
    async with context.open_store(is_reading=True) as store:
        counts = await store.counts(now=store.clock())
        feeds = await store.feeds()
        gaps = await store.gaps(limit=10)
    troubled = [feed for feed in feeds if _is_in_trouble(feed)]
    return {
        "database": public_form(context.settings.db),
        "archive": str(context.settings.archive),
        "feeds": counts.feeds,
        "active": counts.active,
        "due": counts.due,
        "failing_feeds": counts.failing,
        "entries": counts.entries,
        "revisions": counts.revisions,
        "polls": counts.polls,
        "last_poll_at": max((at for feed in feeds if (at := feed.last_poll_at)), default=None),
        "days_to_write": counts.dirty_days,
        "open_gaps": counts.open_gaps,
        "size_mb": round(counts.size_bytes / 1e6, 1),
        "schema": counts.schema,
        "faults": [f"{count} {reason}" for reason, count in _faults(troubled).most_common()],
        "failing": [feed_row(feed) for feed in troubled],
        "gaps": [gap_row(gap) for gap in gaps],
    }


def _is_in_trouble(feed: Feed) -> bool:
    return feed.status is FeedStatus.GONE or (
        feed.status is FeedStatus.ACTIVE and feed.failures > 0
    )


def _faults(feeds: list[Feed]) -> Counter[str]:
    return Counter(feed.fault for feed in feeds if feed.fault)
