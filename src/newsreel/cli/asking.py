"""Options on how a feed is asked for: headers, user agent, proxy, user and password.

What is secret is never an argument, for other users of the machine see those: it is read from a
file, from the standard input, or asked for at the terminal.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from newsreel.errors import UsageError
from newsreel.formats.urls import has_secret_name
from newsreel.model.feed import RequestOptions

F = TypeVar("F", bound=Callable[..., Any])
File = click.Path(dir_okay=False, allow_dash=True)
AMONG_OTHERS = "arguments can be seen by others on this machine"

OPTIONS = (
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="Sent with each request, in place of the headers so far; may be given several times.",
    ),
    click.option(
        "--header-file",
        type=File,
        help="The same for secret ones: a file with a header in each line, - for standard input.",
    ),
    click.option("--user-agent", help="Its own User-Agent; empty for the usual one."),
    click.option(
        "--proxy", metavar="URL", help="Its own proxy, http://host:port; empty for the usual one."
    ),
    click.option(
        "--proxy-file",
        type=File,
        help="The same for one with user and password: a file with the address, - for standard "
        "input.",
    ),
    click.option(
        "--user", help="Who asks; you are asked for the password. Empty: nobody in particular."
    ),
    click.option(
        "--password-file", type=File, help="A file with the password, - for standard input."
    ),
)
NO_HEADERS = click.option("--no-headers", is_flag=True, help="Drop all headers.")


def asking_options(command: F) -> F:
    """Give a command the options on how a feed is asked for."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def asked_with(options: RequestOptions, choices: Mapping[str, Any]) -> RequestOptions:
    """Return how a feed is asked for, with what was chosen now.

    Raises :class:`~newsreel.errors.UsageError` where that can't be meant, or would tell a secret.
    """
    if [choices[name] for name in ("header_file", "proxy_file", "password_file")].count("-") > 1:
        raise UsageError("two things can't both be read from the standard input")
    options = _with_headers(options, choices)
    if choices["user_agent"] is not None:
        agent = str(choices["user_agent"]).strip()
        options = replace(options, user_agent=_checked("User-Agent", agent)[1] if agent else None)
    if (proxy := _proxy(choices)) is not None:
        options = replace(options, proxy=proxy or None)
    return _with_user(options, choices)


def own_ways(options: RequestOptions) -> list[str]:
    """Return what is set, in words: never the values."""
    told = (
        ("headers", options.headers),
        ("user agent", options.user_agent),
        ("proxy", options.proxy),
        ("user", options.user),
    )
    return [name for name, value in told if value]


def _with_headers(options: RequestOptions, choices: Mapping[str, Any]) -> RequestOptions:
    given = [_header_in(line) for line in choices["headers"]]
    if secret := next((name for name, _ in given if has_secret_name(name)), None):
        raise UsageError(
            f"{secret} is secret, and {AMONG_OTHERS}", hint="put the line in a --header-file"
        )
    if file := choices["header_file"]:
        given += [_header_in(line) for line in _text_of(file).splitlines() if line.strip()]
    if given:
        return replace(options, headers=tuple(given))
    return replace(options, headers=()) if choices.get("no_headers") else options


def _header_in(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError("not a header: there is no colon in it", hint="write 'Name: value'")
    return _checked(name.strip(), value.strip())


def _checked(name: str, value: str) -> tuple[str, str]:
    from newsreel.fetch.exchange import OUR_HEADERS
    from newsreel.fetch.wire import request_bytes

    try:
        request_bytes("GET", "/", {name: value})
    except ValueError:
        raise UsageError(
            f"not a header: {name[:40]!r} (or what is to be sent as it)",
            hint="write 'Name: value', without line breaks and letters beyond Latin-1",
        ) from None
    if name.lower() in OUR_HEADERS:
        raise UsageError(f"the header {name} is written by Newsreel itself", hint="leave it out")
    return name, value


def _proxy(choices: Mapping[str, Any]) -> str | None:
    from newsreel.fetch.proxy import PROXY_HINT, proxy_of

    proxy: str | None = choices["proxy"]
    if proxy is not None and "@" in proxy:
        raise UsageError(
            f"the proxy's password is secret, and {AMONG_OTHERS}",
            hint="put the address in a --proxy-file",
        )
    if file := choices["proxy_file"]:
        proxy = _text_of(file).strip()
    try:
        _ = proxy and proxy_of(proxy)
    except ValueError:
        raise UsageError("the proxy's address is not one", hint=PROXY_HINT) from None
    return proxy


def _with_user(options: RequestOptions, choices: Mapping[str, Any]) -> RequestOptions:
    user, file = choices["user"], choices["password_file"]
    if user == "":
        return replace(options, user=None, password=None)
    user = user or options.user
    if user is None and file:
        raise UsageError("a password, but nobody to use it", hint="add --user NAME")
    if user is not None and ":" in user:
        raise UsageError("no user has a colon in the name (RFC 7617)")
    if file:
        return replace(options, user=user, password=_text_of(file).split("\n")[0].rstrip("\r"))
    if not choices["user"]:
        return options
    if not sys.stdin.isatty():
        raise UsageError("nobody to ask for the password", hint="add --password-file FILE")
    password = click.prompt(f"Password of {user}", hide_input=True, err=True)
    return replace(options, user=user, password=password)


def _text_of(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"can't be read: {file}: {why}") from None
