"""Check a whole database: its pages, what its rows say of each other, and digests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from newsreel.core.normalize import DIGEST_VERSION, digest_of
from newsreel.errors import StoreError
from newsreel.model.day import WriteReason
from newsreel.model.entry import Content
from newsreel.store.checks import CHECKS, DAYS, EXPORT, REASONS, REBUILD, WORDINGS, Check
from newsreel.store.transfer import Reader, open_reader

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is, and of how much."""

MOST_NAMED = 3
TOLD_EVERY = 1_000


@dataclass(slots=True)
class Finding:
    """Something that is wrong: how often, what, where for example, and the way out."""

    told: str
    hint: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: object) -> None:
        """Count one more, and keep it if it is one of the first."""
        self.count += 1
        if len(self.examples) < MOST_NAMED:
            self.examples.append(str(example))


@dataclass(slots=True, kw_only=True)
class CheckAccount:
    """What was checked, in numbers, and what is wrong; ``name`` is the database's address."""

    name: str
    feeds: int = 0
    entries: int = 0
    wordings: int = 0
    findings: list[Finding] = field(default_factory=list)


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def check_archive(address: str, *, progress: Progress = silent) -> CheckAccount:
    """Check the database at an address as it stands at one moment, and return what was found.

    Raises :class:`~newsreel.errors.StoreError` where it can't be opened.
    """
    with open_reader(address) as reader:
        account = CheckAccount(name=reader.name)
        checks = (*reader.checks, *CHECKS)
        for index, check in enumerate(checks):
            progress("checking", index, len(checks))
            _note(account, partial(_broken, reader, check))
        _note(account, partial(_odd_days, reader))
        _note(account, partial(_odd_reasons, reader))
        _note(account, partial(_count, reader, account))
        _note(account, partial(_other_digests, reader, account.wordings, progress))
    return account


def _note(account: CheckAccount, find: Callable[[], Finding]) -> None:
    try:
        finding = find()
    except StoreError as error:
        finding = Finding(f"places that can't be read: {error}", REBUILD, count=1)
    if finding.count and finding not in account.findings:
        account.findings.append(finding)


def _broken(reader: Reader, check: Check) -> Finding:
    finding = Finding(check.told, check.hint)
    for row in reader.query(check.query):
        finding.add(row[0])
    return finding


def _odd_days(reader: Reader) -> Finding:
    finding = Finding("days that are none", REBUILD)
    for (day,) in reader.query(DAYS):
        if not _is_day(day):
            finding.add(day)
    return finding


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _odd_reasons(reader: Reader) -> Finding:
    finding = Finding("reasons to write a page that are none", EXPORT)
    for (reason,) in reader.query(REASONS):
        if reason not in set(WriteReason):
            finding.add(reason)
    return finding


def _count(reader: Reader, account: CheckAccount) -> Finding:
    """Count what is checked; there is nothing wrong with that but places that can't be read."""
    account.feeds, account.entries, account.wordings = (
        next(reader.query(f"SELECT count(*) FROM {name}"))[0]  # noqa: S608 - names of ours
        for name in ("feeds", "entries", "revisions")
    )
    return Finding("", "")


def _other_digests(reader: Reader, total: int, progress: Progress) -> Finding:
    """Return the wordings whose digest is not that of what stands there."""
    finding = Finding("wordings that are not what their digest says", REBUILD)
    for done, row in enumerate(reader.query(WORDINGS)):
        entry_id, digest, version, title, permalink, author, summary, body = row
        if done % TOLD_EVERY == 0:
            progress("comparing digests", done, total)
        if version != DIGEST_VERSION:
            continue
        content = Content(
            title=title, permalink=permalink, author=author, summary=summary, body=body
        )
        if digest_of(content) != digest:
            finding.add(entry_id)
    finding.examples = [_public_id(reader, entry_id) for entry_id in finding.examples]
    return finding


def _public_id(reader: Reader, entry_id: str) -> str:
    query = f"SELECT public_id FROM entries WHERE id = {int(entry_id)}"  # noqa: S608 - a number
    found = next(reader.query(query), None)
    return found[0] if found else f"of entry {entry_id}"
