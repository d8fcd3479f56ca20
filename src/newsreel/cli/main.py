"""The command's door: global options, commands imported when called, errors told with a hint."""

import importlib
import io
import os
import sys
from pathlib import Path

import click

from newsreel import __version__
from newsreel.errors import NewsreelError, UsageError

COMMANDS = {
    "add": ("adding:add", "Add a feed by its address, or by its site's."),
    "try-page": ("pages:try_page", "Show what a page says as a feed, and propose selectors."),
    "import": ("importing:import_", "Bring in OPML, lists of addresses, and old archives."),
    "poll": ("polling:poll", "Poll what is due, once, and write the days that changed."),
    "run": ("polling:run", "Poll and write days for ever, as a service."),
    "feeds": ("feeds:feeds", "List the feeds."),
    "show": ("show:show", "Show a feed, or an entry with its revisions."),
    "search": ("search:search", "Find entries by their words."),
    "searches": ("search:searches", "List the saved searches, with what each finds."),
    "similar": ("search:similar", "List entries that share rare words with one."),
    "days": ("exporting:days", "List the days of the archive."),
    "log": ("polling:log", "Show what each poll brought."),
    "doctor": ("doctor:doctor", "Poll one feed and explain everything about it."),
    "status": ("status:status", "Show the archive in numbers, and what is wrong."),
    "workers": ("fleet:workers", "Show who works on the database, and what each holds."),
    "hubs": ("hubs:hubs", "Show which feeds are pushed by a hub."),
    "edit": ("feeds:edit", "Change a feed: title, folder, tags, interval, private, paused."),
    "remove": ("feeds:remove", "Stop polling a feed; its archive stays."),
    "export": ("exporting:export", "Write the days that changed as plain files."),
    "sql": ("rows:sql", "Ask the archive's tables with a SELECT."),
    "export-opml": ("importing:export_opml", "Write the feeds as OPML."),
    "rebuild": ("exporting:rebuild", "Make a database from the archive's files."),
    "reparse": ("captures:reparse", "Read raw captures again with today's parser."),
    "withhold": (
        "exporting:withhold",
        "Take an entry out of all that is public; it is kept, sealed.",
    ),
    "erase": ("exporting:erase", "Delete an entry everywhere, for ever."),
    "reindex": ("search:reindex", "Bring the search index up to date."),
    "db": ("db:db", "Copy the whole archive to another database, or check this one."),
    "parse": ("parse:parse", "Print what a feed says, as it is understood."),
    "demo": ("demo:demo", "A newsroom in a box: see what Newsreel does, in a few seconds."),
}


class Commands(click.Group):
    """Commands by name, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of a user's first day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(f"newsreel.cli.{module}"), name)
        if not isinstance(found, click.Command):
            raise TypeError(found)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings come from options, then NEWSREEL_* variables, then the file of --config.",
)
@click.option("--db", metavar="DB", help="The database: a path, or postgresql://USER@HOST/NAME.")
@click.option("--read-db", metavar="DB", help="A copy of it, which may be late, for reading.")
@click.option("--archive", metavar="DIR", help="Where the day files are written.")
@click.option("--private-archive", metavar="DIR", help="Where those of private feeds are written.")
@click.option("--captures", metavar="DIR", help="Where raw captures are kept; off: nowhere.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A TOML file.")
@click.version_option(__version__, prog_name="newsreel", message="%(prog)s %(version)s")
@click.pass_context
def newsreel(
    ctx: click.Context,
    db: str | None,
    read_db: str | None,
    archive: str | None,
    private_archive: str | None,
    captures: str | None,
    config: Path | None,
) -> None:
    """Keep what the news said: every entry of your feeds, every revision, as plain files."""
    from newsreel.cli.context import Context
    from newsreel.config import read_settings

    given = {
        "db": db,
        "read_db": read_db,
        "archive": archive,
        "private_archive": private_archive,
        "captures": captures,
    }
    ctx.obj = Context(read_settings(config=config, given=given, environ=os.environ))


def main() -> None:
    """Run the command; exit with 0 done, 1 could not be done, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        newsreel.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except UsageError as error:
        _tell(error)
        sys.exit(2)
    except NewsreelError as error:
        _tell(error)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(error: NewsreelError) -> None:
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
