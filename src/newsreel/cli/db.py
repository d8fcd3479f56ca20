"""Commands on databases as a whole: copy, check."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from newsreel.cli.context import Context
from newsreel.cli.listing import note, plain
from newsreel.cli.progress import Progress
from newsreel.errors import StoreError

if TYPE_CHECKING:
    from newsreel.app.checking import Finding


@click.group()
def db() -> None:
    """Copy the whole archive to another database, or check this one."""


@db.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy a whole archive into another database, which is empty.

    Each is a path, sqlite:PATH or postgresql://USER@HOST/NAME; give a password in the file
    ~/.pgpass or in PGPASSWORD, for arguments can be read by others. Whatever polls or writes has
    to be stopped. If it is killed, run it again: it goes on where it stopped. At the end every row
    is read back and compared.
    """
    from newsreel.app.copying import copy_archive

    with _Stages() as stages:
        account = copy_archive(source, target, progress=stages.at)
    if account.rows_before:
        note(f"went on after {account.rows_before} rows")
    note(
        f"copied {account.rows} rows with {account.entries} entries from {plain(account.source)} "
        f"to {plain(account.target)}; read back and compared, all are the same"
    )
    note(f"sha256 of the archive's rows: {account.digest}")
    if not account.has_index and account.entries:
        note(
            "the search index is made again: bit by bit with each poll, or at once by "
            "'newsreel reindex'"
        )


@db.command()
@click.pass_obj
def check(context: Context) -> None:
    """Look whether the database is sound.

    Checked are its pages, its rows, and what they say of each other. Nothing is changed. Exits
    with 1 where something is wrong.
    """
    from newsreel.app.checking import check_archive

    with _Stages() as stages:
        account = check_archive(context.settings.db, progress=stages.at)
    for finding in account.findings:
        note(_told(finding))
    if account.findings:
        raise StoreError(
            f"{len(account.findings)} things are wrong with {plain(account.name)}",
            hint="copy the database before anything else, then mend what each line names",
        )
    note(
        f"checked {account.entries} entries with {account.wordings} wordings of {account.feeds} "
        f"feeds in {plain(account.name)}: nothing is wrong"
    )


def _told(finding: "Finding") -> str:
    text = f"wrong: {plain(finding.told)}"
    if finding.examples:
        text += f": {finding.count}, such as {', '.join(map(plain, finding.examples))}"
    return f"{text}\n  hint: {finding.hint}"


class _Stages:
    """Shows work of several stages, each with a bar of its own."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def at(self, what: str, done: int, total: int) -> None:
        """So many of so many are done of a stage."""
        if what != self._what or self._bar is None:
            self.__exit__(None, None, None)
            self._what, self._bar = what, Progress(what, total).__enter__()
        self._bar.at(done, total)
