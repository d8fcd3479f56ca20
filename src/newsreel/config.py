"""Settings, read once: command line, then environment, then a TOML file, then the defaults."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from newsreel.errors import UsageError

PREFIX = "NEWSREEL_"
OFF = frozenset(("off", "no", "none", "false", "0"))
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose.

    ``db`` is a path, ``sqlite:PATH`` or ``postgresql://…``; ``read_db`` a copy of it, for commands
    that write nothing (none: they read ``db``). ``archive`` and ``private_archive`` are the roots
    of the trees of day files (no private one: private feeds are written nowhere).
    ``captures`` is where raw captures are kept (None: nowhere), ``captures_budget`` how many bytes
    of them.
    ``allow_private`` opens hosts and networks that are refused otherwise. ``timeout`` is for a
    whole exchange, in seconds; ``host_gap`` the least time between two requests to one public
    host, in seconds; ``max_bytes`` a body's limit after decompression. ``proxy`` is
    what everything goes through but what goes to hosts that ``allow_private`` opens. ``listen`` is
    where the service answers (``host:port`` or ``unix:PATH``), ``public_url`` where the world
    reaches that.
    """

    db: str = field(default="", repr=False)
    read_db: str = field(default="", repr=False)
    archive: Path = Path()
    private_archive: Path | None = None
    captures: Path | None = None
    captures_budget: int = 2_000_000_000
    allow_private: tuple[str, ...] = ()
    user_agent: str = ""
    contact: str = ""
    concurrency: int = 64
    workers: int = 1
    timeout: timedelta = timedelta(seconds=30)
    host_gap: timedelta = timedelta(seconds=1)
    max_bytes: int = 15_000_000
    proxy: str = field(default="", repr=False)
    listen: str = ""
    public_url: str = ""


def read_settings(
    *, config: Path | None, given: Mapping[str, str | None], environ: Mapping[str, str]
) -> Settings:
    """Return the settings; ``given`` are those of the command line.

    Raises :class:`~newsreel.errors.UsageError` for a file that can't be read, an unknown name or a
    bad value.
    """
    defaults = settings = _defaults(environ)
    named = config or _named_path(environ)
    path = named or _usual_path(environ)
    if named is not None or path.exists():
        settings = _with(settings, _file_values(path), origin=str(path))
    names = {field.name for field in fields(Settings)}
    environment = {
        name: environ[PREFIX + name.upper()]
        for name in names
        if environ.get(PREFIX + name.upper())
    }
    settings = _with(settings, environment, origin="the environment")
    chosen = {name: value for name, value in given.items() if value}
    settings = _with(settings, chosen, origin="the command line")
    if settings.captures is not defaults.captures:
        return settings
    return replace(settings, captures=_captures_beside(settings.db) or defaults.captures)


def _captures_beside(db: str) -> Path | None:
    """Captures lie beside their database: those of two are not to be mixed."""
    path = db.removeprefix("sqlite:")
    return None if "://" in path else Path(path).expanduser().parent / "captures"


def _defaults(environ: Mapping[str, str]) -> Settings:
    home = Path(
        environ.get("XDG_DATA_HOME")
        or Path(environ.get("HOME") or "~").expanduser() / ".local/share"
    )
    data = home / "newsreel"
    return Settings(
        db=str(data / "newsreel.sqlite"), archive=data / "archive", captures=data / "captures"
    )


def _named_path(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(PREFIX + "CONFIG")
    return Path(named).expanduser() if named else None


def _usual_path(environ: Mapping[str, str]) -> Path:
    home = Path(
        environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".config"
    )
    return home / "newsreel" / "config.toml"


def _file_values(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(
            f"the settings can't be read: {path}: {error.strerror or error}",
            hint="name another file with --config",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the settings are no TOML: {path}: {error}", hint="mend the line it names"
        ) from error


def _with(settings: Settings, values: Mapping[str, Any], *, origin: str) -> Settings:
    known = {field.name for field in fields(Settings)}
    for name in values:
        if name not in known:
            raise UsageError(
                f"no such setting in {origin}: {name!r}",
                hint="known are: " + ", ".join(sorted(known)),
            )
    read = {name: _read(name, value, origin) for name, value in values.items()}
    return replace(settings, **read)


def _read(name: str, value: Any, origin: str) -> Any:  # noqa: ANN401 - the value of any setting
    try:
        match name:
            case "captures" if value is False or str(value).lower() in OFF:
                return None
            case "archive" | "private_archive" | "captures":
                return Path(str(value)).expanduser()
            case "allow_private":
                parts = value.split(",") if isinstance(value, str) else value
                return tuple(str(part).strip() for part in parts if str(part).strip())
            case "concurrency" | "workers" | "max_bytes" | "captures_budget":
                return _positive(int(value))
            case "timeout":
                return timedelta(seconds=_positive(float(value)))
            case "host_gap":
                return timedelta(seconds=_not_negative(float(value)))
            case "listen":
                return _listen(str(value))
            case "public_url":
                return _public_url(str(value))
            case _:
                return str(value)
    except (TypeError, ValueError, OverflowError):
        told = "" if name in _MAY_HOLD_SECRETS else f": {value!r}"
        raise UsageError(
            f"bad value for {name} in {origin}{told}", hint=_HINTS.get(name, "")
        ) from None


def _positive(number: N) -> N:
    if number <= 0:
        raise ValueError(number)
    return number


def _not_negative(number: N) -> N:
    if number < 0:
        raise ValueError(number)
    return number


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    is_unix = text.startswith("unix:") and len(text) > len("unix:")
    is_port = host != "" and colon != "" and port.isdecimal() and int(port) < 65536
    if not (is_unix or is_port) and text:
        raise ValueError(text)
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    is_plain = not (parts.username or parts.query or parts.fragment)
    if text and not (parts.scheme in {"http", "https"} and parts.hostname and is_plain):
        raise ValueError(text)
    return text.rstrip("/")


_MAY_HOLD_SECRETS = frozenset(("public_url",))
_HINTS = {
    "listen": "host:port or unix:PATH, such as 127.0.0.1:8000",
    "public_url": "where the world reaches this, such as https://news.example; "
    "without user, password, query and fragment",
    "timeout": "a number of seconds, such as 30",
    "host_gap": "a number of seconds, such as 1",
    "concurrency": "a whole number, such as 64",
    "workers": "a whole number, such as 2",
    "captures_budget": "a whole number of bytes, such as 2000000000",
    "max_bytes": "a whole number of bytes, such as 15000000",
    "allow_private": "hosts or networks, such as nas.lan or 127.0.0.0/8",
}
