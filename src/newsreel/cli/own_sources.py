"""Directories, files and mailboxes as they are typed."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from newsreel.cli.asking import AMONG_OTHERS
from newsreel.errors import UsageError
from newsreel.formats.urls import is_elsewhere, is_file, is_mailbox

BEGINNINGS = ("/", "./", "../", "~")


def own_address(text: str) -> str | None:
    """Return the address of a directory, a file or a mailbox; None for what is of the web.

    Raises :class:`~newsreel.errors.UsageError` where nothing is there, or a password is, or where
    another machine is meant.
    """
    text = text.strip()
    if is_mailbox(text):
        return _mailbox(text)
    path = _typed(text)
    return _path(path) if path is not None else None


def kept_addresses(text: str) -> tuple[str, ...]:
    """Return what a path's address may be as a feed; none where it is no path.

    Nothing needs to be there any more.
    """
    path = None if is_elsewhere(text) else _typed(text.strip())
    if path is None:
        return ()
    address = _whole(path).as_uri()
    return address, address.rstrip("/") + "/"


def user_in(address: str) -> str | None:
    """Return who asks for a mailbox, as its address says."""
    user = urlsplit(address).username if is_mailbox(address) else None
    return unquote(user) if user else None


def _typed(text: str) -> Path | None:
    if is_file(text):
        return _file(text)
    if text.startswith("dir:"):
        return Path(text.removeprefix("dir:"))
    if text.startswith(BEGINNINGS) or text in {".", ".."}:
        return Path(text)
    return None


def _file(text: str) -> Path:
    if is_elsewhere(text):
        raise UsageError(
            f"a file of another machine: {text}",
            hint="give a path of this one; what is mounted here has one",
        )
    return Path(unquote(urlsplit(text).path))


def _path(path: Path) -> str:
    path = _whole(path)
    if path.is_dir():
        return path.as_uri().rstrip("/") + "/"
    if not path.is_file():
        raise UsageError(f"no directory and no file: {path}", hint="check the path")
    return path.as_uri()


def _whole(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # nobody of that name has a home
        return path.absolute()


def _mailbox(text: str) -> str:
    from newsreel.fetch.mailbox import mailbox_of

    try:
        parts = urlsplit(text)
        if parts.password is not None:
            raise UsageError(
                f"the password is secret, and {AMONG_OTHERS}",
                hint="leave it out: it is asked for, or read from a --password-file",
            )
        box = mailbox_of(text)
    except ValueError:
        raise UsageError(
            "not the address of a mailbox", hint="write imaps://user@host/INBOX"
        ) from None
    user = f"{quote(box.user, safe='')}@" if box.user else ""
    host = f"[{box.host}]" if ":" in box.host else box.host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{host}{port}/{quote(box.name)}"
