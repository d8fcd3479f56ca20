"""The command workers: who works on the database, and what it holds."""

from datetime import datetime

import click

from newsreel.cli.context import Context
from newsreel.cli.listing import Row, note, print_rows
from newsreel.store.protocols import WorkerState

SHOWN_HOSTS = 3
COLUMNS = (
    ("worker", "worker"),
    ("started_at", "started"),
    ("seconds_since_beat", "heard of"),
    ("feeds", "feeds"),
    ("shown_hosts", "hosts"),
    ("polls", "polls"),
    ("polls_a_minute", "a minute"),
    ("tasks", "tasks"),
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def workers(context: Context, *, as_json: bool) -> None:
    """Show who works on the database: what each worker holds and polls, and when it was heard of.

    "heard of" is how many seconds ago. What a database does not tell is a dash.
    """
    rows = context.run(_workers(context))
    if as_json:
        for row in rows:
            del row["shown_hosts"]
    elif not rows:
        note("nobody works on this database; 'newsreel run' does")
        return
    print_rows(rows, COLUMNS, as_json=as_json)


async def _workers(context: Context) -> list[Row]:
    async with context.open_store(is_reading=True) as store:
        return [_row(found, store.clock()) for found in await store.workers()]


def _row(found: WorkerState, now: datetime) -> Row:
    more = len(found.hosts) - SHOWN_HOSTS
    shown = [*found.hosts[:SHOWN_HOSTS], *([f"{more} more"] if more > 0 else [])]
    silence = now - found.beat_at if found.beat_at is not None else None
    return {
        "worker": found.name,
        "machine": found.machine,
        "pid": found.pid,
        "started_at": found.started_at,
        "beat_at": found.beat_at,
        "seconds_since_beat": max(int(silence.total_seconds()), 0) if silence else None,
        "feeds": found.feeds,
        "hosts": list(found.hosts),
        "shown_hosts": shown,
        "polls": found.polls,
        "polls_a_minute": found.rate,
        "tasks": list(found.tasks),
    }
