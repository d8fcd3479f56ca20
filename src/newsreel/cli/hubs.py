"""The command hubs: who pushes what."""

import click

from newsreel.app.clock import utc_now
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, name_of, note, print_rows
from newsreel.core.hubs import announced_by, state_of
from newsreel.formats.urls import redacted
from newsreel.model.feed import Feed
from newsreel.model.hub import HubSubscription

COLUMNS = (
    ("feed", "feed"),
    ("title", "title"),
    ("state", "state"),
    ("lease_until", "until"),
    ("last_push_at", "last push"),
    ("pushes", "pushes"),
    ("ignored", "ignored"),
    ("fault", "fault"),
    ("hub", "hub"),
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def hubs(context: Context, *, as_json: bool) -> None:
    """Show which feeds announce a hub, and whether it pushes what they publish.

    Hubs push to 'newsreel run', where listen and public_url are set.
    """
    rows = context.run(_hubs(context))
    if not rows and not as_json:
        note("no feed announces a hub")
        return
    print_rows(rows, COLUMNS, as_json=as_json)


async def _hubs(context: Context) -> list[Row]:
    async with context.open_store(is_reading=True) as store:
        return [_row(feed, found) for feed, found in await store.hub_feeds()]


def _row(feed: Feed, found: HubSubscription | None) -> Row:
    announced = found.announced if found else announced_by(feed)
    return {
        "feed": feed.id,
        "title": name_of(feed),
        "state": state_of(found, feed, now=utc_now()),
        "status": found.status.value if found else None,
        "hub": redacted(announced.hub) if announced else None,
        "topic": redacted(announced.topic) if announced else None,
        "asked_at": found.asked_at if found else None,
        "next_at": found.next_at if found else None,
        "lease_until": found.lease_until if found else None,
        "last_push_at": found.last_push_at if found else None,
        "pushes": found.pushes if found else 0,
        "ignored": found.ignored if found else 0,
        "fault": found.fault if found else None,
    }
